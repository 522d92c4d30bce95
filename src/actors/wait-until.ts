/** Waiting for something that the shards of a running job are to do, as their statuses tell. */
import { nodeSeam } from '../base/real/node-seam.ts'

/** Statuses come several times a second. */
const LOOK_MS = 50

/**
 * Resolves when it is done; keeps the process alive meanwhile.
 * @param isOver whether the run has ended
 * @throws what `overtaken` makes, when the run ended first
 */
export async function waitUntil(isDone: () => boolean, isOver: () => boolean, overtaken: () => Error): Promise<void> {
  const { scheduler } = nodeSeam
  const release = scheduler.hold()
  try {
    while (!isDone()) {
      if (isOver()) throw overtaken()
      await scheduler.after(LOOK_MS)
    }
  } finally {
    release()
  }
}
