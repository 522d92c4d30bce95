/**
 * Rows that come into spans of time and leave them: each is put out as it came, and once more for each span, at the time at which
 * it leaves; or, where that is asked for now and then alone, at the next time at which it is. Two columns are added: which span a
 * row leaves, 0 where it comes in, and when it came.
 */
import type { Batch } from '../records/batch.ts'
import type { NumberColumn } from '../records/column.ts'
import { makeSchema, type Schema } from '../records/schema.ts'
import type { Emit, Operator } from './operator.ts'

export const SPAN_LEFT = 'span_left'
export const SPAN_ENTERED = 'span_entered'

/** Those that are added. */
export const SPAN_COLUMNS = [SPAN_ENTERED, SPAN_LEFT] as const

export const leavingSchema = ({ fields }: Schema): Schema =>
  makeSchema({
    ...fields,
    [SPAN_LEFT]: { kind: 'int', nullable: false, eventTime: false },
    [SPAN_ENTERED]: { kind: 'time', nullable: false, eventTime: false },
  })

export class Leaving implements Operator {
  readonly #output: Schema
  readonly #spans: readonly number[]
  readonly #every: number | null
  readonly #emit: Emit
  readonly #time: number

  /**
   * @param spans in microseconds; they are numbered from 1
   * @param every rows come and leave at the next multiple of this alone, which is behind them; null for at once
   */
  constructor(
    input: Schema,
    output: Schema,
    { spans, every }: { spans: readonly number[]; every: number | null },
    emit: Emit,
  ) {
    this.#output = output
    this.#spans = spans
    this.#every = every
    this.#emit = emit
    this.#time = input.names.indexOf(input.time)
  }

  onBatch(batch: Batch): void {
    this.#put(batch, this.#timesOf(batch, 0), 0)
    this.#spans.forEach((span, s) => void this.#put(batch, this.#timesOf(batch, span), s + 1))
  }

  #timesOf({ times }: Batch, span: number): Float64Array {
    const every = this.#every
    if (every === null) return span === 0 ? times : times.map((time) => time + span)
    return times.map((time) => (Math.floor((time + span) / every) + 1) * every)
  }

  #put(batch: Batch, times: Float64Array, left: number): void {
    const number = (data: Float64Array): NumberColumn => ({ type: 'number', data, valid: null })
    const columns = batch.columns.with(this.#time, number(times))
    const added = [number(new Float64Array(batch.length).fill(left)), number(batch.times)]
    this.#emit(batch.with(this.#output, [...columns, ...added]))
  }
}
