/** A pane in memory: the groups that rows since the last flush have touched, by key id. */
import { grownCodes } from '../base/grown.ts'
import type { CellStore } from './cells.ts'

export class Pane {
  readonly start: number
  /** Key ids in order of first appearance. */
  keys = new Int32Array(16)
  size = 0
  /**
   * Where in `keys` a key stands, -1 for none: a hash table, or, where the pane has a good part of all keys, one by key id, which takes
   * one look in memory where a hash takes two.
   */
  #table = new Int32Array(64).fill(-1)
  #isById = true
  #slots = new Int32Array(16)
  readonly #store: CellStore

  constructor(start: number, store: CellStore) {
    this.start = start
    this.#store = store
  }

  /** The slot of a key, taken from the store if the key is new. */
  slotOf(key: number): number {
    let at = this.#placeOf(key)
    if (at >= this.#table.length) {
      this.#grow(key)
      at = this.#placeOf(key)
    }
    const index = this.#table[at]!
    return index < 0 ? this.#insert(key, at) : this.#slots[index]!
  }

  /** The slot of a key, or -1. */
  find(key: number): number {
    const at = this.#placeOf(key)
    const index = at < this.#table.length ? this.#table[at]! : -1
    return index < 0 ? -1 : this.#slots[index]!
  }

  /** The slots of these keys, which are all that there are, in another order. @param scratch by key: what is there is overwritten */
  slotsOf(keys: Int32Array, scratch: Int32Array): Int32Array {
    for (let i = 0; i < this.size; i++) scratch[this.keys[i]!] = this.#slots[i]!
    const slots = new Int32Array(keys.length)
    for (let i = 0; i < keys.length; i++) slots[i] = scratch[keys[i]!]!
    return slots
  }

  /** Gives all slots back. */
  clear(): void {
    for (let i = 0; i < this.size; i++) this.#store.release(this.#slots[i]!)
    this.size = 0
    this.#table.fill(-1)
  }

  /** Of the table: where the key is, or would be; behind its end where a table by id is too short. */
  #placeOf(key: number): number {
    if (this.#isById) return key
    const mask = this.#table.length - 1
    for (let at = Math.imul(key, 0x9e3779b1) & mask; ; at = (at + 1) & mask) {
      const index = this.#table[at]!
      if (index < 0 || this.keys[index] === key) return at
    }
  }

  #insert(key: number, at: number): number {
    const index = this.size++
    if (index === this.keys.length) {
      this.keys = grownCodes(this.keys)
      this.#slots = grownCodes(this.#slots)
    }
    const slot = this.#store.take()
    this.keys[index] = key
    this.#slots[index] = slot
    this.#table[at] = index
    if (!this.#isById && this.size * 2 > this.#table.length) this.#grow(key)
    return slot
  }

  /** Twice as large, or larger for a key that is far behind all others: by id as long as a good part of it is in use. */
  #grow(key: number): void {
    let length = this.#table.length * 2
    let last = key
    for (let index = 0; index < this.size; index++) if (this.keys[index]! > last) last = this.keys[index]!
    this.#isById = last < Math.max(length, this.size * 4)
    while (this.#isById && length <= last) length *= 2
    this.#table = new Int32Array(length).fill(-1)
    for (let index = 0; index < this.size; index++) this.#table[this.#placeOf(this.keys[index]!)] = index
  }
}
