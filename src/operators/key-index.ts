/**
 * The keys of an operator's groups as small numbers, in the order of their first appearance. Columns are numbered value
 * by value and paired up, so that a row costs an array look-up or an integer hash, never a string.
 */
import { latin1 } from '../base/bytes.ts'
import { grownCodes } from '../base/grown.ts'
import type { Batch } from '../records/batch.ts'
import type { Column, Value } from '../records/column.ts'
import { packValues, unpackKey } from '../records/key.ts'
import { columnTypeOf, type FieldType } from '../records/schema.ts'
import { areNumbers, type GroupKey } from './group-key.ts'
import { sortByNumber } from './radix-sort.ts'
import { STRING_BYTES, ValueIndex } from './value-index.ts'

/** Open-addressing map from pairs of 32-bit numbers to consecutive ids. */
class PairIndex {
  #mask = 1023
  #slots = new Int32Array(1024).fill(-1)
  lefts = new Int32Array(512)
  rights = new Int32Array(512)
  size = 0

  idOf(left: number, right: number): number {
    let at = this.#start(left, right)
    for (;;) {
      const id = this.#slots[at]!
      if (id < 0) return this.#insert(left, right, at)
      if (this.lefts[id] === left && this.rights[id] === right) return id
      at = (at + 1) & this.#mask
    }
  }

  #start(left: number, right: number): number {
    const h = Math.imul(left ^ Math.imul(right, 0x9e3779b1), 0x85ebca6b)
    return (h ^ (h >>> 15)) & this.#mask
  }

  #insert(left: number, right: number, at: number): number {
    const id = this.size++
    if (id === this.lefts.length) {
      this.lefts = grownCodes(this.lefts)
      this.rights = grownCodes(this.rights)
    }
    this.lefts[id] = left
    this.rights[id] = right
    this.#slots[at] = id
    if (this.size * 2 > this.#slots.length) this.#rehash()
    return id
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1)
    this.#mask = this.#slots.length - 1
    for (let id = 0; id < this.size; id++) {
      let at = this.#start(this.lefts[id]!, this.rights[id]!)
      while (this.#slots[at]! >= 0) at = (at + 1) & this.#mask
      this.#slots[at] = id
    }
  }
}

export class KeyIndex {
  readonly #columns: readonly number[]
  readonly #types: readonly FieldType[]
  readonly #areNumbers: boolean
  #values!: ValueIndex[]
  #pairs!: PairIndex[]
  #texts!: string[]
  #textBytes = 0
  #sorted!: Int32Array
  #ranked!: number
  #ranks!: Int32Array
  #scratch = new Int32Array(0)

  /** @param columns indexes of the key columns; an empty list is the one group of everything */
  constructor(columns: readonly number[], types: readonly FieldType[]) {
    this.#columns = columns
    this.#types = types
    this.#areNumbers = areNumbers(types)
    this.clear()
  }

  /** Forgets every key: ids given out before are void. */
  clear(): void {
    this.#values = this.#types.map((type) => new ValueIndex(type.kind))
    this.#pairs = this.#types.slice(1).map(() => new PairIndex())
    this.#texts = []
    this.#textBytes = 0
    this.#sorted = new Int32Array(0)
    this.#ranks = new Int32Array(0)
    this.#ranked = 0
  }

  get size(): number {
    if (this.#types.length === 0) return 1
    return this.#pairs.length > 0 ? this.#pairs.at(-1)!.size : this.#values[0]!.size
  }

  /** Approximate bytes in memory. */
  get memoryBytes(): number {
    const values = this.#values.reduce((sum, index) => sum + index.memoryBytes, 0)
    return values + this.#textBytes + this.#pairs.reduce((sum, pairs) => sum + pairs.size * 24, 0) + this.#ranked * 8
  }

  /** The key ids of the rows of a batch, into `into[0..length)`. */
  resolve(batch: Batch, into: Int32Array): void {
    if (this.#columns.length === 0) {
      into.fill(0, 0, batch.length)
      return
    }
    this.#values[0]!.resolve(batch.columns[this.#columns[0]!]!, batch.length, into)
    if (this.#scratch.length < batch.length) this.#scratch = new Int32Array(batch.length)
    const codes = this.#scratch
    for (let p = 0; p < this.#pairs.length; p++) {
      this.#values[p + 1]!.resolve(batch.columns[this.#columns[p + 1]!]!, batch.length, codes)
      const pairs = this.#pairs[p]!
      for (let i = 0; i < batch.length; i++) into[i] = pairs.idOf(into[i]!, codes[i]!)
    }
  }

  /** The id of a key given as values. */
  idOf(values: readonly Value[]): number {
    if (values.length === 0) return 0
    let id = this.#values[0]!.codeOf(values[0]!)
    this.#pairs.forEach((pairs, p) => {
      id = pairs.idOf(id, this.#values[p + 1]!.codeOf(values[p + 1]!))
    })
    return id
  }

  /** What the key is ordered and stored by. */
  key(id: number): GroupKey {
    return this.#areNumbers ? this.#values[0]!.numbers()![id]! : this.text(id)
  }

  /** The same of many. */
  keysOf(ids: Int32Array): GroupKey[] {
    const keys = new Array<GroupKey>(ids.length)
    const numbers = this.#areNumbers ? this.#values[0]!.numbers() : null
    for (let i = 0; i < ids.length; i++) keys[i] = numbers === null ? this.text(ids[i]!) : numbers[ids[i]!]!
    return keys
  }

  /** True where keys differ in length: `text` is then known of every key that was sorted. */
  get isWide(): boolean {
    return this.#types.some(({ kind }) => columnTypeOf(kind) !== 'number')
  }

  /** The packed bytes of a key, as latin1 text: compares as the bytes do. */
  text(id: number): string {
    const known = this.#texts[id]
    if (known !== undefined) return known
    const text = latin1(packValues(this.#codes(id).map((code, c) => this.#values[c]!.valueOf(code))))
    this.#texts[id] = text
    this.#textBytes += text.length + STRING_BYTES
    return text
  }

  /** Sorts key ids by their packed bytes, in place. */
  sort(ids: Int32Array): void {
    const numbers = this.#types.length === 1 ? this.#values[0]!.numbers() : null
    if (numbers !== null) return this.#sortNumbers(ids, numbers)
    this.#rank()
    for (let i = 0; i < ids.length; i++) ids[i] = this.#ranks[ids[i]!]!
    ids.sort()
    for (let i = 0; i < ids.length; i++) ids[i] = this.#sorted[ids[i]!]!
  }

  /** One column of numbers: their order is that of the packed bytes, and no text is needed. */
  #sortNumbers(ids: Int32Array, numbers: Float64Array): void {
    if (sortByNumber(ids, numbers)) return
    const values = new Float64Array(ids.length)
    for (let i = 0; i < ids.length; i++) values[i] = numbers[ids[i]!]!
    values.sort()
    for (let i = 0; i < ids.length; i++) ids[i] = this.#values[0]!.codeOf(values[i]!)
  }

  /** The key columns of the given keys, as output columns. */
  columns(ids: Int32Array): Column[] {
    const codes = this.#types.map(() => new Int32Array(ids.length))
    for (let i = 0; i < ids.length; i++) {
      let id = ids[i]!
      for (let p = this.#pairs.length - 1; p >= 0; p--) {
        codes[p + 1]![i] = this.#pairs[p]!.rights[id]!
        id = this.#pairs[p]!.lefts[id]!
      }
      if (codes.length > 0) codes[0]![i] = id
    }
    return codes.map((column, c) => this.#values[c]!.column(column))
  }

  #codes(id: number): number[] {
    if (this.#types.length === 0) return []
    const codes: number[] = []
    let left = id
    for (let p = this.#pairs.length - 1; p >= 0; p--) {
      codes.unshift(this.#pairs[p]!.rights[left]!)
      left = this.#pairs[p]!.lefts[left]!
    }
    codes.unshift(left)
    return codes
  }

  // New keys are sorted alone and merged in: a few new keys among many must not cost a full sort.
  #rank(): void {
    const size = this.size
    if (this.#ranked === size) return
    const added = Array.from({ length: size - this.#ranked }, (_, i) => this.#ranked + i)
    added.sort((a, b) => (this.text(a) < this.text(b) ? -1 : 1))
    const merged = new Int32Array(size)
    const old = this.#sorted
    for (let m = 0, o = 0, a = 0; m < size; m++) {
      const takeOld = a === added.length || (o < old.length && this.text(old[o]!) < this.text(added[a]!))
      merged[m] = takeOld ? old[o++]! : added[a++]!
    }
    this.#sorted = merged
    this.#ranks = new Int32Array(size)
    for (let r = 0; r < size; r++) this.#ranks[merged[r]!] = r
    this.#ranked = size
  }
}

/** Key columns of groups that are known by their keys alone. */
export function keyColumns(keys: readonly GroupKey[], types: readonly FieldType[]): Column[] {
  if (areNumbers(types)) return [{ type: 'number', data: Float64Array.from(keys as readonly number[]), valid: null }]
  const kinds = types.map((type) => type.kind)
  const index = new KeyIndex(
    types.map((_, c) => c),
    types,
  )
  return index.columns(
    Int32Array.from(keys, (key) => index.idOf(unpackKey(Buffer.from(key as string, 'latin1'), kinds))),
  )
}
