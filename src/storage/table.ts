/** What operators see of a store: ordered tables of binary keys. Reads see the writes of the epochs under way. */
import { copyOf } from '../base/bytes.ts'
import type { Entry, RangeOptions } from './environment.ts'

export interface KeyedTable {
  get(key: Uint8Array): Uint8Array | undefined
  /** The key is not empty. Neither is copied: hand over bytes that nothing will change. */
  put(key: Uint8Array, value: Uint8Array): void
  remove(key: Uint8Array): void
  /** Entries in bytewise order of their keys, as of the call. Do not write to the table while iterating. */
  range(options?: RangeOptions): Iterable<Entry>
}

/** The end of the range of all keys that begin with `prefix`, or undefined where there is none. */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  const end = copyOf(prefix)
  for (let i = end.length - 1; i >= 0; i--) {
    if (end[i]! < 255) {
      end[i]!++
      return end.subarray(0, i + 1)
    }
  }
  return undefined
}
