/**
 * Columns: one field of many rows. Numbers of every kind (int, float, time, date, and bool as 0 and 1) share one
 * representation, strings are codes into a list of values (-1 is null), bytes are kept as they are. Lists, maps and
 * structs are bytes, in their packed form (`nested.ts`).
 */
import { packNested } from './nested.ts'
import { columnTypeOf, type FieldKind, type FieldType } from './schema.ts'

export interface NumberColumn {
  readonly type: 'number'
  readonly data: Float64Array
  /** 1 where there is a value, 0 for null; null where no row is null. */
  readonly valid: Uint8Array | null
}
export interface StringColumn {
  readonly type: 'string'
  readonly codes: Int32Array
  readonly values: readonly string[]
}
export interface BytesColumn {
  readonly type: 'bytes'
  readonly values: readonly (Uint8Array | null)[]
}
export type Column = NumberColumn | StringColumn | BytesColumn

/** What a single field of a row may hold, where lists, maps and structs are packed. */
export type Value = number | boolean | string | Uint8Array | null
/** The same as user code sees it. */
export type UserValue = Value | readonly UserValue[] | { readonly [name: string]: UserValue }

/** A column of nulls alone. */
export function nullColumn(kind: FieldKind, length: number): Column {
  switch (columnTypeOf(kind)) {
    case 'number':
      return { type: 'number', data: new Float64Array(length), valid: new Uint8Array(length) }
    case 'string':
      return { type: 'string', codes: new Int32Array(length).fill(-1), values: [] }
    case 'bytes':
      return { type: 'bytes', values: new Array<null>(length).fill(null) }
  }
}

/** One value of a column. */
export function valueAt(column: Column, kind: FieldKind, row: number): Value {
  switch (column.type) {
    case 'number':
      if (column.valid !== null && column.valid[row] === 0) return null
      return kind === 'bool' ? column.data[row] === 1 : column.data[row]!
    case 'string': {
      const code = column.codes[row]!
      return code < 0 ? null : column.values[code]!
    }
    case 'bytes':
      return column.values[row]!
  }
}

export function isNull(column: Column, row: number): boolean {
  switch (column.type) {
    case 'number':
      return column.valid !== null && column.valid[row] === 0
    case 'string':
      return column.codes[row]! < 0
    case 'bytes':
      return column.values[row] === null
  }
}

/** The rows named by `rows[0..count)`, in that order. */
export function gatherColumn(column: Column, rows: Int32Array, count: number): Column {
  switch (column.type) {
    case 'number':
      return {
        type: 'number',
        data: gatherNumbers(column.data, rows, count),
        valid: column.valid === null ? null : gatherFlags(column.valid, rows, count),
      }
    case 'string':
      return { type: 'string', codes: gatherCodes(column.codes, rows, count), values: column.values }
    case 'bytes': {
      const values = new Array<Uint8Array | null>(count)
      for (let i = 0; i < count; i++) values[i] = column.values[rows[i]!]!
      return { type: 'bytes', values }
    }
  }
}

// One loop per element type: each stays monomorphic, which is a third faster than one generic loop.
export function gatherNumbers(from: Float64Array, rows: Int32Array, count: number): Float64Array {
  const to = new Float64Array(count)
  for (let i = 0; i < count; i++) to[i] = from[rows[i]!]!
  return to
}
function gatherFlags(from: Uint8Array, rows: Int32Array, count: number): Uint8Array {
  const to = new Uint8Array(count)
  for (let i = 0; i < count; i++) to[i] = from[rows[i]!]!
  return to
}
export function gatherCodes(from: Int32Array, rows: Int32Array, count: number): Int32Array {
  const to = new Int32Array(count)
  for (let i = 0; i < count; i++) to[i] = from[rows[i]!]!
  return to
}

/** Of ES2024, which Node 20 has. */
type WellFormed = string & { toWellFormed(): string }

/** Collects the values of one field; `finish` makes the column. Values must already be of the field's type. */
export class ColumnBuilder {
  readonly #field: FieldType
  readonly #type: Column['type']
  readonly #bool: boolean
  #size: number
  #length = 0
  #data: Float64Array
  #valid: Uint8Array | null = null
  #codes: Int32Array
  #codeOf = new Map<string, number>()
  #values: string[] = []
  #bytes: (Uint8Array | null)[] = []

  constructor(field: FieldType, capacity = 256) {
    this.#field = field
    this.#type = columnTypeOf(field.kind)
    this.#bool = field.kind === 'bool'
    this.#size = Math.max(1, capacity)
    this.#data = new Float64Array(this.#type === 'number' ? this.#size : 0)
    this.#codes = new Int32Array(this.#type === 'string' ? this.#size : 0)
  }

  get length(): number {
    return this.#length
  }

  /** @param value of a list, a map or a struct also in its packed form */
  push(value: UserValue): void {
    if (this.#type === 'number')
      this.pushNumber(this.#bool && value !== null ? (value ? 1 : 0) : (value as number | null))
    else if (this.#type === 'string') this.pushString(value as string | null)
    else {
      const isPacked = value === null || value instanceof Uint8Array
      this.#bytes.push(isPacked ? value : packNested(this.#field, value))
      this.#length++
    }
  }

  pushNumber(value: number | null): void {
    if (this.#length === this.#size) this.#grow()
    if (value === null) {
      this.#valid ??= new Uint8Array(this.#size).fill(1, 0, this.#length)
      this.#valid[this.#length] = 0
    } else {
      this.#data[this.#length] = value
      if (this.#valid !== null) this.#valid[this.#length] = 1
    }
    this.#length++
  }

  pushString(value: string | null): void {
    if (this.#length === this.#size) this.#grow()
    this.#codes[this.#length++] = value === null ? -1 : (this.#codeOf.get(value) ?? this.#takeCode(value))
  }

  /** What UTF-8 cannot hold is replaced here: a key must hash alike before and behind a mailbox. */
  #takeCode(value: string): number {
    const text = (value as WellFormed).toWellFormed()
    const code = text === value ? this.#values.push(value) - 1 : (this.#codeOf.get(text) ?? this.#takeCode(text))
    this.#codeOf.set(value, code)
    return code
  }

  finish(): Column {
    const length = this.#length
    if (this.#type === 'number') {
      return { type: 'number', data: this.#data.subarray(0, length), valid: this.#valid?.subarray(0, length) ?? null }
    }
    if (this.#type === 'string') return { type: 'string', codes: this.#codes.subarray(0, length), values: this.#values }
    return { type: 'bytes', values: this.#bytes }
  }

  #grow(): void {
    this.#size *= 2
    if (this.#type === 'number') {
      const data = new Float64Array(this.#size)
      data.set(this.#data)
      this.#data = data
      if (this.#valid !== null) {
        const valid = new Uint8Array(this.#size)
        valid.set(this.#valid)
        this.#valid = valid
      }
    } else {
      const codes = new Int32Array(this.#size)
      codes.set(this.#codes)
      this.#codes = codes
    }
  }
}
