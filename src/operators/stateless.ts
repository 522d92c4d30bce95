/**
 * Operators without state: each maps updates one by one and keeps time, diff and origin. User functions get a row view
 * that is valid only during the call.
 */

import { Batch } from '../records/batch.ts'
import { type Column, ColumnBuilder, isNull, type NumberColumn, type UserValue } from '../records/column.ts'
import { originBytes } from '../records/origin.ts'
import { RowCursor } from '../records/row-cursor.ts'
import { chosenRows, rowNumbers } from '../records/row-numbers.ts'
import { bool, columnTypeOf, type Fields, type FieldType, indexesOf, type Row, type Schema } from '../records/schema.ts'
import { checkValue } from '../records/value.ts'
import type { Emit, Operator } from './operator.ts'
import { type Guard, givenRow, NO_GUARD } from './user-code.ts'

type RowFunction<T> = (row: Row<Fields>) => T

/** Keeps the rows for which the predicate is true. */
export class Filter implements Operator {
  readonly #cursor: RowCursor
  readonly #keep: RowFunction<boolean>
  readonly #emit: Emit
  readonly #guard: Guard
  #rows = new Int32Array(0)

  constructor(input: Schema, keep: RowFunction<boolean>, emit: Emit, guard = NO_GUARD) {
    this.#cursor = new RowCursor(input)
    this.#keep = keep
    this.#emit = emit
    this.#guard = guard
  }

  onBatch(batch: Batch): void {
    if (this.#rows.length < batch.length) this.#rows = new Int32Array(batch.length)
    const count = selectRows(this.#cursor.bind(batch), this.#keep, batch, this.#rows, this.#guard)
    if (count > 0) this.#emit(batch.gather(this.#rows, count))
  }
}

const BOOL = bool() as FieldType

// Loops over user functions stand in small functions of their own: long ones are recompiled again and again.
function selectRows(
  cursor: RowCursor,
  keep: RowFunction<boolean>,
  batch: Batch,
  into: Int32Array,
  guard: Guard,
): number {
  const { length } = batch
  let count = 0
  for (let i = 0; i < length; i++) {
    try {
      guard.call()
      const kept = keep(cursor.moveTo(i))
      if (kept === true) into[count++] = i
      else if (kept !== false) checkValue('filter', BOOL, kept)
    } catch (error) {
      guard.refuse(givenRow(batch, i), error)
    }
  }
  return count
}

/** Drops the rows with a null in one of some columns. */
export class DropNull implements Operator {
  readonly #output: Schema
  readonly #columns: readonly number[]
  readonly #emit: Emit

  /** @param output the same columns, of which these are not nullable */
  constructor(input: Schema, output: Schema, names: readonly string[], emit: Emit) {
    this.#output = output
    this.#columns = indexesOf(input, names)
    this.#emit = emit
  }

  onBatch(batch: Batch): void {
    const columns = this.#columns.map((c) => batch.columns[c]!)
    const rows = chosenRows(rowNumbers(batch.length), (row) => columns.every((column) => !isNull(column, row)))
    if (rows.length === 0) return
    const left = batch.gather(rows, rows.length)
    this.#emit(left.with(this.#output, left.columns))
  }
}

/** Puts values in the place of nulls, in columns of numbers. */
export class FillNull implements Operator {
  readonly #output: Schema
  /** By column; null where nulls stay. */
  readonly #values: readonly (number | null)[]
  readonly #emit: Emit

  /** @param output the same columns, of which those that are filled are not nullable */
  constructor(input: Schema, output: Schema, values: Readonly<Record<string, number>>, emit: Emit) {
    this.#output = output
    this.#values = input.names.map((name) => values[name] ?? null)
    this.#emit = emit
  }

  onBatch(batch: Batch): void {
    const columns = batch.columns.map((column, c) => {
      const value = this.#values[c]!
      return value === null || column.type !== 'number' ? column : filled(column, value)
    })
    this.#emit(batch.with(this.#output, columns))
  }
}

function filled({ data, valid }: NumberColumn, value: number): NumberColumn {
  if (valid === null) return { type: 'number', data, valid }
  return { type: 'number', data: data.map((one, row) => (valid[row] === 0 ? value : one)), valid: null }
}

export interface AssignPlan {
  readonly input: Schema
  readonly output: Schema
  readonly name: string
  readonly type: FieldType
  readonly compute: RowFunction<UserValue>
}

/** Adds or replaces one column by a function of the row. */
export class Assign implements Operator {
  readonly #plan: AssignPlan
  readonly #cursor: RowCursor
  readonly #target: number
  readonly #emit: Emit
  readonly #guard: Guard

  constructor(plan: AssignPlan, emit: Emit, guard = NO_GUARD) {
    this.#plan = plan
    this.#cursor = new RowCursor(plan.input)
    this.#target = plan.output.names.indexOf(plan.name)
    this.#emit = emit
    this.#guard = guard
  }

  onBatch(batch: Batch): void {
    const refused = new Set<number>()
    const column = this.#compute(batch, {
      call: () => this.#guard.call(),
      refuse: (row, error) => {
        this.#guard.refuse(givenRow(batch, row), error)
        refused.add(row)
      },
    })
    const columns = batch.columns.slice()
    columns[this.#target] = column
    const whole = batch.with(this.#plan.output, columns)
    if (refused.size === 0) return this.#emit(whole)
    const rows = chosenRows(rowNumbers(batch.length), (row) => !refused.has(row))
    if (rows.length > 0) this.#emit(whole.gather(rows, rows.length))
  }

  #compute(batch: Batch, guard: RowGuard): Column {
    const { type, compute, name } = this.#plan
    const cursor = this.#cursor.bind(batch)
    if (columnTypeOf(type.kind) !== 'number' || type.nullable) {
      return computeAny(cursor, compute, batch, type, name, guard)
    }
    return { type: 'number', data: computeNumbers(cursor, compute, batch, type, name, guard), valid: null }
  }
}

/** The guard of one batch's rows. */
interface RowGuard {
  call(): void
  refuse(row: number, error: unknown): void
}

/** Booleans become 0 and 1. */
function computeNumbers(
  cursor: RowCursor,
  compute: RowFunction<UserValue>,
  batch: Batch,
  type: FieldType,
  name: string,
  guard: RowGuard,
): Float64Array {
  const data = new Float64Array(batch.length)
  const wanted = type.kind === 'float' ? 'number' : type.kind === 'bool' ? 'boolean' : 'whole'
  for (let i = 0; i < data.length; i++) {
    try {
      guard.call()
      const value = compute(cursor.moveTo(i)) as number | boolean
      if (wanted === 'whole' ? !Number.isSafeInteger(value) : typeof value !== wanted) checkValue(name, type, value)
      data[i] = +value
    } catch (error) {
      guard.refuse(i, error)
    }
  }
  return data
}

function computeAny(
  cursor: RowCursor,
  compute: RowFunction<UserValue>,
  batch: Batch,
  type: FieldType,
  name: string,
  guard: RowGuard,
): Column {
  const builder = new ColumnBuilder(type, batch.length)
  for (let i = 0; i < batch.length; i++) {
    try {
      guard.call()
      const value = compute(cursor.moveTo(i)) ?? null
      checkValue(name, type, value)
      builder.push(value)
    } catch (error) {
      guard.refuse(i, error)
      // Any value of the type: the row goes.
      builder.push(type.nullable ? null : type.kind === 'string' ? '' : NO_BYTES)
    }
  }
  return builder.finish()
}

const NO_BYTES = new Uint8Array(0)

/** Reorders, drops and renames columns. */
export class Project implements Operator {
  readonly #output: Schema
  readonly #from: readonly number[]
  readonly #emit: Emit

  /** @param sources the input field behind each output field, in the order of the output */
  constructor(input: Schema, output: Schema, sources: readonly string[], emit: Emit) {
    this.#output = output
    this.#from = indexesOf(input, sources)
    this.#emit = emit
  }

  onBatch(batch: Batch): void {
    this.#emit(
      batch.with(
        this.#output,
        this.#from.map((c) => batch.columns[c]!),
      ),
    )
  }
}

/** Puts several inputs of one schema together. Each row's origin gets its input's index, so that origins stay unique. */
export class Union implements Operator {
  readonly #emit: Emit

  constructor(emit: Emit) {
    this.#emit = emit
  }

  onBatch(batch: Batch, port: number): void {
    if (batch.origins === null) return this.#emit(batch)
    const { origins } = batch
    const suffix = Buffer.alloc(4)
    suffix.writeUInt32BE(port)
    const heads = Array.from({ length: batch.length }, (_, i) => Buffer.concat([suffix, originBytes(origins, i)]))
    const head = rowNumbers(batch.length)
    this.#emit(
      new Batch(batch.schema, batch.length, batch.columns, batch.diffs, {
        heads,
        head,
        seq: new Float64Array(batch.length),
      }),
    )
  }
}
