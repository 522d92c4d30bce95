/**
 * Operators without state: each maps updates one by one and keeps time, diff and origin. User functions get a row view
 * that is valid only during the call.
 */
import { UmbelError, userError } from '../base/errors.ts'
import { Batch } from '../records/batch.ts'
import { type Column, ColumnBuilder, type Value } from '../records/column.ts'
import { originBytes } from '../records/origin.ts'
import { RowCursor } from '../records/row-cursor.ts'
import type { Fields, FieldType, Row, Schema } from '../records/schema.ts'
import { checkValue } from '../records/value.ts'
import type { Emit, Operator } from './operator.ts'

type RowFunction<T> = (row: Row<Fields>) => T

/** Keeps the rows for which the predicate is true. */
export class Filter implements Operator {
  readonly #cursor: RowCursor
  readonly #keep: RowFunction<boolean>
  readonly #emit: Emit
  #rows = new Int32Array(0)

  constructor(input: Schema, keep: RowFunction<boolean>, emit: Emit) {
    this.#cursor = new RowCursor(input)
    this.#keep = keep
    this.#emit = emit
  }

  onBatch(batch: Batch): void {
    if (this.#rows.length < batch.length) this.#rows = new Int32Array(batch.length)
    const count = selectRows(this.#cursor.bind(batch), this.#keep, batch.length, this.#rows)
    if (count > 0) this.#emit(batch.gather(this.#rows, count))
  }
}

// Loops over user functions stand in small functions of their own: long ones are recompiled again and again.
function selectRows(cursor: RowCursor, keep: RowFunction<boolean>, length: number, into: Int32Array): number {
  let count = 0
  for (let i = 0; i < length; i++) if (keep(cursor.moveTo(i)) === true) into[count++] = i
  return count
}

export interface AssignPlan {
  readonly input: Schema
  readonly output: Schema
  readonly name: string
  readonly type: FieldType
  readonly compute: RowFunction<Value>
}

/** Adds or replaces one column by a function of the row. */
export class Assign implements Operator {
  readonly #plan: AssignPlan
  readonly #cursor: RowCursor
  readonly #target: number
  readonly #emit: Emit

  constructor(plan: AssignPlan, emit: Emit) {
    this.#plan = plan
    this.#cursor = new RowCursor(plan.input)
    this.#target = plan.output.names.indexOf(plan.name)
    this.#emit = emit
  }

  onBatch(batch: Batch): void {
    const columns = batch.columns.slice()
    columns[this.#target] = this.#compute(batch)
    this.#emit(batch.with(this.#plan.output, columns))
  }

  #compute(batch: Batch): Column {
    const { type, compute, name } = this.#plan
    const cursor = this.#cursor.bind(batch)
    if (type.kind === 'string' || type.kind === 'bytes' || type.nullable) {
      return computeAny(cursor, compute, batch.length, type, name)
    }
    const data = new Float64Array(batch.length)
    const wanted = type.kind === 'float' ? 'number' : type.kind === 'bool' ? 'boolean' : 'whole'
    const bad = computeNumbers(cursor, compute, data, wanted)
    if (bad >= 0) checkValue(name, type, compute(cursor.moveTo(bad)))
    return { type: 'number', data, valid: null }
  }
}

/** Returns the first row whose value may not be of the type, or -1. Booleans become 0 and 1. */
function computeNumbers(
  cursor: RowCursor,
  compute: RowFunction<Value>,
  into: Float64Array,
  wanted: 'whole' | 'number' | 'boolean',
): number {
  let bad = -1
  for (let i = 0; i < into.length; i++) {
    const value = compute(cursor.moveTo(i)) as number | boolean
    if (bad < 0 && (wanted === 'whole' ? !Number.isSafeInteger(value) : typeof value !== wanted)) bad = i
    into[i] = +value
  }
  return bad
}

function computeAny(
  cursor: RowCursor,
  compute: RowFunction<Value>,
  length: number,
  type: FieldType,
  name: string,
): Column {
  const builder = new ColumnBuilder(type, length)
  for (let i = 0; i < length; i++) {
    const value = compute(cursor.moveTo(i)) ?? null
    checkValue(name, type, value)
    builder.push(value)
  }
  return builder.finish()
}

/** Reorders, drops and renames columns. */
export class Project implements Operator {
  readonly #output: Schema
  readonly #from: readonly number[]
  readonly #emit: Emit

  /** @param sources the input field behind each output field, in the order of the output */
  constructor(input: Schema, output: Schema, sources: readonly string[], emit: Emit) {
    this.#output = output
    this.#from = sources.map((name) => input.names.indexOf(name))
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
    const head = Int32Array.from({ length: batch.length }, (_, i) => i)
    this.#emit(
      new Batch(batch.schema, batch.length, batch.columns, batch.diffs, {
        heads,
        head,
        seq: new Float64Array(batch.length),
      }),
    )
  }
}

/** Wraps what a user's function throws, so that the message names the operator. */
export function withOperator<T>(name: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof UmbelError) throw error
    throw userError('user-code', `${name} threw ${(error as Error)?.stack ?? String(error)}`, error)
  }
}
