/** The least or the greatest value of a group, of which values can be taken out again. */
import { packValues, unpackKey } from '../../records/key.ts'
import type { KeyedTable } from '../../storage/table.ts'
import { isBeyond } from '../cells.ts'
import { Members } from './members.ts'

export class Extreme {
  readonly #kind: 'min' | 'max'
  readonly #members: Members
  /** Of values that nothing takes out any more; null where there is none. */
  settled: number | null = null

  /** @param prefix of the members' keys in the table */
  constructor(kind: 'min' | 'max', table: KeyedTable, prefix: Uint8Array) {
    this.#kind = kind
    this.#members = new Members(table, prefix, kind === 'max' ? 'descending' : 'ascending')
  }

  apply(value: number, diff: number): void {
    this.#members.add(packValues([value]), diff)
  }

  settle(value: number, diff: number): void {
    this.#members.add(packValues([value]), -diff)
    if (diff > 0 && (this.settled === null || isBeyond(this.#kind, value, this.settled))) this.settled = value
  }

  /** Null where there is no value. */
  value(): number | null {
    let best = this.settled
    for (const [packed] of this.#members.entries()) {
      const [value] = unpackKey(packed, ['float']) as [number]
      if (best === null || isBeyond(this.#kind, value, best)) best = value
      // It is the greatest in the order of keys, and beyond none.
      if (value === value) break
    }
    return best
  }
}
