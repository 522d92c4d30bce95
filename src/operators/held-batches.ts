/**
 * Batches held in a table until time has passed them: rows that wait for another input, or that may have to be
 * corrected. One frame a batch, not an entry a row. Keys: f64 latest event time of the batch, u32 counter.
 */
import type { Batch } from '../records/batch.ts'
import { decodeFrame } from '../records/frame-decoder.ts'
import { encodeFrame } from '../records/frame-encoder.ts'
import { packValues, unpackKey } from '../records/key.ts'
import { compareOrigins } from '../records/origin.ts'
import type { Schema } from '../records/schema.ts'
import type { KeyedTable } from '../storage/table.ts'

/** A held row whose time has come. */
export interface DueRow {
  readonly batch: Batch
  readonly row: number
  /** Number of its batch, in order of arrival. */
  readonly number: number
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

  /** @param number that of the batch which held these rows before, so that they stay in their order of arrival */
  hold(batch: Batch, number = this.#next++): void {
    if (batch.length === 0) return
    let latest = Number.NEGATIVE_INFINITY
    for (const time of batch.times) if (time > latest) latest = time
    this.#table.put(packValues([latest, number]), encodeFrame(batch))
  }

  /** All held batches, those with the earliest end first, with the keys to let them go. */
  *entries(): Iterable<{ key: Uint8Array; batch: Batch }> {
    const entries = [...this.#table.range()]
    for (const [key, frame] of entries) yield { key, batch: decodeFrame(frame, this.#schema) }
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

/** Takes the held rows before `cut`, in order of (time, origin), and of arrival where it is one row and its corrections. */
export function takeDue(held: HeldBatches, cut: number): DueRow[] {
  const due: DueRow[] = []
  for (const { key, batch } of held.entries()) {
    const { before, rest } = splitByTime(batch, cut)
    if (before === null) continue
    const number = unpackKey(key, ['float', 'int'])[1] as number
    held.release(key)
    if (rest !== null) held.hold(rest, number)
    for (let row = 0; row < before.length; row++) due.push({ batch: before, row, number })
  }
  return due.sort(
    (a, b) =>
      a.batch.times[a.row]! - b.batch.times[b.row]! ||
      compareOrigins(a.batch.origins!, a.row, b.batch.origins!, b.row) ||
      a.number - b.number ||
      a.row - b.row,
  )
}

/** Holds rows again that were taken too early. */
export function holdAgain(held: HeldBatches, rows: readonly DueRow[]): void {
  const byBatch = new Map<Batch, DueRow[]>()
  for (const due of rows) {
    const list = byBatch.get(due.batch)
    if (list === undefined) byBatch.set(due.batch, [due])
    else list.push(due)
  }
  for (const [batch, list] of byBatch) {
    const picked = Int32Array.from(list, ({ row }) => row)
    held.hold(batch.gather(picked, picked.length), list[0]!.number)
  }
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
