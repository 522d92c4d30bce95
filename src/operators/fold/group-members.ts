/**
 * The members of one group while it is worked on: what comes and goes within one call is never in the table, and where nothing of
 * the group is in the table it is not looked at. How many entries are there is stored with the group.
 */
import { latin1 } from '../../base/bytes.ts'
import type { Entry, RangeOptions } from '../../storage/environment.ts'
import type { KeyedTable } from '../../storage/table.ts'

interface Changed {
  readonly key: Uint8Array
  /** Null where it is removed. */
  value: Uint8Array | null
  readonly wasThere: boolean
}

export class GroupMembers implements KeyedTable {
  readonly #table: KeyedTable
  #stored: number
  #changed = new Map<string, Changed>()

  /** @param stored how many entries of the group are in the table */
  constructor(table: KeyedTable, stored: number) {
    this.#table = table
    this.#stored = stored
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const changed = this.#changed.size === 0 ? undefined : this.#changed.get(latin1(key))
    if (changed !== undefined) return changed.value ?? undefined
    return this.#stored === 0 ? undefined : this.#table.get(key)
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#set(key, value)
  }

  remove(key: Uint8Array): void {
    this.#set(key, null)
  }

  #set(key: Uint8Array, value: Uint8Array | null): void {
    const text = latin1(key)
    const changed = this.#changed.get(text)
    if (changed !== undefined) changed.value = value
    else {
      const wasThere = this.#stored > 0 && this.#table.get(key) !== undefined
      this.#changed.set(text, { key, value, wasThere })
    }
  }

  *range(options: RangeOptions = {}): Iterable<Entry> {
    if (this.#changed.size === 0) {
      if (this.#stored > 0) yield* this.#table.range(options)
      return
    }
    const [low, high] = [options.from && latin1(options.from), options.to && latin1(options.to)]
    const changed = [...this.#changed.keys()]
      .filter((key) => (low === undefined || key >= low) && (high === undefined || key < high))
      .sort()
    let next = 0
    const entryOf = (text: string): Entry[] => {
      const { key, value } = this.#changed.get(text)!
      return value === null ? [] : [[key, value]]
    }
    if (this.#stored > 0) {
      for (const entry of this.#table.range(options)) {
        const text = latin1(entry[0])
        while (next < changed.length && changed[next]! < text) yield* entryOf(changed[next++]!)
        if (changed[next] === text) yield* entryOf(changed[next++]!)
        else yield entry
      }
    }
    while (next < changed.length) yield* entryOf(changed[next++]!)
  }

  /** Writes what has changed. @returns how many entries are in the table now */
  save(): number {
    for (const { key, value, wasThere } of this.#changed.values()) {
      if (value !== null) {
        this.#table.put(key, value)
        if (!wasThere) this.#stored++
      } else if (wasThere) {
        this.#table.remove(key)
        this.#stored--
      }
    }
    this.#changed = new Map()
    return this.#stored
  }
}
