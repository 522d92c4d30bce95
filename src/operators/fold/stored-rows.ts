/**
 * Rows of one key in a table, an entry each, with how often it is there. Keys: the packed key, then time, origin and values, which may
 * be inverted, so that the newest row comes first.
 */

import { latin1 } from '../../base/bytes.ts'
import { packr } from '../../base/packr.ts'
import { packBehind, packValues, unpackKey } from '../../records/key.ts'
import type { FieldKind } from '../../records/schema.ts'
import type { KeyedTable } from '../../storage/table.ts'
import type { FoldRow } from './fold-row.ts'
import { inverted } from './members.ts'

/** Its place among what a key is made of. */
const ORIGIN = 1

export class StoredRows {
  readonly #table: KeyedTable
  readonly #key: Uint8Array
  readonly #kinds: readonly FieldKind[]
  readonly #isInverted: boolean

  /** @param kinds of the values that a row has */
  constructor(table: KeyedTable, key: Uint8Array, kinds: readonly FieldKind[], isInverted: boolean) {
    this.#table = table
    this.#key = key
    this.#kinds = ['time', 'bytes', ...kinds]
    this.#isInverted = isInverted
  }

  put(row: FoldRow): void {
    this.#table.put(this.keyOf(row), packr.pack(row.diff))
  }

  /** Adds to what is there of an equal row. @returns its key in the table, and how often it is there now */
  add(row: FoldRow): { key: Uint8Array; count: number } {
    const key = this.keyOf(row)
    const count = row.diff + this.countOf(row)
    if (count === 0) this.#table.remove(key)
    else this.#table.put(key, packr.pack(count))
    return { key, count }
  }

  /** How often an equal row is there; below 0 where it was taken back before it came. */
  countOf(row: FoldRow): number {
    const known = this.#table.get(this.keyOf(row))
    return known === undefined ? 0 : diffOf(known)
  }

  remove(row: FoldRow): void {
    this.#table.remove(this.keyOf(row))
  }

  protected keyOf({ time, origin, values }: FoldRow): Uint8Array {
    return this.#placed([time, Buffer.from(origin, 'latin1'), ...values])
  }

  /** Where rows of a time stand. */
  protected placeOf(time: number): Uint8Array {
    return this.#placed([time])
  }

  #placed(values: Parameters<typeof packValues>[0]): Uint8Array {
    if (!this.#isInverted) return packBehind(this.#key, values)
    return Buffer.concat([this.#key, inverted(packValues(values))])
  }

  /** @param hasOrigins false where nobody looks at them: they are empty then */
  protected *read(from: Uint8Array, to: Uint8Array | undefined, hasOrigins = true): Iterable<FoldRow> {
    const left = hasOrigins ? -1 : ORIGIN
    for (const [place, diff] of this.#table.range({ from, to })) {
      const packed = place.subarray(this.#key.length)
      const [time, origin, ...values] = unpackKey(this.#isInverted ? inverted(packed) : packed, this.#kinds, left)
      yield {
        time: time as number,
        origin: hasOrigins ? latin1(origin as Uint8Array) : '',
        values,
        diff: diffOf(diff),
      }
    }
  }
}

/** Most are a small number, which is a byte of its own in msgpack. */
const diffOf = (packed: Uint8Array): number =>
  packed.length === 1 && packed[0]! < 0x80 ? packed[0]! : (packr.unpack(packed) as number)
