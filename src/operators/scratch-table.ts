/** A table in memory, for what is made and forgotten within one call. */
import type { Entry, RangeOptions } from '../storage/environment.ts'
import type { KeyedTable } from '../storage/table.ts'

const textOf = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')

export class ScratchTable implements KeyedTable {
  readonly #entries = new Map<string, Entry>()

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#entries.get(textOf(key))?.[1]
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#entries.set(textOf(key), [key, value])
  }

  remove(key: Uint8Array): void {
    this.#entries.delete(textOf(key))
  }

  *range({ from, to }: RangeOptions = {}): Iterable<Entry> {
    const [low, high] = [from && textOf(from), to && textOf(to)]
    const within = (key: string) => (low === undefined || key >= low) && (high === undefined || key < high)
    for (const key of [...this.#entries.keys()].filter(within).sort()) yield this.#entries.get(key)!
  }
}
