/** A pane in memory: the groups that rows since the last flush have touched, by key id. */
import { grownCodes } from '../base/grown.ts'
import type { CellStore } from './cells.ts'

export class Pane {
  readonly start: number
  /** Key ids in order of first appearance. */
  keys = new Int32Array(16)
  size = 0
  #table = new Int32Array(64).fill(-1)
  #slots = new Int32Array(16)
  readonly #store: CellStore

  constructor(start: number, store: CellStore) {
    this.start = start
    this.#store = store
  }

  /** The slot of a key, taken from the store if the key is new. */
  slotOf(key: number): number {
    const mask = this.#table.length - 1
    let at = Math.imul(key, 0x9e3779b1) & mask
    for (;;) {
      const index = this.#table[at]!
      if (index < 0) return this.#insert(key, at)
      if (this.keys[index] === key) return this.#slots[index]!
      at = (at + 1) & mask
    }
  }

  /** The slot of a key, or -1. */
  find(key: number): number {
    const mask = this.#table.length - 1
    for (let at = Math.imul(key, 0x9e3779b1) & mask; ; at = (at + 1) & mask) {
      const index = this.#table[at]!
      if (index < 0) return -1
      if (this.keys[index] === key) return this.#slots[index]!
    }
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
    if (this.size * 2 > this.#table.length) this.#rehash()
    return slot
  }

  #rehash(): void {
    this.#table = new Int32Array(this.#table.length * 2).fill(-1)
    const mask = this.#table.length - 1
    for (let index = 0; index < this.size; index++) {
      let at = Math.imul(this.keys[index]!, 0x9e3779b1) & mask
      while (this.#table[at]! >= 0) at = (at + 1) & mask
      this.#table[at] = index
    }
  }
}
