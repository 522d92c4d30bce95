/** The dead letters of a job, as its sink has written them so far. */
import { corruptionError, userError } from '../base/errors.ts'
import { shardId } from '../base/ids.ts'
import type { Files } from '../base/seam.ts'
import { embeddedLogs, readLastMarker, type SeenLogs } from '../recovery/last-marker.ts'
import { DEAD_LETTERS } from '../topology/dead-letters.ts'
import type { SinkMarkerState } from './append-sink-program.ts'
import { logDirectory, readJob } from './job.ts'

/** A row that was turned away; see `DEAD_LETTER_SCHEMA`. Times are ISO 8601. */
export interface DeadLetter {
  /** From 1, in the order of the file. */
  readonly number: number
  readonly at: string
  readonly source: string
  readonly split: number
  readonly offset: number | null
  readonly epoch: number | null
  readonly call: number | null
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
 * All that are committed: what a sink has written beyond its marker may come in another order after a crash.
 * @throws user error `directory` when it is no data directory; corruption `dead-letters` when a line was damaged
 */
export async function readDeadLetters(
  files: Files,
  directory: string,
  logs = embeddedLogs(files, logDirectory(directory)),
): Promise<DeadLetter[]> {
  if (readJob(files, directory) === null) {
    throw userError(
      'directory',
      `${directory} is no data directory: name one such as .umbel/<topology>, as 'umbel run' prints it`,
    )
  }
  const bytes = await committedBytes(files, directory, logs)
  const lines = readFile(files, directory).subarray(0, bytes).toString().split('\n')
  lines.pop()
  return lines.map((line, i) => ({ number: i + 1, ...parseLine(line, i + 1, directory) }))
}

/** The sink gives its file its name when it is whole. */
async function committedBytes(files: Files, directory: string, logs: SeenLogs): Promise<number> {
  const last = await readLastMarker(logs, shardId(DEAD_LETTERS, 0))
  if (files.exists(deadLetterFile(directory))) return Number.POSITIVE_INFINITY
  return (last?.marker.program as SinkMarkerState | undefined)?.bytes ?? 0
}

function parseLine(line: string, number: number, directory: string): Omit<DeadLetter, 'number'> {
  try {
    return JSON.parse(line) as Omit<DeadLetter, 'number'>
  } catch (error) {
    throw corruptionError(
      'dead-letters',
      `line ${number} of the dead letters in ${directory} is damaged: restore the file, or run with --fresh to start over`,
      error,
    )
  }
}

/** While it is written it has another name. */
function readFile(files: Files, directory: string): Buffer {
  const path = deadLetterFile(directory)
  const found = [path, `${path}.partial`].find((one) => files.exists(one))
  return found === undefined ? Buffer.alloc(0) : Buffer.from(files.read(found))
}
