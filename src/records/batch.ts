/**
 * A batch: many updates of one schema, in columns. Each row has its fields, a diff (+1 or -1) and, where something
 * downstream can tie, an origin. Batches are immutable once made.
 */
import { type Column, ColumnBuilder, gatherCodes, gatherColumn, type UserValue, valueAt } from './column.ts'
import { unpacked } from './nested.ts'
import { gatherOrigins, type OriginColumn, originsOf } from './origin.ts'
import type { Schema } from './schema.ts'

export class Batch {
  readonly schema: Schema
  readonly length: number
  readonly columns: readonly Column[]
  /** +1 insertion, -1 retraction; null where all are insertions. */
  readonly diffs: Int32Array | null
  readonly origins: OriginColumn | null

  constructor(
    schema: Schema,
    length: number,
    columns: readonly Column[],
    diffs: Int32Array | null = null,
    origins: OriginColumn | null = null,
  ) {
    this.schema = schema
    this.length = length
    this.columns = columns
    this.diffs = diffs
    this.origins = origins
  }

  column(name: string): Column {
    return this.columns[this.schema.names.indexOf(name)]!
  }

  /** Event times, in microseconds. */
  get times(): Float64Array {
    return (this.column(this.schema.time) as { data: Float64Array }).data
  }

  diff(row: number): number {
    return this.diffs === null ? 1 : this.diffs[row]!
  }

  /** The rows named by `rows[0..count)`, in that order. */
  gather(rows: Int32Array, count: number): Batch {
    if (count === this.length && isIdentity(rows, count)) return this
    return new Batch(
      this.schema,
      count,
      this.columns.map((column) => gatherColumn(column, rows, count)),
      this.diffs === null ? null : gatherCodes(this.diffs, rows, count),
      this.origins === null ? null : gatherOrigins(this.origins, rows, count),
    )
  }

  /** The same rows with other columns or another schema. */
  with(schema: Schema, columns: readonly Column[], origins: OriginColumn | null = this.origins): Batch {
    return new Batch(schema, this.length, columns, this.diffs, origins)
  }

  /** One row as a plain object: for tests, errors and small results, not for the hot path. */
  row(row: number): Record<string, UserValue> {
    const object: Record<string, UserValue> = {}
    this.schema.names.forEach((name, c) => {
      const type = this.schema.fields[name]!
      object[name] = unpacked(type, valueAt(this.columns[c]!, type.kind, row))
    })
    return object
  }

  rows(): Record<string, UserValue>[] {
    return Array.from({ length: this.length }, (_, i) => this.row(i))
  }
}

function isIdentity(rows: Int32Array, count: number): boolean {
  for (let i = 0; i < count; i++) if (rows[i] !== i) return false
  return true
}

/** Collects rows into a batch. */
export class BatchBuilder {
  readonly schema: Schema
  readonly builders: readonly ColumnBuilder[]
  readonly #names: readonly string[]
  #diffs: number[] | null = null
  #origins: Uint8Array[] = []
  #length = 0

  constructor(schema: Schema, capacity = 256) {
    this.schema = schema
    this.#names = schema.names
    this.builders = schema.names.map((name) => new ColumnBuilder(schema.fields[name]!, capacity))
  }

  get length(): number {
    return this.#length
  }

  /** Adds a row whose values are already of the schema's types. Give every row an origin or none. */
  push(row: Readonly<Record<string, UserValue>>, diff = 1, origin?: Uint8Array): void {
    for (let c = 0; c < this.#names.length; c++) this.builders[c]!.push(row[this.#names[c]!] ?? null)
    this.end(diff, origin)
  }

  /** Closes a row whose values went to `builders` one by one. */
  end(diff = 1, origin?: Uint8Array): void {
    if (diff !== 1 && this.#diffs === null) this.#diffs = new Array(this.#length).fill(1)
    this.#diffs?.push(diff)
    if (origin !== undefined) this.#origins.push(origin)
    this.#length++
  }

  finish(): Batch {
    return new Batch(
      this.schema,
      this.#length,
      this.builders.map((builder) => builder.finish()),
      this.#diffs === null ? null : Int32Array.from(this.#diffs),
      this.#origins.length === this.#length && this.#length > 0 ? originsOf(this.#origins) : null,
    )
  }
}
