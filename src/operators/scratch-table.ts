/** A table in memory, for what is made and forgotten within one call. */
import { latin1 } from '../base/bytes.ts'
import type { Entry, RangeOptions } from '../storage/environment.ts'
import type { KeyedTable } from '../storage/table.ts'

export class ScratchTable implements KeyedTable {
  readonly #entries = new Map<string, Entry>()

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(latin1(key))?.[1]
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#entries.set(latin1(key), [key, value])
  }

  remove(key: Uint8Array): void {
    this.#entries.delete(latin1(key))
  }

  *range({ from, to }: RangeOptions = {}): Iterable<Entry> {
    const [low, high] = [from && latin1(from), to && latin1(to)]
    const within = (key: string) => (low === undefined || key >= low) && (high === undefined || key < high)
    for (const key of [...this.#entries.keys()].filter(within).sort()) yield this.#entries.get(key)!
  }
}
