/**
 * What was ordered of dead letters: that some are taken once more, or need no more attention. The orders stand in a file
 * of the data directory before anybody carries them out. They have one writer at a time: whoever holds the directory's
 * lock.
 */
import { userError } from '../base/errors.ts'
import type { Files } from '../base/seam.ts'
import { parseObject } from '../connectors/row-json.ts'
import type { SeenLogs } from '../recovery/last-marker.ts'
import type { Retry } from '../recovery/retries.ts'
import { type DeadLetter, readDeadLetters } from './dead-letter-file.ts'
import { readJob } from './job.ts'

/** A letter is taken once more: by the shards that its stage has in a layout. */
export interface RetryOrder extends Retry {
  readonly kind: 'retry'
  readonly letter: number
  readonly stage: string
  readonly layout: number
}

export type LetterOrder = RetryOrder | { readonly kind: 'drop'; readonly order: number; readonly letter: number }

/** What is asked for. */
export interface LetterRequest {
  readonly kind: 'retry' | 'drop'
  /** Their numbers in the file of dead letters. */
  readonly letters: readonly number[]
  /** Another row in the place of the one that was turned away, as a JSON object; for one letter. */
  readonly row: string | null
}

const ordersFile = (directory: string): string => `${directory}/dead-letters.orders.json`

export function readOrders(files: Files, directory: string): LetterOrder[] {
  const file = ordersFile(directory)
  return files.exists(file) ? (JSON.parse(Buffer.from(files.read(file)).toString()) as LetterOrder[]) : []
}

const writeOrders = (files: Files, directory: string, orders: readonly LetterOrder[]): void =>
  files.replace(ordersFile(directory), JSON.stringify(orders))

/**
 * Writes an order down.
 * @returns what was written
 * @throws user error `dead-letter` that names the letter which cannot be retried or dropped, and why; then nothing is written
 */
export async function orderLetters(
  files: Files,
  directory: string,
  request: LetterRequest,
  logs?: SeenLogs,
): Promise<LetterOrder[]> {
  const letters = await readDeadLetters(files, directory, logs)
  const known = readOrders(files, directory)
  const done = new Map(known.map(({ letter, kind }) => [letter, kind]))
  const { state, rescales } = readJob(files, directory)!
  if (request.kind === 'retry' && state !== 'running') {
    throw userError(
      'dead-letter',
      `the run in ${directory} has finished and takes no row any more: run it anew, with what turned the rows away mended`,
    )
  }
  if (request.row !== null) checkRow(request.row)
  const last = known.at(-1)?.order ?? 0
  const orders = [...new Set(request.letters)].map((number, i): LetterOrder => {
    const letter = letters[number - 1]
    if (letter === undefined)
      throw userError('dead-letter', `there is no dead letter ${number} in ${directory}: there are ${letters.length}`)
    const before = done.get(number)
    if (before !== undefined)
      throw userError('dead-letter', `dead letter ${number} was ${before === 'drop' ? 'dropped' : 'retried'} before`)
    const order = last + i + 1
    if (request.kind === 'drop') return { kind: 'drop', order, letter: number }
    return { kind: 'retry', order, letter: number, layout: rescales.length, ...retryOf(letter, request.row) }
  })
  writeOrders(files, directory, [...known, ...orders])
  return orders
}

/** Whether it has the columns shows where it is taken. */
function checkRow(row: string): void {
  const problem = parseObject(row)
  if (typeof problem === 'string')
    throw userError('dead-letter', `the row to retry with is no JSON object (${problem}): nothing was retried`)
}

function retryOf(letter: DeadLetter, row: string | null): Omit<Retry, 'order'> & { stage: string } {
  const { number, source: stage, split, offset, node, operator, diff } = letter
  if (operator !== null && node === null) {
    throw userError(
      'dead-letter',
      `dead letter ${number} can be dropped, not retried: what ${operator} was given is no row, or one whose place among others is lost`,
    )
  }
  return { stage, split, offset, node, diff, row: row ?? letter.row }
}

/**
 * Takes orders back that nobody can carry out any more, since the stage's input has ended: their letters stand as before.
 * @returns those letters
 */
export function withdrawOrders(files: Files, directory: string, orders: ReadonlySet<number>): number[] {
  const known = readOrders(files, directory)
  const left = known.filter(({ order }) => orders.has(order))
  if (left.length > 0)
    writeOrders(
      files,
      directory,
      known.filter(({ order }) => !orders.has(order)),
    )
  return left.map(({ letter }) => letter)
}
