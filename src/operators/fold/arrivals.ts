/** Updates on their way into an operator that works key by key: as `BatchArrivals` hands them over, by key. */
import type { Budget } from '../../base/budget.ts'
import type { Timestamp } from '../../base/time.ts'
import type { Batch } from '../../records/batch.ts'
import type { Schema } from '../../records/schema.ts'
import { BatchArrivals } from '../batch-arrivals.ts'
import type { OperatorContext } from '../operator.ts'
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

export type UpdatesByKey = readonly (readonly [key: Buffer, updates: readonly FoldRow[]])[]

export class Arrivals {
  readonly #batches: BatchArrivals
  readonly #touched: Touched

  constructor({ input, keys, columns, emit }: ArrivalsPlan, context: Pick<OperatorContext, 'table'>) {
    this.#batches = new BatchArrivals(input, emit, context)
    this.#touched = new Touched(input, keys, columns)
  }

  get memoryBytes(): number {
    return this.#batches.memoryBytes
  }

  open(watermark: Timestamp): void {
    this.#batches.open(watermark)
  }

  save(): void {
    this.#batches.save()
  }

  put(batch: Batch): void {
    this.#batches.put(batch)
  }

  /** See `BatchArrivals.take`. @param run takes each key with its updates */
  take(
    watermark: Timestamp,
    budget: Budget,
    run: (groups: UpdatesByKey, last: Timestamp | undefined) => void,
  ): boolean {
    return this.#batches.take(watermark, budget, (rows, last) => {
      for (let row = 0; row < rows.length; row++) this.#touched.add(rows, row)
      run(this.#touched.take(), last)
    })
  }
}
