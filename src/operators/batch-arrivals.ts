/**
 * Rows on their way into an operator that takes many at once: with `eager` they are given to it in the epoch in which they come, with
 * `final` when the watermark has passed them, in order; those that the watermark had passed before they came at once.
 */
import type { Budget } from '../base/budget.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import { concat } from '../records/concat.ts'
import type { Schema } from '../records/schema.ts'
import { batchOfDue } from './due-batch.ts'
import { splitByTime } from './held-batches.ts'
import { HeldRows } from './held-rows.ts'
import type { OperatorContext } from './operator.ts'
import type { Emission } from './window.ts'

/** Their tables. */
export const ARRIVAL_TABLES = ['held', 'progress'] as const

export class BatchArrivals {
  readonly #emit: Emission
  readonly #held: HeldRows
  /** Rows that do not wait. */
  #ready: Batch[] = []
  #watermark: Timestamp = Number.NEGATIVE_INFINITY

  constructor(input: Schema, emit: Emission, { table }: Pick<OperatorContext, 'table'>) {
    this.#emit = emit
    this.#held = new HeldRows(table('held'), table('progress'), input)
  }

  /** Of rows that wait and are not in the table yet. */
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
    if (this.#emit === 'eager') return void this.#ready.push(batch)
    const { before, rest } = splitByTime(batch, this.#watermark)
    if (before !== null) this.#ready.push(before)
    if (rest !== null) this.#held.hold(rest)
  }

  /**
   * Hands over rows that do not wait, in full whatever the budget, since what was said does not hold any more; then those that
   * the watermark has passed by now, in order, as many as the budget allows.
   * @param run `last` is the time of the last of those, with which what is left may begin
   * @returns false when some are left
   */
  take(watermark: Timestamp, budget: Budget, run: (rows: Batch, last: Timestamp | undefined) => void): boolean {
    if (this.#ready.length > 0) run(concat(this.#ready), undefined)
    this.#ready = []
    const isDone =
      this.#emit === 'eager' ||
      this.#held.take(watermark, budget, (due) => {
        const last = due.at(-1)
        if (last !== undefined) run(batchOfDue(due), last.batch.times[last.row])
        return due.length
      })
    if (isDone) this.#watermark = watermark
    return isDone
  }
}
