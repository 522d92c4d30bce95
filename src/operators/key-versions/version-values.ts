/** One field of versions in memory: numbers as they are, other values as codes. */
import { grownCodes, grownFlags, grownNumbers } from '../../base/grown.ts'
import { type Column, type NumberColumn, valueAt } from '../../records/column.ts'
import { columnTypeOf, type FieldType } from '../../records/schema.ts'
import { ValueIndex } from '../value-index.ts'

/** No version. */
export const NONE = -1

export class VersionValues {
  readonly #type: FieldType
  readonly #index: ValueIndex | null
  #data = new Float64Array(0)
  /** Null while there was no null. */
  #valid: Uint8Array | null = null
  #codes = new Int32Array(0)

  constructor(type: FieldType) {
    this.#type = type
    this.#index = columnTypeOf(type.kind) === 'number' ? null : new ValueIndex(type.kind)
  }

  get memoryBytes(): number {
    return this.#index?.memoryBytes ?? 0
  }

  grow(capacity: number): void {
    if (this.#index !== null) this.#codes = grownCodes(this.#codes, capacity)
    else {
      this.#data = grownNumbers(this.#data, capacity)
      if (this.#valid !== null) this.#valid = grownFlags(this.#valid, capacity)
    }
  }

  /** Copies rows of a column, or the first `count` where `rows` is null, to places from `at` on. */
  put(column: Column, rows: Int32Array | null, count: number, at: number): void {
    if (this.#index === null) return this.#putNumbers(column as NumberColumn, rows, count, at)
    if (rows === null) return this.#index.resolve(column, count, this.#codes.subarray(at))
    const { kind } = this.#type
    for (let i = 0; i < count; i++) this.#codes[at + i] = this.#index.codeOf(valueAt(column, kind, rows[i]!), true)
  }

  #putNumbers({ data, valid }: NumberColumn, rows: Int32Array | null, count: number, at: number): void {
    if (valid !== null && this.#valid === null) this.#valid = new Uint8Array(this.#data.length).fill(1)
    if (rows === null) this.#data.set(data.length === count ? data : data.subarray(0, count), at)
    else for (let i = 0; i < count; i++) this.#data[at + i] = data[rows[i]!]!
    // Adding 0 makes one of the two zeros: which of two equal rows is said must not show.
    for (let i = at; i < at + count; i++) this.#data[i]! += 0
    if (this.#valid === null) return
    for (let i = 0; i < count; i++) this.#valid[at + i] = valid === null ? 1 : valid[rows === null ? i : rows[i]!]!
  }

  /** The values of some versions; null for `NONE`. */
  column(versions: Int32Array): Column {
    const { length } = versions
    if (this.#index !== null) {
      const none = versions.includes(NONE) ? this.#index.codeOf(null) : 0
      const codes = new Int32Array(length)
      for (let i = 0; i < length; i++) codes[i] = versions[i]! < 0 ? none : this.#codes[versions[i]!]!
      return this.#index.column(codes)
    }
    const data = new Float64Array(length)
    let valid: Uint8Array | null = null
    for (let i = 0; i < length; i++) {
      const at = versions[i]!
      if (at < 0 || (this.#valid !== null && this.#valid[at] === 0)) {
        valid ??= new Uint8Array(length).fill(1)
        valid[i] = 0
      } else data[i] = this.#data[at]!
    }
    return { type: 'number', data, valid }
  }

  /** Of numbers that are never null. */
  number(version: number): number {
    return this.#data[version]!
  }

  /** Null first, NaN last. */
  compare(a: number, b: number): number {
    if (this.isSame(a, b)) return 0
    const [x, y] = [this.#comparable(a), this.#comparable(b)]
    if (x === null || y === null) return x === null ? -1 : 1
    if (x instanceof Uint8Array) return Buffer.compare(x, y as Uint8Array)
    return x < y || y !== y ? -1 : 1
  }

  #comparable(version: number): number | string | Uint8Array | null {
    if (this.#index !== null) return this.#index.valueOf(this.#codes[version]!) as string | Uint8Array | null
    return this.#valid !== null && this.#valid[version] === 0 ? null : this.#data[version]!
  }

  isSame(a: number, b: number): boolean {
    if (this.#index !== null) return this.#codes[a] === this.#codes[b]
    if (this.#valid !== null && this.#valid[a] !== this.#valid[b]) return false
    if (this.#valid !== null && this.#valid[a] === 0) return true
    const [x, y] = [this.#data[a]!, this.#data[b]!]
    return x === y || (x !== x && y !== y)
  }

  /** What it takes as a value of a row. */
  bytes(version: number): number {
    if (this.#index === null) return 8
    const value = this.#index.valueOf(this.#codes[version]!)
    return 8 + (value === null ? 0 : (value as string | Uint8Array).length)
  }
}
