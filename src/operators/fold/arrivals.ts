/**
 * Updates on their way into an operator that works key by key: with `eager` they are given to it in the epoch in which they come, with
 * `final` when the watermark has passed them, in order; those that the watermark had passed before they came at once.
 */
import type { Budget } from '../../base/budget.ts'
import type { Timestamp } from '../../base/time.ts'
import type { Batch } from '../../records/batch.ts'
import type { Schema } from '../../records/schema.ts'
import type { KeyedTable } from '../../storage/table.ts'
import { splitByTime } from '../held-batches.ts'
import { HeldRows } from '../held-rows.ts'
import type { Emission } from '../window.ts'
import type { FoldRow } from './fold-row.ts'
import { Touched } from './touched.ts'

export interface ArrivalsPlan {
  readonly input: Schema
  readonly keys: readonly string[]
  /** Those whose values an update has. */
  readonly columns: readonly string[]
  readonly emit: Emission
}

export class Arrivals {
  readonly #emit: Emission
  readonly #held: HeldRows
  readonly #touched: Touched
  #watermark: Timestamp = Number.NEGATIVE_INFINITY

  /** @param tables where rows wait, and how far they were taken */
  constructor({ input, keys, columns, emit }: ArrivalsPlan, tables: { held: KeyedTable; progress: KeyedTable }) {
    this.#emit = emit
    this.#held = new HeldRows(tables.held, tables.progress, input)
    this.#touched = new Touched(input, keys, columns)
  }

  get memoryBytes(): number {
    return this.#held.memoryBytes
  }

  open(watermark: Timestamp): void {
    this.#watermark = watermark
    this.#held.open()
  }

  save(): void {
    this.#held.save()
  }

  put(batch: Batch): void {
    if (this.#emit === 'eager') return this.#touch(batch)
    const { before, rest } = splitByTime(batch, this.#watermark)
    if (before !== null) this.#touch(before)
    if (rest !== null) this.#held.hold(rest)
  }

  /** Those that do not wait, by key. */
  take(): [key: Buffer, updates: FoldRow[]][] {
    return this.#touched.take()
  }

  /**
   * Makes those ready for `take` that the watermark has passed by now, as many as the budget allows.
   * @param run takes them; `last` is the time of the last one, with which the rest may begin
   * @returns false when some are left
   */
  due(watermark: Timestamp, budget: Budget, run: (last: Timestamp | undefined) => void): boolean {
    const isDone =
      this.#emit === 'eager' ||
      this.#held.take(watermark, budget, (due) => {
        for (const { batch, row } of due) this.#touched.add(batch, row)
        const last = due.at(-1)
        run(last?.batch.times[last.row])
        return due.length
      })
    if (isDone) this.#watermark = watermark
    return isDone
  }

  #touch(batch: Batch): void {
    for (let row = 0; row < batch.length; row++) this.#touched.add(batch, row)
  }
}
