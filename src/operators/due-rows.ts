/**
 * Held rows whose time has come, in order of (time, origin): as many at once as a budget allows, however many are held.
 * What became of one row in the meantime is settled: a row that was taken back again is not among them, so that nothing
 * depends on the order of arrival.
 */

import type { Budget } from '../base/budget.ts'
import { latin1 } from '../base/bytes.ts'
import type { Batch } from '../records/batch.ts'
import { rowBytes, rowBytesOf } from '../records/batch-bytes.ts'
import { decodeFrame } from '../records/frame-decoder.ts'
import { encodeParts } from '../records/frame-encoder.ts'
import { packKey } from '../records/key.ts'
import { compareOrigins, originBytes } from '../records/origin.ts'
import { chosenRows, rowNumbers } from '../records/row-numbers.ts'
import type { HeldBatch, HeldBatches } from './held-batches.ts'

/** A held row whose time has come. */
export interface DueRow {
  readonly batch: Batch
  readonly row: number
}

/** A place in the order of rows. An empty origin is before all others. */
export interface Position {
  readonly time: number
  readonly origin: Uint8Array
}

export interface DueRows {
  readonly rows: readonly DueRow[]
  /** Where the next row that is due stands; null where there is none. */
  readonly next: Position | null
  /** The batches that were looked through, and the latest time of each. */
  readonly looked: readonly Pick<HeldBatch, 'key' | 'latest'>[]
}

/**
 * The first of the held rows from `from` on and before `cut`: those that spend `most`, and all that are equal to the last of
 * them. Nothing is written: a batch is let go when its last row is behind. Batches are looked through in order of their
 * earliest row, and only until no other can have one of the first rows.
 */
export function findDue(held: HeldBatches, from: Position | null, cut: number, most: Readonly<Budget>): DueRows {
  const found = new FirstRows(most)
  const looked: Pick<HeldBatch, 'key' | 'latest'>[] = []
  for (const one of held.before(cut)) {
    if (!found.mayTake(one.earliest)) break
    looked.push({ key: one.key, latest: one.latest })
    found.add(one.batch, (row) => isFrom(from, one.batch, row) && one.batch.times[row]! < cut)
  }
  found.trim()
  return { rows: settled(found.rows), next: found.limit && positionOf(found.limit), looked }
}

/** Where a row stands. */
export const positionOf = ({ batch, row }: DueRow): Position => ({
  time: batch.times[row]!,
  origin: originBytes(batch.origins!, row),
})

function isFrom(from: Position | null, { times, origins }: Batch, row: number): boolean {
  if (from === null || times[row]! > from.time) return true
  return times[row] === from.time && Buffer.compare(originBytes(origins!, row), from.origin) >= 0
}

/** The least of many rows, as many as spend a budget: twice that is in memory at the most. */
class FirstRows {
  rows: DueRow[] = []
  readonly #most: Readonly<Budget>
  #bytes = 0
  /** The first row that is not among them, as far as is known. */
  limit: DueRow | null = null

  constructor(most: Readonly<Budget>) {
    this.#most = most
  }

  mayTake(time: number): boolean {
    return this.limit === null || time <= this.limit.batch.times[this.limit.row]!
  }

  #isWithin(row: DueRow): boolean {
    return this.limit === null || compareDue(row, this.limit) < 0
  }

  /** Takes in the rows of a batch that are due. */
  add(batch: Batch, isDue: (row: number) => boolean): void {
    const { length } = batch
    const rows = chosenRows(rowNumbers(length), (row) => isDue(row) && this.#isWithin({ batch, row }))
    const isMost = rows.length * 2 >= length
    // A few rows of a batch would keep all of it in memory.
    if (rows.length === 0) return
    const kept = isMost ? batch : copyRows(batch, rows)
    const bytesOf = rowBytesOf(kept)
    rows.forEach((row, i) => {
      const at = isMost ? row : i
      this.rows.push({ batch: kept, row: at })
      this.#bytes += bytesOf(at)
    })
    if (this.rows.length > 2 * this.#most.rows || this.#bytes > 2 * this.#most.bytes) this.trim()
  }

  /** Puts them in order and lets go of those beyond the budget. */
  trim(): void {
    const rows = this.rows.sort(compareDue)
    let [count, bytes] = [0, 0]
    while (count < rows.length && (count === 0 || (count < this.#most.rows && bytes < this.#most.bytes))) {
      bytes += rowBytes(rows[count]!.batch, rows[count]!.row)
      count++
    }
    for (; count > 0 && count < rows.length && compareDue(rows[count - 1]!, rows[count]!) === 0; count++)
      bytes += rowBytes(rows[count]!.batch, rows[count]!.row)
    if (count < rows.length) {
      this.limit = aloneOf(rows[count]!)
      rows.length = count
      this.rows = compact(rows)
    }
    this.#bytes = bytes
  }
}

/** The order of rows: by time, then by origin. */
export const compareDue = (a: DueRow, b: DueRow): number =>
  a.batch.times[a.row]! - b.batch.times[b.row]! || compareOrigins(a.batch.origins!, a.row, b.batch.origins!, b.row)

/** Rows in a batch that holds nothing else. */
const copyRows = (batch: Batch, rows: Int32Array): Batch =>
  decodeFrame(encodeParts([{ batch, rows, count: rows.length }]), batch.schema)

const aloneOf = ({ batch, row }: DueRow): DueRow => ({ batch: copyRows(batch, Int32Array.of(row)), row: 0 })

/** The same after others have been let go. */
function compact(rows: readonly DueRow[]): DueRow[] {
  const byBatch = new Map<Batch, { rows: number[]; copy: Batch | null }>()
  for (const { batch, row } of rows) {
    const known = byBatch.get(batch)
    if (known === undefined) byBatch.set(batch, { rows: [row], copy: null })
    else known.rows.push(row)
  }
  for (const [batch, of] of byBatch)
    if (of.rows.length * 2 < batch.length) of.copy = copyRows(batch, Int32Array.from(of.rows))
  const places = new Map<Batch, number>()
  return rows.map(({ batch, row }) => {
    const { copy } = byBatch.get(batch)!
    if (copy === null) return { batch, row }
    const at = places.get(batch) ?? 0
    places.set(batch, at + 1)
    return { batch: copy, row: at }
  })
}

/** @param rows in order */
function settled(rows: readonly DueRow[]): DueRow[] {
  const left: DueRow[] = []
  for (let from = 0, to = 1; from < rows.length; from = to++) {
    while (to < rows.length && compareDue(rows[from]!, rows[to]!) === 0) to++
    if (to - from === 1) left.push(rows[from]!)
    else left.push(...settle(rows.slice(from, to)))
  }
  return left
}

/** What is left of updates of one time and origin when insertions and retractions of equal rows have cancelled out. */
function settle(updates: readonly DueRow[]): DueRow[] {
  const left = new Map<string, DueRow[]>()
  for (const update of updates) {
    const { batch, row } = update
    const columns = batch.columns.map((_, c) => c)
    const content = latin1(packKey(batch, columns, row))
    const same = left.get(content)
    if (same === undefined) left.set(content, [update])
    else if (same.length > 0 && same[0]!.batch.diff(same[0]!.row) !== batch.diff(row)) same.pop()
    else same.push(update)
  }
  return [...left].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, all]) => all)
}

/** The rows of a batch in order: what is held of it in several pieces is then due piece by piece. */
export function inOrder(batch: Batch): Batch {
  const { times, length } = batch
  const origins = batch.origins!
  const before = (a: number, b: number) => times[a]! - times[b]! || compareOrigins(origins, a, origins, b)
  let sorted = 1
  while (sorted < length && before(sorted - 1, sorted) <= 0) sorted++
  if (sorted >= length) return batch
  return batch.gather(rowNumbers(length).sort(before), length)
}
