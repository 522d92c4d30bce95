/**
 * Holds rows until nothing that is in time can change them any more: what was said and taken back meanwhile is never seen. What comes
 * later than that, within the lateness of the input, goes on at once, as a correction.
 */
import { type Budget, spend } from '../base/budget.ts'
import { combineHash, hashInteger } from '../base/hash.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import { batchBytes } from '../records/batch-bytes.ts'
import type { Schema } from '../records/schema.ts'
import { batchOfDue } from './due-batch.ts'
import { splitByTime } from './held-batches.ts'
import { HeldRows } from './held-rows.ts'
import type { Emit, Operator, OperatorContext } from './operator.ts'

export const SETTLE_TABLES = ['held', 'progress'] as const

export interface SettlePlan {
  readonly schema: Schema
  /** How far the watermark must be past a row, in microseconds. */
  readonly delay: number
}

export class Settle implements Operator {
  readonly #delay: number
  readonly #emit: Emit
  readonly #held: HeldRows
  /** Rows before it do not wait. */
  #cut: Timestamp = Number.NEGATIVE_INFINITY
  #changes = 0

  constructor({ schema, delay }: SettlePlan, { table, emit }: OperatorContext) {
    this.#delay = delay
    this.#emit = emit
    this.#held = new HeldRows(table('held'), table('progress'), schema)
  }

  open([watermark]: readonly Timestamp[]): void {
    this.#cut = watermark! - this.#delay
    this.#held.open()
  }

  onBatch(batch: Batch): void {
    for (const time of batch.times) this.#changes = combineHash(this.#changes, hashInteger(time))
    const { before, rest } = splitByTime(batch, this.#cut)
    if (before !== null) this.#emit(before)
    if (rest !== null) this.#held.hold(rest)
  }

  advance([watermark]: readonly Timestamp[], budget: Budget): boolean {
    const cut = watermark! - this.#delay
    const isDone = this.#held.take(cut, budget, (due) => {
      if (due.length === 0) return 0
      const batch = batchOfDue(due)
      spend(budget, batch.length, batchBytes(batch))
      this.#emit(batch)
      return due.length
    })
    if (isDone) this.#cut = cut
    return isDone
  }

  flush(): void {
    this.#held.save()
  }

  memoryBytes(): number {
    return this.#held.memoryBytes
  }

  digest(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }
}
