/**
 * Rows that an actor takes when time has passed them: held in batches, taken in order. How far they were taken is a place in
 * that order, so that a batch is not written anew for the rows that are taken of it: it goes when its last one is behind.
 */

import type { Budget } from '../base/budget.ts'
import { copyOf } from '../base/bytes.ts'
import { userError } from '../base/errors.ts'
import { packr } from '../base/packr.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import { batchBytes, rowsWithin } from '../records/batch-bytes.ts'
import { concat } from '../records/concat.ts'
import type { Schema } from '../records/schema.ts'
import type { KeyedTable } from '../storage/table.ts'
import { type DueRow, findDue, inOrder, type Position, positionOf } from './due-rows.ts'
import { HeldBatches } from './held-batches.ts'

/**
 * Frames of held rows are small, and in order over all that came since rows were put into frames before: rows that are due are
 * looked for in a frame or two of each time that was done, not in all of them, however far apart in time they are. So it is done when
 * one of them is due, or at a flush: what is read grows with how often, times what is held, times the size of a frame.
 */
export const ACTOR_FRAME = { rows: 1024, bytes: 8 << 10 }
const NO_ORIGIN = new Uint8Array(0)
/** A shard's own: keys that are not begin with 0 or 1. */
const TAKEN = Buffer.from('taken')

export class HeldRows {
  readonly #batches: HeldBatches
  readonly #progress: KeyedTable
  /** Not yet in frames; the earliest of their times, and their bytes. */
  #fresh: Batch[] = []
  #earliest = Number.POSITIVE_INFINITY
  #freshBytes = 0
  /** Rows before it are over; null where none is. */
  #position: Position | null = null

  /** @param progress where it is written down how far rows were taken */
  constructor(table: KeyedTable, progress: KeyedTable, schema: Schema) {
    this.#batches = new HeldBatches(table, schema, ACTOR_FRAME)
    this.#progress = progress
  }

  /** Of rows that are not in the table yet. */
  get memoryBytes(): number {
    return this.#freshBytes
  }

  /** What was saved, after a restart. */
  open(): void {
    const saved = this.#progress.get(TAKEN)
    if (saved === undefined) return
    const [time, origin] = packr.unpack(saved) as [number, Uint8Array]
    this.#position = { time, origin: copyOf(origin) }
  }

  /** Puts what is held into the table, and how far rows were taken. */
  save(): void {
    this.#settle()
    if (this.#position !== null) this.#progress.put(TAKEN, packr.pack([this.#position.time, this.#position.origin]))
  }

  /** @throws user error `bound` when a row comes behind what was taken */
  hold(batch: Batch): void {
    const passed = this.#position?.time ?? Number.NEGATIVE_INFINITY
    for (const time of batch.times) {
      if (time < this.#earliest) this.#earliest = time
      if (time < passed)
        throw userError(
          'bound',
          `a row at ${time} comes to an actor that is at ${passed}: its input needs a larger bound`,
        )
    }
    this.#fresh.push(batch)
    this.#freshBytes += batchBytes(batch)
  }

  #settle(): void {
    if (this.#fresh.length === 0) return
    const batch = concat(this.#fresh)
    this.#fresh = []
    this.#freshBytes = 0
    this.#earliest = Number.POSITIVE_INFINITY
    const isOneFrame = batch.length <= ACTOR_FRAME.rows && rowsWithin(batch, 0, ACTOR_FRAME.bytes) === batch.length
    this.#batches.hold(isOneFrame ? batch : inOrder(batch))
  }

  /**
   * Hands over the first rows before `cut`: once an epoch, though that may leave some of the budget, since to look for
   * them costs more than they do.
   * @param run handles rows in order, and says how many: rows of one place go together
   * @returns false when rows are left that are due
   */
  take(cut: Timestamp, budget: Budget, run: (rows: readonly DueRow[]) => number): boolean {
    if (this.#earliest < cut) this.#settle()
    const { rows, next, looked } = findDue(this.#batches, this.#position, cut, budget)
    const done = run(rows)
    const left = done < rows.length ? positionOf(rows[done]!) : next
    const position = left ?? { time: cut, origin: NO_ORIGIN }
    for (const { key, latest } of looked) if (latest < position.time) this.#batches.release(key)
    if (this.#position === null || position.time >= this.#position.time) this.#position = position
    return left === null
  }
}
