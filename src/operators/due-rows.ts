/**
 * Held rows whose time has come, in order of (time, origin): as many at once as a budget allows, however many are held.
 * What became of one row in the meantime is settled: a row that was taken back again is not among them, so that nothing
 * depends on the order of arrival.
 */
import type { Budget } from '../base/budget.ts'
import type { Batch } from '../records/batch.ts'
import { rowBytes } from '../records/batch-bytes.ts'
import { decodeFrame } from '../records/frame-decoder.ts'
import { encodeParts } from '../records/frame-encoder.ts'
import { packKey } from '../records/key.ts'
import { compareOrigins } from '../records/origin.ts'
import type { HeldBatches } from './held-batches.ts'

/** A held row whose time has come. */
export interface DueRow {
  readonly batch: Batch
  readonly row: number
}

/** @property isAll whether no other row is due */
export interface DueRows {
  readonly rows: readonly DueRow[]
  readonly isAll: boolean
}

/**
 * Takes the first of the held rows before `cut`: those that spend `most`, and all that are equal to the last of them.
 * Batches are looked through in order of their earliest row, and only until no other can have one of the first rows.
 */
export function takeDue(held: HeldBatches, cut: number, most: Readonly<Budget>): DueRows {
  const found = new FirstRows(most)
  let looked = 0
  for (const { earliest, batch } of held.before(cut)) {
    if (!found.mayTake(earliest)) break
    looked++
    for (let row = 0; row < batch.length; row++) if (batch.times[row]! < cut) found.add({ batch, row })
  }
  found.trim()
  for (const { key, batch } of held.before(cut)) {
    if (looked-- === 0) break
    const rest = Int32Array.from({ length: batch.length }, (_, row) => row).filter(
      (row) => batch.times[row]! >= cut || !found.isWithin({ batch, row }),
    )
    if (rest.length === batch.length) continue
    held.release(key)
    if (rest.length > 0) held.hold(batch.gather(rest, rest.length))
  }
  return { rows: settled(found.rows), isAll: found.isAll }
}

/** The least of many rows, as many as spend a budget: twice that is in memory at the most. */
class FirstRows {
  rows: DueRow[] = []
  readonly #most: Readonly<Budget>
  #bytes = 0
  /** The first row that is not among them, as far as is known. */
  #limit: DueRow | null = null

  constructor(most: Readonly<Budget>) {
    this.#most = most
  }

  get isAll(): boolean {
    return this.#limit === null
  }

  mayTake(time: number): boolean {
    return this.#limit === null || time <= this.#limit.batch.times[this.#limit.row]!
  }

  isWithin(row: DueRow): boolean {
    return this.#limit === null || compareDue(row, this.#limit) < 0
  }

  add(row: DueRow): void {
    if (!this.isWithin(row)) return
    this.rows.push(row)
    this.#bytes += rowBytes(row.batch, row.row)
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
      this.#limit = aloneOf(rows[count]!)
      rows.length = count
      this.rows = compact(rows)
    }
    this.#bytes = bytes
  }
}

const compareDue = (a: DueRow, b: DueRow): number =>
  a.batch.times[a.row]! - b.batch.times[b.row]! || compareOrigins(a.batch.origins!, a.row, b.batch.origins!, b.row)

/** Rows in a batch that holds nothing else. */
const copyRows = (batch: Batch, rows: Int32Array): Batch =>
  decodeFrame(encodeParts([{ batch, rows, count: rows.length }]), batch.schema)

const aloneOf = ({ batch, row }: DueRow): DueRow => ({ batch: copyRows(batch, Int32Array.of(row)), row: 0 })

/** A few rows of a batch would keep all of it in memory. */
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
    const content = Buffer.from(packKey(batch, columns, row)).toString('latin1')
    const same = left.get(content)
    if (same === undefined) left.set(content, [update])
    else if (same.length > 0 && same[0]!.batch.diff(same[0]!.row) !== batch.diff(row)) same.pop()
    else same.push(update)
  }
  return [...left].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, all]) => all)
}

/** Holds rows again that were taken too early. */
export function holdAgain(held: HeldBatches, rows: readonly DueRow[]): void {
  const byBatch = new Map<Batch, number[]>()
  for (const { batch, row } of rows) {
    const list = byBatch.get(batch)
    if (list === undefined) byBatch.set(batch, [row])
    else list.push(row)
  }
  for (const [batch, list] of byBatch) held.hold(batch.gather(Int32Array.from(list), list.length))
}

/** The rows of a batch in order: what is held of it in several pieces is then due piece by piece. */
export function inOrder(batch: Batch): Batch {
  const rows = Int32Array.from({ length: batch.length }, (_, row) => row)
  const before = (a: number, b: number) => compareDue({ batch, row: a }, { batch, row: b })
  return batch.gather(rows.sort(before), batch.length)
}
