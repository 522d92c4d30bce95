/** The output side of windows that are aggregated row by row. */
import { valuesBytes } from '../records/batch-bytes.ts'
import type { Value } from '../records/column.ts'
import type { Schema } from '../records/schema.ts'
import { textOf } from './fold/fold-row.ts'
import type { Emit } from './operator.ts'
import { RowOutput } from './row-output.ts'
import type { SaidSession } from './sessions.ts'

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

  textOf({ start, last, rows }: SaidSession): string {
    return textOf([start, last, ...rows.flat()])
  }

  /** @returns bytes of the keys and results */
  push({ key, keys, start, end }: WindowGroup, results: readonly Value[], diff: number): number {
    const origin = this.#origin === null ? undefined : Buffer.concat([this.#origin, key, ORDINAL])
    this.#rows.push([...keys, start, end, ...results], diff, origin)
    return valuesBytes(keys) + valuesBytes(results)
  }

  /** Emits what is pending. */
  end(): void {
    this.#rows.end()
  }
}
