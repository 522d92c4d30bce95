/**
 * Batches held in a table until time has passed them: rows that wait for another input, or that may have to be
 * corrected. Frames of bounded size, not an entry a row; what is held may be larger than memory, so they are read a few at
 * a time. Keys: f64 earliest and f64 latest event time of the batch, u32 counter.
 */

import type { Batch } from '../records/batch.ts'
import { rowsWithin } from '../records/batch-bytes.ts'
import { decodeFrame } from '../records/frame-decoder.ts'
import { encodeParts } from '../records/frame-encoder.ts'
import { packValues, unpackKey } from '../records/key.ts'
import { rowNumbers } from '../records/row-numbers.ts'
import type { Schema } from '../records/schema.ts'
import type { Entry } from '../storage/environment.ts'
import type { KeyedTable } from '../storage/table.ts'

/** Frames read at a time, and their bytes. */
const READ_FRAMES = 256
const READ_BYTES = 1 << 17

export interface HeldBatch {
  /** To let it go. */
  readonly key: Uint8Array
  readonly earliest: number
  readonly latest: number
  readonly batch: Batch
}

/** Rows of a frame, and their bytes, at the most; looked at whenever one is cut. */
export interface FrameLimits {
  readonly rows?: number
  readonly bytes: number
}

export class HeldBatches {
  readonly #table: KeyedTable
  readonly #schema: Schema
  readonly #frame: FrameLimits
  #next = 0

  constructor(table: KeyedTable, schema: Schema, frame: FrameLimits) {
    this.#table = table
    this.#schema = schema
    this.#frame = frame
    for (const [key] of table.range({ keysOnly: true })) this.#next = Math.max(this.#next, timesOf(key).number + 1)
  }

  hold(batch: Batch): void {
    const { rows = Number.POSITIVE_INFINITY, bytes } = this.#frame
    for (let from = 0; from < batch.length; ) {
      const to = Math.min(rowsWithin(batch, from, bytes), from + rows)
      this.#holdFrame(batch, from, to)
      from = to
    }
  }

  #holdFrame(batch: Batch, from: number, to: number): void {
    let [earliest, latest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    const { times } = batch
    for (let row = from; row < to; row++) {
      if (times[row]! < earliest) earliest = times[row]!
      if (times[row]! > latest) latest = times[row]!
    }
    const isWhole = to - from === batch.length
    const rows = isWhole ? null : rowNumbers(to - from, from)
    const frame = encodeParts([{ batch, rows, count: to - from }])
    this.#table.put(packValues([earliest, latest, this.#next++]), frame)
  }

  /**
   * Held batches that have a row before `time`, the earliest first. They may be released on the way; what is held
   * meanwhile is not among them.
   */
  *before(time: number): Iterable<HeldBatch> {
    const next = this.#next
    for (const [key, frame] of this.#read(time)) {
      const { earliest, latest, number } = timesOf(key)
      if (number < next) yield { key, earliest, latest, batch: decodeFrame(frame, this.#schema) }
    }
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
    const over: Uint8Array[] = []
    const begun = this.#table.range({ to: packValues([time]), keysOnly: true })
    for (const [key] of begun) if (timesOf(key).latest < time) over.push(key)
    for (const key of over) this.#table.remove(key)
  }

  /** A few entries at a time, so that the table may be written to in between. */
  *#read(time: number): Iterable<Entry> {
    const to = time === Number.POSITIVE_INFINITY ? undefined : packValues([time])
    let from: Uint8Array | undefined
    for (;;) {
      const entries: Entry[] = []
      let bytes = 0
      for (const entry of this.#table.range({ from, to })) {
        entries.push(entry)
        bytes += entry[1].length
        if (entries.length === READ_FRAMES || bytes >= READ_BYTES) break
      }
      yield* entries
      if (bytes < READ_BYTES && entries.length < READ_FRAMES) return
      from = Buffer.concat([entries.at(-1)![0], Uint8Array.of(0)])
    }
  }
}

function timesOf(key: Uint8Array): { earliest: number; latest: number; number: number } {
  const [earliest, latest, number] = unpackKey(key, ['float', 'float', 'int']) as [number, number, number]
  return { earliest, latest, number }
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
