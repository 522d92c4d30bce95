/** Looks through a table bit by bit, around and around, so that what is over is found without an index of its own. */

import { copyOf, latin1 } from '../base/bytes.ts'
import { packr } from '../base/packr.ts'
import { unpackPrefix } from '../records/key.ts'
import type { FieldKind } from '../records/schema.ts'
import type { KeyedTable } from '../storage/table.ts'

/** Entries that are looked at each time, at least. */
const LEAST = 64

export class Sweep {
  readonly #table: KeyedTable
  readonly #progress: KeyedTable
  /** A shard's own: keys that are shared begin with 2 or more. */
  readonly #name: Uint8Array
  /** Entries up to this key were looked at. */
  #swept: Uint8Array = new Uint8Array(0)
  /** What has come in since the last look: stored, since that may be several epochs ago. */
  #cameIn = 0

  /** @param number 0 or 1, where two tables are swept */
  constructor(table: KeyedTable, progress: KeyedTable, number = 0) {
    this.#table = table
    this.#progress = progress
    this.#name = Uint8Array.of(number)
  }

  /** What was saved, after a restart. */
  open(): void {
    const saved = this.#progress.get(this.#name)
    if (saved === undefined) return
    const [swept, cameIn] = packr.unpack(saved) as [Uint8Array, number]
    this.#swept = copyOf(swept)
    this.#cameIn = cameIn
  }

  save(): void {
    this.#progress.put(this.#name, packr.pack([this.#swept, this.#cameIn]))
  }

  /** So many entries have come in. */
  cameIn(entries: number): void {
    this.#cameIn += entries
  }

  /** The next keys, twice as many as came in since the last look: so what is over does not pile up. */
  next(): Uint8Array[] {
    const most = Math.max(LEAST, 2 * this.#cameIn)
    this.#cameIn = 0
    const keys: Uint8Array[] = []
    const from = this.#swept.length === 0 ? undefined : Buffer.concat([this.#swept, Uint8Array.of(0)])
    for (const [key] of this.#table.range({ from, keysOnly: true })) {
      keys.push(copyOf(key))
      if (keys.length === most) break
    }
    this.#swept = keys.length < most ? new Uint8Array(0) : keys.at(-1)!
    return keys
  }

  /**
   * The packed keys with which the next keys of the table begin, each once.
   * @param kinds of the values in a packed key
   * @param isWanted by what is behind it
   */
  nextGroups(
    kinds: readonly FieldKind[],
    isWanted: (behind: Uint8Array) => boolean = () => true,
  ): Iterable<Uint8Array> {
    const groups = new Map<string, Uint8Array>()
    for (const key of this.next()) {
      const { end } = unpackPrefix(key, kinds)
      if (isWanted(key.subarray(end))) groups.set(latin1(key.subarray(0, end)), key.subarray(0, end))
    }
    return groups.values()
  }
}
