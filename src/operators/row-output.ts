/** Rows that an operator makes one by one, put out in batches. */
import { BatchBuilder } from '../records/batch.ts'
import type { Value } from '../records/column.ts'
import type { Schema } from '../records/schema.ts'
import type { Emit } from './operator.ts'

const BATCH_ROWS = 8192

export class RowOutput {
  readonly #schema: Schema
  readonly #emit: Emit
  #builder: BatchBuilder

  constructor(schema: Schema, emit: Emit) {
    this.#schema = schema
    this.#emit = emit
    this.#builder = new BatchBuilder(schema)
  }

  /** @param values of the schema's columns, in their order; `diff` says how often, since one is +1 or -1 in a batch */
  push(values: readonly Value[], diff: number, origin: Uint8Array | undefined): void {
    for (let left = Math.abs(diff); left > 0; left--) {
      for (let c = 0; c < values.length; c++) this.#builder.builders[c]!.push(values[c]!)
      this.#builder.end(Math.sign(diff), origin)
    }
    if (this.#builder.length >= BATCH_ROWS) this.end()
  }

  /** Emits what is pending. */
  end(): void {
    if (this.#builder.length === 0) return
    const batch = this.#builder.finish()
    this.#builder = new BatchBuilder(this.#schema)
    this.#emit(batch)
  }
}
