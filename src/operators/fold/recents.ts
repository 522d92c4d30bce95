/**
 * Updates of one group that later ones may still come before, or take back: kept in a table in order, an entry each, since
 * a group may have more than fit into memory.
 */
import type { FieldKind } from '../../records/schema.ts'
import { type KeyedTable, prefixEnd } from '../../storage/table.ts'
import type { FoldRow } from './fold-row.ts'
import { StoredRows } from './stored-rows.ts'

export class Recents extends StoredRows {
  readonly #group: Uint8Array

  /** @param kinds of the values that a row has */
  constructor(table: KeyedTable, group: Uint8Array, kinds: readonly FieldKind[]) {
    super(table, group, kinds, false)
    this.#group = group
  }

  /** Those at or behind a time, in order. */
  from(time: number): FoldRow[] {
    return [...this.read(this.placeOf(time), prefixEnd(this.#group))]
  }

  /** Those before a time, in order. */
  before(time: number): FoldRow[] {
    const to = time === Number.POSITIVE_INFINITY ? prefixEnd(this.#group) : this.placeOf(time)
    return [...this.read(this.#group, to)]
  }

  /** Those from one time to another, both included, in order. */
  within(first: number, last: number, hasOrigins = true): FoldRow[] {
    return [...this.read(this.placeOf(first), prefixEnd(this.placeOf(last)), hasOrigins)]
  }
}
