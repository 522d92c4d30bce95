/**
 * An ordered multiset in a table: packed values and how often each is there. It may be larger than memory: the least is
 * found, one is added or taken out, and nothing else is read. A value that is taken out before it came counts below 0
 * for a while, and is not there.
 */
import { packr } from '../../base/packr.ts'
import { type KeyedTable, prefixEnd } from '../../storage/table.ts'

/** What a member's count was and is. */
export interface CountChange {
  readonly before: number
  readonly after: number
}

export class Members {
  readonly #table: KeyedTable
  readonly #prefix: Uint8Array
  readonly #isDescending: boolean

  /**
   * @param prefix of all keys of this multiset in the table
   * @param order of `entries`: with `descending` the greatest value comes first
   */
  constructor(table: KeyedTable, prefix: Uint8Array, order: 'ascending' | 'descending' = 'ascending') {
    this.#table = table
    this.#prefix = prefix
    this.#isDescending = order === 'descending'
  }

  /** @param value packed, so that no value is the beginning of another one */
  add(value: Uint8Array, diff: number): CountChange {
    const key = this.#keyOf(value)
    const known = this.#table.get(key)
    const before = known === undefined ? 0 : (packr.unpack(known) as number)
    const after = before + diff
    if (after === 0) this.#table.remove(key)
    else this.#table.put(key, packr.pack(after))
    return { before, after }
  }

  /** Values that are there, in order, and how often. */
  *entries(): Iterable<readonly [value: Uint8Array, count: number]> {
    for (const [key, packed] of this.#table.range({ from: this.#prefix, to: prefixEnd(this.#prefix) })) {
      const count = packr.unpack(packed) as number
      if (count > 0) yield [this.#valueOf(key), count]
    }
  }

  #keyOf(value: Uint8Array): Uint8Array {
    return Buffer.concat([this.#prefix, this.#isDescending ? inverted(value) : value])
  }

  #valueOf(key: Uint8Array): Uint8Array {
    const value = key.subarray(this.#prefix.length)
    return this.#isDescending ? inverted(value) : value
  }
}

/** Bytes whose order is the opposite one: none of them is the beginning of another. */
export const inverted = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => ~byte & 0xff)
