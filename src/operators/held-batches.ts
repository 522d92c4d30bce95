/**
 * Batches held in a table until time has passed them: rows that wait for another input, or that may have to be
 * corrected. One frame a batch, not an entry a row. Keys: f64 latest event time of the batch, u32 counter.
 */
import type { Batch } from '../records/batch.ts'
import { decodeFrame } from '../records/frame-decoder.ts'
import { encodeFrame } from '../records/frame-encoder.ts'
import { packValues, unpackKey } from '../records/key.ts'
import type { Schema } from '../records/schema.ts'
import type { KeyedTable } from '../storage/table.ts'

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

  release(key: Uint8Array): void {
    this.#table.remove(key)
  }

  /** Lets go of the batches whose every row is before `time`. */
  releaseBefore(time: number): void {
    const keys = [...this.#table.range({ to: packValues([time]) })].map(([key]) => key)
    for (const key of keys) this.#table.remove(key)
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
