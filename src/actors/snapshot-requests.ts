/**
 * How another process asks a running job for snapshots: by a file in the data directory, answered by another. The
 * command and the supervisor need nothing else of each other.
 */
import { userError } from '../base/errors.ts'
import type { Seam } from '../base/seam.ts'

const LOOK_MS = 250

interface SnapshotAnswer {
  readonly request: string
  /** Null when every shard has taken one. */
  readonly error: string | null
}

const requestFile = (directory: string): string => `${directory}/snapshot.request`
const answerFile = (directory: string): string => `${directory}/snapshot.answer`
const read = ({ files }: Seam, file: string): string => Buffer.from(files.read(file)).toString()

/** Answers requests until the returned function is called. */
export function answerRequests(seam: Seam, directory: string, snapshot: () => Promise<void>): () => void {
  const { files } = seam
  // Of an earlier run: nobody waits for it.
  files.remove(requestFile(directory))
  return seam.scheduler.every(LOOK_MS, () => {
    if (!files.exists(requestFile(directory))) return
    const request = read(seam, requestFile(directory))
    files.remove(requestFile(directory))
    const answer = (error: string | null) =>
      files.replace(answerFile(directory), JSON.stringify({ request, error } satisfies SnapshotAnswer))
    snapshot().then(
      () => answer(null),
      (error: Error) => answer(error.message),
    )
  })
}

/**
 * Asks the job that runs in a directory for snapshots, and waits for its answer.
 * @param isRunning whether there still is one
 * @throws user error `snapshot` when there is none any more, or a shard could take none
 */
export async function requestSnapshots(seam: Seam, directory: string, isRunning: () => boolean): Promise<void> {
  const request = String(seam.random())
  seam.files.replace(requestFile(directory), request)
  const release = seam.scheduler.hold()
  try {
    for (;;) {
      const answer = answerOf(seam, directory, request)
      if (answer?.error === null) return
      if (answer !== null) throw userError('snapshot', answer.error!)
      if (!isRunning()) throw userError('snapshot', `the run in ${directory} ended before all snapshots were taken`)
      await seam.scheduler.after(LOOK_MS)
    }
  } finally {
    release()
  }
}

function answerOf(seam: Seam, directory: string, request: string): SnapshotAnswer | null {
  if (!seam.files.exists(answerFile(directory))) return null
  const answer = JSON.parse(read(seam, answerFile(directory))) as SnapshotAnswer
  if (answer.request !== request) return null
  seam.files.remove(answerFile(directory))
  return answer
}
