/** Updates of an epoch, key by key, until all are in. */
import type { Batch } from '../../records/batch.ts'
import { packKey } from '../../records/key.ts'
import type { Schema } from '../../records/schema.ts'
import { type FoldRow, FoldRows } from './fold-row.ts'

export class Touched {
  readonly #keyColumns: readonly number[]
  readonly #rows: FoldRows
  /** By packed key, as latin1 text. */
  #byKey = new Map<string, FoldRow[]>()

  /** @param columns those whose values are read */
  constructor(schema: Schema, keys: readonly string[], columns: readonly string[]) {
    this.#keyColumns = keys.map((name) => schema.names.indexOf(name))
    this.#rows = new FoldRows(schema, columns)
  }

  add(batch: Batch, row: number): void {
    const key = Buffer.from(packKey(batch, this.#keyColumns, row)).toString('latin1')
    const update = this.#rows.at(batch, row)
    const known = this.#byKey.get(key)
    if (known === undefined) this.#byKey.set(key, [update])
    else known.push(update)
  }

  /** What there is, in order of keys; from now on there is nothing. */
  take(): [key: Buffer, updates: FoldRow[]][] {
    const touched = this.#byKey
    if (touched.size === 0) return []
    this.#byKey = new Map()
    return [...touched.keys()].sort().map((key) => [Buffer.from(key, 'latin1'), touched.get(key)!])
  }
}
