/** The twin in memory: the same rules, nothing durable. */
import { copyOf } from '../base/bytes.ts'
import type { Entry, Environment, RangeOptions, StoreMeta, Write } from './environment.ts'

const text = (key: Uint8Array): string => Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')

export class MemoryEnvironment implements Environment {
  readonly #tables = new Map<string, Map<string, Uint8Array>>()
  #meta: StoreMeta | null = null
  #isClosed = false

  meta(): StoreMeta | null {
    return this.#meta
  }

  get(table: string, key: Uint8Array): Uint8Array | undefined {
    return this.#tables.get(table)?.get(text(key))
  }

  *range(table: string, { from, to }: RangeOptions = {}): Iterable<Entry> {
    const entries = this.#tables.get(table)
    if (entries === undefined) return
    const [low, high] = [from && text(from), to && text(to)]
    const keys = [...entries.keys()].filter((k) => (low === undefined || k >= low) && (high === undefined || k < high))
    for (const key of keys.sort()) yield [Buffer.from(key, 'latin1'), entries.get(key)!]
  }

  async commit(expected: number, meta: StoreMeta, writes: readonly Write[]): Promise<boolean> {
    if (this.#isClosed) throw new Error('the store is closed')
    for (const { table, key } of writes) {
      if (key.length === 0) throw new Error(`an empty key cannot be written to table '${table}'`)
    }
    if ((this.#meta?.version ?? 0) !== expected) return false
    for (const { table, key, value } of writes) {
      let entries = this.#tables.get(table)
      if (entries === undefined) this.#tables.set(table, (entries = new Map()))
      if (value === null) entries.delete(text(key))
      else entries.set(text(key), copyOf(value))
    }
    this.#meta = { version: meta.version, body: copyOf(meta.body) }
    return true
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }
}
