/**
 * How another process asks something of a running job: by a file in the data directory, answered by another. The command
 * and the supervisor need nothing else of each other.
 */
import { unreachable, userError } from '../base/errors.ts'
import type { Seam } from '../base/seam.ts'
import type { Rescale } from '../topology/generations.ts'
import type { LetterRequest } from './letter-orders.ts'
import type { Running } from './running.ts'

const LOOK_MS = 250

export type Request = { readonly kind: 'snapshot' } | ({ readonly kind: 'rescale' } & Rescale) | LetterRequest

interface Answer {
  readonly id: string
  /** Null when it was done. */
  readonly error: string | null
}

const requestFile = (directory: string): string => `${directory}/request.json`
const answerFile = (directory: string): string => `${directory}/answer.json`
const read = ({ files }: Seam, file: string): unknown => JSON.parse(Buffer.from(files.read(file)).toString())

/** Answers requests until the returned function is called. */
export function answerRequests(seam: Seam, directory: string, running: Running): () => void {
  const { files } = seam
  // Of an earlier run: nobody waits for it.
  files.remove(requestFile(directory))
  return seam.scheduler.every(LOOK_MS, () => {
    if (!files.exists(requestFile(directory))) return
    const { id, request } = read(seam, requestFile(directory)) as { id: string; request: Request }
    files.remove(requestFile(directory))
    const answer = (error: string | null) =>
      files.replace(answerFile(directory), JSON.stringify({ id, error } satisfies Answer))
    carryOut(request, running).then(
      () => answer(null),
      (error: Error) => answer(error.message),
    )
  })
}

function carryOut(request: Request, running: Running): Promise<void> {
  switch (request.kind) {
    case 'snapshot':
      return running.snapshot()
    case 'rescale':
      return running.rescale(request.stage, request.shards)
    case 'retry':
      return running.retry(request.letters, request.row ?? undefined)
    case 'drop':
      return running.drop(request.letters)
    default:
      unreachable(request)
  }
}

/**
 * Asks something of the job that runs in a directory, and waits for its answer.
 * @param isRunning whether there still is one
 * @throws user error with the request's kind as its code, when there is no job any more, or it could not be done
 */
export async function ask(seam: Seam, directory: string, request: Request, isRunning: () => boolean): Promise<void> {
  const id = String(seam.random())
  seam.files.replace(requestFile(directory), JSON.stringify({ id, request }))
  const release = seam.scheduler.hold()
  try {
    for (;;) {
      const answer = answerOf(seam, directory, id)
      if (answer?.error === null) return
      if (answer !== null) throw userError(request.kind, answer.error!)
      if (!isRunning()) throw userError(request.kind, `the run in ${directory} ended before it was done`)
      await seam.scheduler.after(LOOK_MS)
    }
  } finally {
    release()
  }
}

function answerOf(seam: Seam, directory: string, id: string): Answer | null {
  if (!seam.files.exists(answerFile(directory))) return null
  const answer = read(seam, answerFile(directory)) as Answer
  if (answer.id !== id) return null
  seam.files.remove(answerFile(directory))
  return answer
}
