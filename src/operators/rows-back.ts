/** The rows of a key, the newest first: for what is behind a row, and what came after it. */
import type { FieldKind } from '../records/schema.ts'
import { type KeyedTable, prefixEnd } from '../storage/table.ts'
import type { FoldRow } from './fold/fold-row.ts'
import { StoredRows } from './fold/stored-rows.ts'

export class RowsBack extends StoredRows {
  readonly #key: Uint8Array

  /** @param kinds of the values that a row has */
  constructor(table: KeyedTable, key: Uint8Array, kinds: readonly FieldKind[]) {
    super(table, key, kinds, true)
    this.#key = key
  }

  /** All rows, from the newest back. */
  newest(): Iterable<FoldRow> {
    return this.#back(this.#key)
  }

  /** Rows at or before the place of one, from there back. */
  back(row: FoldRow): Iterable<FoldRow> {
    return this.#back(this.keyOf(row))
  }

  /** Rows before a time, from there back. */
  before(time: number): Iterable<FoldRow> {
    // Behind all places of that time.
    return this.#back(Buffer.concat([this.placeOf(time), Uint8Array.of(255)]))
  }

  #back(from: Uint8Array): Iterable<FoldRow> {
    return this.read(from, prefixEnd(this.#key))
  }
}
