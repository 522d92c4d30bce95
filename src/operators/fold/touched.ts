/** Updates of an epoch, by key or by a larger group of which the key is the end, until all are in. */

import { latin1 } from '../../base/bytes.ts'
import type { Batch } from '../../records/batch.ts'
import { packKey } from '../../records/key.ts'
import { indexesOf, type Schema } from '../../records/schema.ts'
import { type FoldRow, FoldRows } from './fold-row.ts'

export class Touched {
  readonly #keyColumns: readonly number[]
  readonly #rows: FoldRows
  /** By the bytes of the group, as latin1 text. */
  #byGroup = new Map<string, FoldRow[]>()

  /** @param columns those whose values are read */
  constructor(schema: Schema, keys: readonly string[], columns: readonly string[]) {
    this.#keyColumns = indexesOf(schema, keys)
    this.#rows = new FoldRows(schema, columns)
  }

  /** To its key. */
  add(batch: Batch, row: number): void {
    this.#put(latin1(packKey(batch, this.#keyColumns, row)), this.#rows.at(batch, row))
  }

  /** To groups that are told apart by what stands before the key. @param prefixesOf packed, by the row's event time */
  addTo(batch: Batch, row: number, prefixesOf: (time: number) => Iterable<Uint8Array>): void {
    const key = packKey(batch, this.#keyColumns, row)
    const update = this.#rows.at(batch, row)
    for (const prefix of prefixesOf(update.time)) this.#put(latin1(Buffer.concat([prefix, key])), update)
  }

  #put(group: string, update: FoldRow): void {
    const known = this.#byGroup.get(group)
    if (known === undefined) this.#byGroup.set(group, [update])
    else known.push(update)
  }

  /** What there is, in order of groups; from now on there is nothing. */
  take(): [group: Buffer, updates: FoldRow[]][] {
    const touched = this.#byGroup
    if (touched.size === 0) return []
    this.#byGroup = new Map()
    return [...touched.keys()].sort().map((group) => [Buffer.from(group, 'latin1'), touched.get(group)!])
  }
}
