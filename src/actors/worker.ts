/** The entry of a worker thread. Its top level does no I/O. */
import { crashingSeam } from '../base/real/crash-seam.ts'
import { nodeMachine } from './real/node-machine.ts'
import { runShards } from './run-shards.ts'
import type { WorkerEnd, WorkerPort, WorkerTask } from './workers.ts'

export default async function runWorker(
  task: WorkerTask & { port: WorkerPort & { close(): void } },
): Promise<WorkerEnd> {
  let isReplaying = () => false
  // Without a listener an error that nobody catches ends the thread, and so it does here, unless it is an old one.
  const onStray = (error: unknown): void => {
    if (!isReplaying()) throw error
    process.stderr.write(`left behind by a row that was replayed: ${(error as Error)?.message ?? error}\n`)
  }
  process.on('unhandledRejection', onStray)
  process.on('uncaughtException', onStray)
  try {
    return await runShards(
      task,
      crashingSeam(process.env.UMBEL_CRASH_AT, process.env.UMBEL_CLOCK_ERROR),
      nodeMachine,
      (group) => {
        isReplaying = () => group.isReplaying
      },
    )
  } finally {
    process.off('unhandledRejection', onStray)
    process.off('uncaughtException', onStray)
    task.port.close()
  }
}
