/** The output side of windows that are aggregated row by row. */
import { BatchBuilder } from '../records/batch.ts'
import type { Value } from '../records/column.ts'
import type { Schema } from '../records/schema.ts'
import type { Emit } from './operator.ts'

/** A key in a window. */
export interface WindowGroup {
  /** Packed. */
  readonly key: Uint8Array
  readonly keys: readonly Value[]
  readonly start: number
  readonly end: number
}

const ORDINAL = new Uint8Array(8)
const BATCH_ROWS = 8192

export class WindowRows {
  readonly #output: Schema
  readonly #origin: Uint8Array | null
  readonly #emit: Emit
  #builder: BatchBuilder

  /** @param output keys, bounds of the window, results; `origin` see the plans */
  constructor({ output, origin }: { output: Schema; origin: Uint8Array | null }, emit: Emit) {
    this.#output = output
    this.#origin = origin
    this.#emit = emit
    this.#builder = new BatchBuilder(output)
  }

  push({ key, keys, start, end }: WindowGroup, results: readonly Value[], diff: number): void {
    ;[...keys, start, end, ...results].forEach((value, c) => void this.#builder.builders[c]!.push(value))
    this.#builder.end(diff, this.#origin === null ? undefined : Buffer.concat([this.#origin, key, ORDINAL]))
    if (this.#builder.length >= BATCH_ROWS) this.end()
  }

  /** Emits what is pending. */
  end(): void {
    if (this.#builder.length === 0) return
    const batch = this.#builder.finish()
    this.#builder = new BatchBuilder(this.#output)
    this.#emit(batch)
  }
}
