/**
 * Operators without state that make any number of rows of one, at its time and with its diff: what is taken back takes
 * them all back. Their origins are that of the row and a number, so that they come in order.
 */
import { userError } from '../base/errors.ts'
import { type Batch, BatchBuilder } from '../records/batch.ts'
import { type BytesColumn, ColumnBuilder, type UserValue } from '../records/column.ts'
import { unpacked } from '../records/nested.ts'
import { type OriginColumn, originBytes } from '../records/origin.ts'
import { RowCursor } from '../records/row-cursor.ts'
import type { Fields, Row, Schema } from '../records/schema.ts'
import { checkValue } from '../records/value.ts'
import type { Emit, Operator } from './operator.ts'
import { type Guard, givenRow, NO_GUARD } from './user-code.ts'

/** The rows that `rows` are made of, in order. Those of one row follow each other. */
function originsOfParts(origins: OriginColumn | null, rows: Int32Array): OriginColumn | null {
  if (origins === null) return null
  const heads: Uint8Array[] = []
  const head = new Int32Array(rows.length)
  const seq = new Float64Array(rows.length)
  for (let i = 0; i < rows.length; i++) {
    const isNext = i > 0 && rows[i] === rows[i - 1]
    if (!isNext) heads.push(originBytes(origins, rows[i]!))
    head[i] = heads.length - 1
    seq[i] = isNext ? seq[i - 1]! + 1 : 0
  }
  return { heads, head, seq }
}

/** Gives each element of a list a row of its own; with several lists, elements of the same place share one. */
export class Explode implements Operator {
  readonly #input: Schema
  readonly #output: Schema
  readonly #names: readonly string[]
  readonly #emit: Emit
  readonly #guard: Guard

  constructor(input: Schema, output: Schema, names: readonly string[], emit: Emit, guard = NO_GUARD) {
    this.#input = input
    this.#output = output
    this.#names = names
    this.#emit = emit
    this.#guard = guard
  }

  onBatch(batch: Batch): void {
    const lists = this.#names.map((name) => {
      const type = this.#input.fields[name]!
      return (batch.column(name) as BytesColumn).values.map(
        (value) => (unpacked(type, value) ?? []) as readonly UserValue[],
      )
    })
    const rows: number[] = []
    const builders = this.#names.map((name) => new ColumnBuilder(this.#output.fields[name]!))
    for (let row = 0; row < batch.length; row++) {
      const count = this.#rowsOf(batch, row, lists)
      for (let i = 0; i < count; i++) {
        rows.push(row)
        lists.forEach((values, c) => void builders[c]!.push(values[row]![i] ?? null))
      }
    }
    if (rows.length === 0) return
    const taken = Int32Array.from(rows)
    const parts = batch.gather(taken, taken.length)
    const columns = this.#input.names.map((name, c) => {
      const exploded = this.#names.indexOf(name)
      return exploded < 0 ? parts.columns[c]! : builders[exploded]!.finish()
    })
    this.#emit(parts.with(this.#output, columns, originsOfParts(batch.origins, taken)))
  }

  /** How many rows are made of one: without elements a row with nulls. */
  #rowsOf(batch: Batch, row: number, lists: readonly (readonly (readonly UserValue[])[])[]): number {
    const lengths = lists.map((values) => values[row]!.length)
    if (lengths.every((length) => length === lengths[0])) return Math.max(1, lengths[0]!)
    const found = this.#names.map((name, c) => `'${name}' ${lengths[c]}`)
    const error = userError(
      'explode',
      `lists that are exploded together have one length each row, not ${found.join(', ')}`,
    )
    this.#guard.refuse(givenRow(batch, row), error)
    return 0
  }
}

type UserRow = Readonly<Record<string, UserValue>>

export interface TransformPlan {
  readonly input: Schema
  readonly output: Schema
  /** The columns of a row but the event time, or those of several rows. */
  readonly compute: (row: Row<Fields>) => UserRow | readonly UserRow[]
}

/** Makes rows of another schema, at the time of the row that they are made of. */
export class Transform implements Operator {
  readonly #plan: TransformPlan
  readonly #cursor: RowCursor
  readonly #emit: Emit
  readonly #guard: Guard

  constructor(plan: TransformPlan, emit: Emit, guard = NO_GUARD) {
    this.#plan = plan
    this.#cursor = new RowCursor(plan.input)
    this.#emit = emit
    this.#guard = guard
  }

  onBatch(batch: Batch): void {
    const { output } = this.#plan
    const builder = new BatchBuilder(output, batch.length)
    const rows: number[] = []
    const cursor = this.#cursor.bind(batch)
    for (let row = 0; row < batch.length; row++) {
      try {
        this.#guard.call()
        for (const made of this.#made(cursor, row, batch.times[row]!)) {
          builder.push(made, batch.diff(row))
          rows.push(row)
        }
      } catch (error) {
        this.#guard.refuse(givenRow(batch, row), error)
      }
    }
    if (rows.length === 0) return
    const made = builder.finish()
    this.#emit(made.with(output, made.columns, originsOfParts(batch.origins, Int32Array.from(rows))))
  }

  /** Whole, before the first is pushed: a row that is refused leaves nothing behind. */
  #made(cursor: RowCursor, row: number, time: number): UserRow[] {
    const { output, compute } = this.#plan
    const given = compute(cursor.moveTo(row))
    return (Array.isArray(given) ? (given as readonly UserRow[]) : [given as UserRow]).map((one) => {
      const made = { ...one, [output.time]: time }
      for (const name of output.names) checkValue(name, output.fields[name]!, made[name])
      return made
    })
  }
}
