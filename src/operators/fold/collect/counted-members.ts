/** A multiset in a table that knows how many different values are there, and whether anything is left of it. */
import type { KeyedTable } from '../../../storage/table.ts'
import { Members } from '../members.ts'

export class CountedMembers {
  readonly #members: Members
  /** Different values that are there. */
  #present: number
  /** All that are there, each as often as it is. */
  #total: number
  /** Values whose count is not 0: those that were taken out before they came too. */
  #entries: number

  constructor(table: KeyedTable, prefix: Uint8Array, saved: unknown, order: 'ascending' | 'descending' = 'ascending') {
    this.#members = new Members(table, prefix, order)
    ;[this.#present, this.#total, this.#entries] = (saved as [number, number, number] | null) ?? [0, 0, 0]
  }

  get present(): number {
    return this.#present
  }

  get total(): number {
    return this.#total
  }

  add(value: Uint8Array, diff: number): void {
    const { before, after } = this.#members.add(value, diff)
    this.#present += Number(after > 0) - Number(before > 0)
    this.#total += Math.max(0, after) - Math.max(0, before)
    this.#entries += Number(after !== 0) - Number(before !== 0)
  }

  entries(): Iterable<readonly [value: Uint8Array, count: number]> {
    return this.#members.entries()
  }

  save(): unknown {
    return this.#entries === 0 ? null : [this.#present, this.#total, this.#entries]
  }
}
