/**
 * Batches held in a table until time has passed them: rows that wait for another input, or that may have to be
 * corrected. One frame a batch, not an entry a row. Keys: f64 latest event time of the batch, u32 counter.
 */
import type { Batch } from '../records/batch.ts'
import { decodeFrame } from '../records/frame-decoder.ts'
import { encodeFrame } from '../records/frame-encoder.ts'
import { packKey, packValues, unpackKey } from '../records/key.ts'
import { compareOrigins } from '../records/origin.ts'
import type { Schema } from '../records/schema.ts'
import type { KeyedTable } from '../storage/table.ts'

/** A held row whose time has come. */
export interface DueRow {
  readonly batch: Batch
  readonly row: number
}

export class HeldBatches {
  readonly #table: KeyedTable
  readonly #schema: Schema
  #next = 0

  constructor(table: KeyedTable, schema: Schema) {
    this.#table = table
    this.#schema = schema
    for (const [key] of table.range())
      this.#next = Math.max(this.#next, (unpackKey(key, ['float', 'int'])[1] as number) + 1)
  }

  hold(batch: Batch): void {
    if (batch.length === 0) return
    let latest = Number.NEGATIVE_INFINITY
    for (const time of batch.times) if (time > latest) latest = time
    this.#table.put(packValues([latest, this.#next++]), encodeFrame(batch))
  }

  /** All held batches, those with the earliest end first, with the keys to let them go. */
  *entries(): Iterable<{ key: Uint8Array; batch: Batch }> {
    const entries = [...this.#table.range()]
    for (const [key, frame] of entries) yield { key, batch: decodeFrame(frame, this.#schema) }
  }

  /** Holds the chosen rows of what another holds, batch by batch. */
  *takeOver(from: KeyedTable, choose: (batch: Batch) => Int32Array): Iterable<void> {
    for (const [, frame] of from.range()) {
      const batch = decodeFrame(frame, this.#schema)
      const rows = choose(batch)
      this.hold(batch.gather(rows, rows.length))
      yield
    }
  }

  release(key: Uint8Array): void {
    this.#table.remove(key)
  }

  /** Lets go of the batches whose every row is before `time`. */
  releaseBefore(time: number): void {
    const keys = [...this.#table.range({ to: packValues([time]) })].map(([key]) => key)
    for (const key of keys) this.#table.remove(key)
  }
}

/**
 * Takes the held rows before `cut`, in order of (time, origin). What became of one row in the meantime is settled: a row
 * that was taken back again is not among them, so that nothing depends on the order of arrival.
 */
export function takeDue(held: HeldBatches, cut: number): DueRow[] {
  const due: DueRow[] = []
  for (const { key, batch } of held.entries()) {
    const { before, rest } = splitByTime(batch, cut)
    if (before === null) continue
    held.release(key)
    if (rest !== null) held.hold(rest)
    for (let row = 0; row < before.length; row++) due.push({ batch: before, row })
  }
  due.sort(compareDue)
  const settled: DueRow[] = []
  for (let from = 0, to = 1; from < due.length; from = to++) {
    while (to < due.length && compareDue(due[from]!, due[to]!) === 0) to++
    if (to - from === 1) settled.push(due[from]!)
    else settled.push(...settle(due.slice(from, to)))
  }
  return settled
}

const compareDue = (a: DueRow, b: DueRow): number =>
  a.batch.times[a.row]! - b.batch.times[b.row]! || compareOrigins(a.batch.origins!, a.row, b.batch.origins!, b.row)

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
  return [...left].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, updates]) => updates)
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

/** The rows of a batch that are before `time`, and the others. */
export function splitByTime(batch: Batch, time: number): { before: Batch | null; rest: Batch | null } {
  const { times, length } = batch
  const before = new Int32Array(length)
  const rest = new Int32Array(length)
  let [b, r] = [0, 0]
  for (let i = 0; i < length; i++) {
    if (times[i]! < time) before[b++] = i
    else rest[r++] = i
  }
  return { before: b > 0 ? batch.gather(before, b) : null, rest: r > 0 ? batch.gather(rest, r) : null }
}
