/**
 * Updates of one group that later ones may still come before, or take back: kept in a table in order, an entry each, since
 * a group may have more than fit into memory. Keys: the group's, then time, origin and values.
 */
import { Packr } from 'msgpackr'
import { packValues, unpackKey } from '../../records/key.ts'
import type { FieldKind } from '../../records/schema.ts'
import { type KeyedTable, prefixEnd } from '../../storage/table.ts'
import type { FoldRow } from './fold-row.ts'

const packr = new Packr({ useRecords: false })

export class Recents {
  readonly #table: KeyedTable
  readonly #group: Uint8Array
  readonly #kinds: readonly FieldKind[]

  /** @param kinds of the values that a row has */
  constructor(table: KeyedTable, group: Uint8Array, kinds: readonly FieldKind[]) {
    this.#table = table
    this.#group = group
    this.#kinds = ['time', 'bytes', ...kinds]
  }

  /** Those at or behind a time, in order. */
  from(time: number): FoldRow[] {
    return this.#read(Buffer.concat([this.#group, packValues([time])]), prefixEnd(this.#group))
  }

  /** Those before a time, in order. */
  before(time: number): FoldRow[] {
    const to =
      time === Number.POSITIVE_INFINITY ? prefixEnd(this.#group) : Buffer.concat([this.#group, packValues([time])])
    return this.#read(this.#group, to)
  }

  /** Those from one time to another, both included, in order. */
  within(first: number, last: number): FoldRow[] {
    const [from, to] = [first, last].map((time) => Buffer.concat([this.#group, packValues([time])])) as [Buffer, Buffer]
    return this.#read(from, prefixEnd(to))
  }

  put(row: FoldRow): void {
    this.#table.put(this.#keyOf(row), packr.pack(row.diff))
  }

  /** Adds to what is there of an equal row. @returns its key in the table */
  add(row: FoldRow): Uint8Array {
    const key = this.#keyOf(row)
    const known = this.#table.get(key)
    const diff = row.diff + (known === undefined ? 0 : (packr.unpack(known) as number))
    if (diff === 0) this.#table.remove(key)
    else this.#table.put(key, packr.pack(diff))
    return key
  }

  remove(row: FoldRow): void {
    this.#table.remove(this.#keyOf(row))
  }

  #keyOf({ time, origin, values }: FoldRow): Uint8Array {
    return Buffer.concat([this.#group, packValues([time, Buffer.from(origin, 'latin1'), ...values])])
  }

  #read(from: Uint8Array, to: Uint8Array | undefined): FoldRow[] {
    const rows: FoldRow[] = []
    for (const [key, diff] of this.#table.range({ from, to })) {
      const [time, origin, ...values] = unpackKey(key.subarray(this.#group.length), this.#kinds)
      rows.push({
        time: time as number,
        origin: Buffer.from(origin as Uint8Array).toString('latin1'),
        values,
        diff: packr.unpack(diff) as number,
      })
    }
    return rows
  }
}
