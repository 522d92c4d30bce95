/** Numbers the distinct values of one key column, in the order of their first appearance. Null has a number like any value. */
import { latin1, utf8 } from '../base/bytes.ts'
import type { Column, NumberColumn, StringColumn, Value } from '../records/column.ts'
import { columnTypeOf, type FieldKind } from '../records/schema.ts'

/** What a string costs beside its characters, with its entries in a map and an array. */
export const STRING_BYTES = 96

const float = new Float64Array(1)
const words = new Int32Array(float.buffer)

/** Hash of a double for the index alone; whole numbers of 32 bits take the short way. */
function hashOf(value: number): number {
  const low = value | 0
  let h = low
  if (low !== value) {
    float[0] = value
    h = words[0]! ^ Math.imul(words[1]!, 0x9e3779b1)
  }
  h = Math.imul(h, 0x85ebca6b)
  return h ^ (h >>> 15)
}

/** Open addressing over doubles: value to consecutive code. NaN is one value. */
class NumberIndex {
  #mask = 1023
  #slots = new Int32Array(1024).fill(-1)
  /** The value of each code. */
  values = new Float64Array(512)
  size = 0
  #unkeyed = -1

  codeOf(value: number): number {
    const mask = this.#mask
    const slots = this.#slots
    for (let at = hashOf(value) & mask; ; at = (at + 1) & mask) {
      const code = slots[at]!
      if (code < 0) return this.#insert(value, at)
      const known = this.values[code]!
      if (known === value || (known !== known && value !== value)) return code
    }
  }

  /** A code that no number leads to. */
  takeCode(): number {
    this.#unkeyed = this.#nextCode()
    return this.#unkeyed
  }

  #nextCode(): number {
    if (this.size === this.values.length) {
      const values = new Float64Array(this.values.length * 2)
      values.set(this.values)
      this.values = values
    }
    return this.size++
  }

  #insert(value: number, at: number): number {
    const code = this.#nextCode()
    // Adding 0 makes one of the two zeros.
    this.values[code] = value + 0
    this.#slots[at] = code
    if (this.size * 2 > this.#slots.length) this.#rehash()
    return code
  }

  #rehash(): void {
    this.#slots = new Int32Array(this.#slots.length * 2).fill(-1)
    this.#mask = this.#slots.length - 1
    for (let code = 0; code < this.size; code++) {
      if (code === this.#unkeyed) continue
      let at = hashOf(this.values[code]!) & this.#mask
      while (this.#slots[at]! >= 0) at = (at + 1) & this.#mask
      this.#slots[at] = code
    }
  }
}

export class ValueIndex {
  readonly #kind: FieldKind
  readonly #numbers = new NumberIndex()
  readonly #codeOf = new Map<string | null, number>()
  readonly #texts: (Value | null)[] = []
  /** Set where a column of numbers has had a null: the number that stands for it. */
  #nullCode = -1
  #textBytes = 0

  constructor(kind: FieldKind) {
    this.#kind = kind
  }

  get #isNumber(): boolean {
    return columnTypeOf(this.#kind) === 'number'
  }

  /** Approximate bytes in memory. */
  get memoryBytes(): number {
    return this.#isNumber ? this.#numbers.size * 20 : this.#textBytes
  }

  get size(): number {
    return this.#isNumber ? this.#numbers.size : this.#texts.length
  }

  resolve(column: Column, length: number, into: Int32Array): void {
    if (column.type === 'string') this.#resolveStrings(column, length, into)
    else if (column.type === 'number') this.#resolveNumbers(column, length, into)
    else for (let i = 0; i < length; i++) into[i] = this.codeOf(column.values[i]!)
  }

  /** @param isPart the value may be a piece of a longer text, which it would keep alive */
  codeOf(value: Value, isPart = false): number {
    if (this.#isNumber) return value === null ? this.#codeOfNull() : this.#numbers.codeOf(Number(value))
    const text = value === null || typeof value === 'string' ? value : latin1(value as Uint8Array)
    let code = this.#codeOf.get(text)
    if (code === undefined) {
      const own = isPart && typeof value === 'string' ? utf8(Buffer.from(value)) : value
      code = this.#texts.push(own) - 1
      this.#codeOf.set(typeof own === 'string' ? own : text, code)
      this.#textBytes += (text?.length ?? 0) + STRING_BYTES
    }
    return code
  }

  valueOf(code: number): Value {
    if (!this.#isNumber) return this.#texts[code]!
    if (code === this.#nullCode) return null
    const value = this.#numbers.values[code]!
    return this.#kind === 'bool' ? value === 1 : value
  }

  /** The values of all codes as numbers, if they are numbers and none is null: their order is that of the packed keys. */
  numbers(): Float64Array | null {
    return this.#isNumber && this.#nullCode < 0 ? this.#numbers.values : null
  }

  /** The values at these codes, as a column. */
  column(codes: Int32Array): Column {
    if (columnTypeOf(this.#kind) === 'bytes')
      return { type: 'bytes', values: Array.from(codes, (code) => this.#texts[code] as Uint8Array | null) }
    if (this.#kind === 'string') return this.#stringColumn(codes)
    const data = new Float64Array(codes.length)
    const { values } = this.#numbers
    for (let i = 0; i < codes.length; i++) data[i] = values[codes[i]!]!
    if (this.#nullCode < 0) return { type: 'number', data, valid: null }
    const valid = Uint8Array.from(codes, (code) => (code === this.#nullCode ? 0 : 1))
    return { type: 'number', data, valid: valid.includes(0) ? valid : null }
  }

  #stringColumn(codes: Int32Array): StringColumn {
    if (codes.length * 2 < this.#texts.length) return this.#fewStrings(codes)
    const none = this.#codeOf.get(null)
    if (none === undefined) return { type: 'string', codes, values: this.#texts as string[] }
    return {
      type: 'string',
      codes: codes.map((code) => (code === none ? -1 : code)),
      values: this.#texts.map((value) => (value as string | null) ?? ''),
    }
  }

  /** With the texts of these rows alone: whoever encodes the column goes through all that it has. */
  #fewStrings(codes: Int32Array): StringColumn {
    const values: string[] = []
    const renumbered = new Map<number, number>()
    const few = codes.map((code) => {
      const value = this.#texts[code] as string | null
      if (value === null) return -1
      let known = renumbered.get(code)
      if (known === undefined) {
        known = values.push(value) - 1
        renumbered.set(code, known)
      }
      return known
    })
    return { type: 'string', codes: few, values }
  }

  #codeOfNull(): number {
    if (this.#nullCode < 0) this.#nullCode = this.#numbers.takeCode()
    return this.#nullCode
  }

  #resolveStrings({ codes, values }: StringColumn, length: number, into: Int32Array): void {
    const known = new Int32Array(values.length + 1).fill(-1)
    for (let i = 0; i < length; i++) {
      const at = codes[i]! + 1
      let code = known[at]!
      if (code < 0) {
        code = this.codeOf(at === 0 ? null : values[at - 1]!)
        known[at] = code
      }
      into[i] = code
    }
  }

  #resolveNumbers({ data, valid }: NumberColumn, length: number, into: Int32Array): void {
    const numbers = this.#numbers
    if (valid === null) for (let i = 0; i < length; i++) into[i] = numbers.codeOf(data[i]!)
    else for (let i = 0; i < length; i++) into[i] = valid[i] === 0 ? this.#codeOfNull() : numbers.codeOf(data[i]!)
  }
}
