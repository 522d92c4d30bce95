/** Versions in memory, in columns: a version is a number, its place in them. Their places are not given to others. */
import { latin1 } from '../../base/bytes.ts'
import { grownCodes, grownFlags, grownNumbers } from '../../base/grown.ts'
import type { Batch } from '../../records/batch.ts'
import type { Column } from '../../records/column.ts'
import { hashColumns } from '../../records/key.ts'
import { type OriginColumn, originBytes } from '../../records/origin.ts'
import type { FieldType } from '../../records/schema.ts'
import { VersionValues } from './version-values.ts'

/** What a version takes beside its values. */
const VERSION_BYTES = 30
const FIRST_CAPACITY = 1024

/** What becomes of a version in memory. */
const STORED = 0
const UNSAVED = 1
const GONE = 2

export class VersionColumns {
  times = new Float64Array(0)
  /** Of their keys. */
  ids = new Int32Array(0)
  size = 0
  /** How many are neither stored nor let go. */
  unsaved = 0
  readonly #values: readonly VersionValues[]
  #marks = new Uint8Array(0)
  /** 1 where a version takes a row back. */
  #back = new Uint8Array(0)
  #takesBack = false
  #head = new Int32Array(0)
  #seq = new Float64Array(0)
  #heads: Uint8Array[] = []
  readonly #headCodes = new Map<string, number>()

  constructor(types: readonly FieldType[]) {
    this.#values = types.map((type) => new VersionValues(type))
  }

  get memoryBytes(): number {
    const values = this.#values.reduce((sum, one) => sum + one.memoryBytes, 0)
    return values + this.times.length * (VERSION_BYTES + this.#values.length * 9)
  }

  /**
   * Makes a version of each row.
   * @param rows null for the first `count`
   * @param ids of their keys @param columns of their values @param isStored where they were read
   * @returns the first version; the others follow
   */
  add(batch: Batch, rows: Int32Array | null, ids: Int32Array, columns: readonly Column[], isStored: boolean): number {
    const [at, count] = [this.size, ids.length]
    this.#reserve(at + count)
    this.size += count
    this.#marks.fill(isStored ? STORED : UNSAVED, at, this.size)
    if (!isStored) this.unsaved += count
    const { times, origins, diffs } = batch
    if (diffs !== null) this.#takesBack = true
    const codes = origins === null ? null : origins.heads.map((head) => this.#codeOf(head))
    for (let i = 0; i < count; i++) {
      const row = rows === null ? i : rows[i]!
      this.times[at + i] = times[row]! + 0
      this.ids[at + i] = ids[i]!
      if (diffs !== null && diffs[row]! < 0) this.#back[at + i] = 1
      if (codes === null) continue
      this.#head[at + i] = codes[origins!.head[row]!]!
      this.#seq[at + i] = origins!.seq[row]!
    }
    this.#values.forEach((values, v) => values.put(columns[v]!, rows, count, at))
    return at
  }

  /** Lets go of a version: it is not stored any more, but stays where it is. */
  drop(version: number): void {
    if (this.#marks[version] === UNSAVED) this.unsaved--
    this.#marks[version] = GONE
  }

  /** Those that were not stored, and are from now on. */
  takeUnsaved(): Int32Array {
    const versions = new Int32Array(this.unsaved)
    let count = 0
    for (let version = 0; version < this.size; version++) {
      if (this.#marks[version] !== UNSAVED) continue
      versions[count++] = version
      this.#marks[version] = STORED
    }
    this.unsaved = 0
    return versions
  }

  /** +1, or -1 where a version takes a row back. */
  diff(version: number): number {
    return this.#back[version] === 1 ? -1 : 1
  }

  /** Of some versions; null where nothing was taken back yet. */
  diffs(versions: Int32Array): Int32Array | null {
    return this.#takesBack ? versions.map((version) => this.diff(version)) : null
  }

  /** The order of two versions of one key: by time, then by origin. */
  compare(a: number, b: number): number {
    const difference = this.times[a]! - this.times[b]!
    if (difference !== 0 || this.#heads.length === 0) return difference
    if (this.#head[a] === this.#head[b]) return this.#seq[a]! - this.#seq[b]!
    const { origins } = this
    return Buffer.compare(originBytes(origins!, a), originBytes(origins!, b))
  }

  /** Of all versions, by their numbers; null where rows come without. */
  get origins(): OriginColumn | null {
    return this.#heads.length === 0 ? null : { heads: this.#heads, head: this.#head, seq: this.#seq }
  }

  /** A field of some versions; null for `NONE`. */
  column(field: number, versions: Int32Array): Column {
    return this.#values[field]!.column(versions)
  }

  /** All fields of some versions. */
  columns(versions: Int32Array): Column[] {
    return this.#values.map((values) => values.column(versions))
  }

  /** Whether the values of two versions are the same. */
  isSame(a: number, b: number): boolean {
    for (const values of this.#values) if (!values.isSame(a, b)) return false
    return true
  }

  /** An order of versions by their values alone. */
  compareValues(a: number, b: number): number {
    for (const values of this.#values) {
      const order = values.compare(a, b)
      if (order !== 0) return order
    }
    return 0
  }

  /** Of the values of some versions: alike where these are. */
  hashes(versions: Int32Array): Uint32Array {
    return hashColumns(this.columns(versions), versions.length)
  }

  /** A field of numbers that are never null. */
  number(field: number, version: number): number {
    return this.#values[field]!.number(version)
  }

  /** Bytes of the values of a version. */
  bytes(version: number): number {
    let bytes = 0
    for (const values of this.#values) bytes += values.bytes(version)
    return bytes
  }

  #codeOf(head: Uint8Array): number {
    const text = latin1(head)
    let code = this.#headCodes.get(text)
    if (code === undefined) {
      code = this.#heads.push(head) - 1
      this.#headCodes.set(text, code)
    }
    return code
  }

  #reserve(size: number): void {
    if (size <= this.times.length) return
    let capacity = Math.max(FIRST_CAPACITY, this.times.length)
    while (capacity < size) capacity *= 2
    this.times = grownNumbers(this.times, capacity)
    this.#seq = grownNumbers(this.#seq, capacity)
    this.ids = grownCodes(this.ids, capacity)
    this.#head = grownCodes(this.#head, capacity)
    this.#marks = grownFlags(this.#marks, capacity)
    this.#back = grownFlags(this.#back, capacity)
    for (const values of this.#values) values.grow(capacity)
  }
}
