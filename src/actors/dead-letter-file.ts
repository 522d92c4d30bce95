/** The dead letters of a job, as its sink has written them so far. */
import { userError } from '../base/errors.ts'
import type { Files } from '../base/seam.ts'
import { DEAD_LETTERS } from '../topology/dead-letters.ts'
import { readJob } from './job.ts'

/** A row that was turned away; see `DEAD_LETTER_SCHEMA`. Times are ISO 8601. */
export interface DeadLetter {
  /** From 1, in the order of the file. */
  readonly number: number
  readonly at: string
  readonly source: string
  readonly split: number
  readonly offset: number | null
  readonly kind: string
  readonly operator: string | null
  readonly reason: string
  readonly stack: string | null
  readonly row: string
  readonly diff: number
  readonly node: number | null
}

export const deadLetterFile = (directory: string): string => `${directory}/${DEAD_LETTERS}.jsonl`

/** How many there are: of a run that has finished, or so far. */
export function countDeadLetters(files: Files, directory: string): number {
  let count = 0
  const bytes = readFile(files, directory)
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count++
  return count
}

/**
 * All of them. Beside a run, the last line may be under way: it is left out.
 * @throws user error `directory` when it is no data directory
 */
export function readDeadLetters(files: Files, directory: string): DeadLetter[] {
  if (readJob(files, directory) === null) {
    throw userError(
      'directory',
      `${directory} is no data directory: name one such as .umbel/<topology>, as 'umbel run' prints it`,
    )
  }
  const lines = readFile(files, directory).toString().split('\n')
  lines.pop()
  return lines.map((line, i) => ({ number: i + 1, ...JSON.parse(line) }))
}

/** While it is written it has another name. */
function readFile(files: Files, directory: string): Buffer {
  const path = deadLetterFile(directory)
  const found = [path, `${path}.partial`].find((one) => files.exists(one))
  return found === undefined ? Buffer.alloc(0) : Buffer.from(files.read(found))
}
