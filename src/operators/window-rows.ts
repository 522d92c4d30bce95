/** The output side of windows that are aggregated row by row. */
import type { Value } from '../records/column.ts'
import type { Schema } from '../records/schema.ts'
import type { Emit } from './operator.ts'
import { RowOutput } from './row-output.ts'

/** A key in a window. */
export interface WindowGroup {
  /** Packed. */
  readonly key: Uint8Array
  readonly keys: readonly Value[]
  readonly start: number
  readonly end: number
}

const ORDINAL = new Uint8Array(8)

export class WindowRows {
  readonly #origin: Uint8Array | null
  readonly #rows: RowOutput

  /** @param output keys, bounds of the window, results; `origin` see the plans */
  constructor({ output, origin }: { output: Schema; origin: Uint8Array | null }, emit: Emit) {
    this.#origin = origin
    this.#rows = new RowOutput(output, emit)
  }

  push({ key, keys, start, end }: WindowGroup, results: readonly Value[], diff: number): void {
    const origin = this.#origin === null ? undefined : Buffer.concat([this.#origin, key, ORDINAL])
    this.#rows.push([...keys, start, end, ...results], diff, origin)
  }

  /** Emits what is pending. */
  end(): void {
    this.#rows.end()
  }
}
