/**
 * Puts rows that are read one by one into what a source hands out: those that fit into a batch, the others among the
 * rejected. Every row has the next offset, whether it fits or not, so that offsets do not depend on the schema.
 */
import { BatchBuilder } from '../records/batch.ts'
import type { Value } from '../records/column.ts'
import { columnTypeOf, type Schema } from '../records/schema.ts'
import type { RejectedRow, SplitRows } from '../topology/connector.ts'
import { Misfit } from './parse-value.ts'

/** Characters of a rejected row that are kept for a person to look at. */
const RAW_MAX = 4096

/**
 * @example
 * intake.values[0] = parse(text)
 * const why = intake.take()
 * if (why !== null) intake.reject(why, text)
 */
export class RowIntake {
  /** The values of the row at hand, in the order of the schema's fields. */
  readonly values: (Value | Misfit)[]
  readonly #builder: BatchBuilder
  readonly #first: number
  readonly #rejected: RejectedRow[] = []
  /** Columns whose values have a length. */
  readonly #wide: readonly number[]
  readonly #bytesMax: number
  #bytes = 0

  /**
   * @param first the offset of the first row
   * @param bytesMax when it is full
   */
  constructor(schema: Schema, first: number, bytesMax: number, capacity = 256) {
    this.#builder = new BatchBuilder(schema, capacity)
    this.#first = first
    this.#bytesMax = bytesMax
    this.#wide = [...schema.names.keys()].filter(
      (c) => columnTypeOf(schema.fields[schema.names[c]!]!.kind) !== 'number',
    )
    this.values = new Array(schema.names.length).fill(null)
  }

  /** Rows so far, rejected ones too. */
  get rows(): number {
    return this.#builder.length + this.#rejected.length
  }

  /** The rows so far come to the bytes that are asked for, or more. */
  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax
  }

  /** Takes the row at hand into the batch, or says why it does not fit; then `reject` is to follow. */
  take(): string | null {
    const { values } = this
    for (let c = 0; c < values.length; c++) if (values[c] instanceof Misfit) return this.#reasons()
    const { builders } = this.#builder
    for (let c = 0; c < values.length; c++) builders[c]!.push(values[c] as Value)
    this.#builder.end()
    this.#bytes += values.length * 8
    for (const c of this.#wide) this.#bytes += (values[c] as string | Uint8Array | null)?.length ?? 0
    return null
  }

  reject(reason: string, raw: string): void {
    const shown = raw.length > RAW_MAX ? `${raw.slice(0, RAW_MAX)}...` : raw
    this.#bytes += shown.length
    this.#rejected.push({ offset: this.#first + this.rows, reason, raw: shown })
  }

  finish(): SplitRows {
    const batch = this.#builder.finish()
    return { batch, offsets: this.#offsets(batch.length), rejected: this.#rejected }
  }

  /** The offsets that the rejected rows leave. */
  #offsets(length: number): number | Float64Array {
    if (this.#rejected.length === 0) return this.#first
    const offsets = new Float64Array(length)
    let offset = this.#first
    let next = 0
    for (let i = 0; i < length; i++) {
      while (this.#rejected[next]?.offset === offset) {
        next++
        offset++
      }
      offsets[i] = offset++
    }
    return offsets
  }

  #reasons(): string {
    return this.values.flatMap((value) => (value instanceof Misfit ? [value.reason] : [])).join('; ')
  }
}
