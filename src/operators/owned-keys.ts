/** Which keys a shard owns, of those that its predecessors had: those whose routing hash falls to it. */

import type { Batch } from '../records/batch.ts'
import { type Column, ColumnBuilder, type Value } from '../records/column.ts'
import { hashColumns } from '../records/key.ts'
import { chosenRows, rowNumbers } from '../records/row-numbers.ts'
import type { FieldType } from '../records/schema.ts'

export class OwnedKeys {
  readonly #owns: (hash: number) => boolean
  readonly #types: readonly FieldType[]
  readonly #routing: readonly number[]

  /**
   * @param types of the key's values
   * @param routing which of the values the stage's rows are split by, in the order in which they are hashed
   */
  constructor(owns: (hash: number) => boolean, types: readonly FieldType[], routing: readonly number[]) {
    this.#owns = owns
    this.#types = types
    this.#routing = routing
  }

  /** The rows whose keys, a column a value, are owned. */
  ofColumns(columns: readonly Column[], length: number): Int32Array {
    const hashes = hashColumns(
      this.#routing.map((c) => columns[c]!),
      length,
    )
    return chosenRows(rowNumbers(hashes.length), (row) => this.#owns(hashes[row]!))
  }

  /** The rows of a batch whose keys stand in these columns. */
  ofBatch(batch: Batch, keyColumns: readonly number[]): Int32Array {
    return this.ofColumns(
      keyColumns.map((c) => batch.columns[c]!),
      batch.length,
    )
  }

  /** Which of these keys are owned. */
  ofValues(keys: readonly (readonly Value[])[]): Int32Array {
    const columns = this.#types.map((type, c) => {
      const builder = new ColumnBuilder(type, keys.length)
      for (const key of keys) builder.push(key[c]!)
      return builder.finish()
    })
    return this.ofColumns(columns, keys.length)
  }
}
