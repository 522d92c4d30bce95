/** The twin in memory: the same rules, nothing durable but copies, where it is given files. */
import { Packr } from 'msgpackr'
import { copyOf, latin1 } from '../base/bytes.ts'
import { corruptionError } from '../base/errors.ts'
import { checksum } from '../base/hash.ts'
import type { Files } from '../base/seam.ts'
import {
  type Entry,
  type Environment,
  type RangeOptions,
  STORE_FILE,
  type StoreMeta,
  type StoreView,
  type Write,
} from './environment.ts'

const packr = new Packr({ useRecords: false, moreTypes: false })
/** What a copy holds. */
interface Content {
  readonly meta: StoreMeta | null
  readonly tables: readonly (readonly [name: string, entries: readonly (readonly [string, Uint8Array])[]])[]
}

/** What was read last: its bytes are others' after the next read, as those that LMDB gives are. */
let lent: Uint8Array | undefined

function lend(value: Uint8Array | undefined): Uint8Array | undefined {
  lent?.fill(0xa5)
  lent = value && copyOf(value)
  return lent
}

export class MemoryEnvironment implements Environment {
  readonly #files: Files | null
  #tables = new Map<string, Map<string, Uint8Array>>()
  #meta: StoreMeta | null = null
  #isClosed = false

  constructor(files: Files | null = null) {
    this.#files = files
  }

  /** Opens a copy. @throws corruption `store` when it is none */
  static fromCopy(files: Files, directory: string): MemoryEnvironment {
    return MemoryEnvironment.fromBytes(files.read(`${directory}/${STORE_FILE}`), directory, files)
  }

  /** What `toBytes` gave. @throws corruption `store` when these are other bytes */
  static fromBytes(bytes: Uint8Array, directory: string, files: Files | null = null): MemoryEnvironment {
    const environment = new MemoryEnvironment(files)
    try {
      const { checksum: expected, content } = packr.unpack(bytes) as { checksum: number; content: Uint8Array }
      if (checksum(content) !== expected) throw new Error('its checksum does not match')
      const { meta, tables } = packr.unpack(content) as Content
      environment.#meta = meta
      environment.#tables = new Map(tables.map(([name, entries]) => [name, new Map(entries)]))
    } catch (error) {
      throw corruptionError('store', `the store ${directory} cannot be opened: ${(error as Error).message}`, error)
    }
    return environment
  }

  meta(): StoreMeta | null {
    return this.#meta
  }

  get(table: string, key: Uint8Array): Uint8Array | undefined {
    return lend(this.#tables.get(table)?.get(latin1(key)))
  }

  *range(table: string, { from, to }: RangeOptions = {}): Iterable<Entry> {
    const entries = this.#tables.get(table)
    if (entries === undefined) return
    const [low, high] = [from && latin1(from), to && latin1(to)]
    const keys = [...entries.keys()].filter((k) => (low === undefined || k >= low) && (high === undefined || k < high))
    for (const key of keys.sort()) yield [Buffer.from(key, 'latin1'), entries.get(key)!]
  }

  async commit(expected: number, meta: StoreMeta, writes: readonly Write[]): Promise<boolean> {
    if (this.#isClosed) throw new Error('the store is closed')
    return this.commitNow(expected, meta, writes)
  }

  /** A commit that takes no time. */
  commitNow(expected: number, meta: StoreMeta, writes: readonly Write[]): boolean {
    for (const { table, key } of writes) {
      if (key.length === 0) throw new Error(`an empty key cannot be written to table '${table}'`)
    }
    if ((this.#meta?.version ?? 0) !== expected) return false
    for (const { table, key, value } of writes) {
      let entries = this.#tables.get(table)
      if (entries === undefined) this.#tables.set(table, (entries = new Map()))
      if (value === null) entries.delete(latin1(key))
      else entries.set(latin1(key), copyOf(value))
    }
    this.#meta = { version: meta.version, body: copyOf(meta.body) }
    return true
  }

  view(): StoreView {
    const view = new MemoryEnvironment()
    view.#meta = this.#meta
    view.#tables = new Map([...this.#tables].map(([name, entries]) => [name, new Map(entries)]))
    return { meta: () => view.meta(), get: (table, key) => view.get(table, key), close: () => {} }
  }

  /** Memory keeps what it is given. */
  verify(): Iterable<void> {
    return []
  }

  async copyTo(directory: string): Promise<void> {
    if (this.#files === null) throw new Error('this store was given no files to copy itself to')
    await this.#files.writeWhole(`${directory}/${STORE_FILE}`, this.toBytes())
  }

  /** All it holds, with a checksum. */
  toBytes(): Uint8Array {
    const tables = [...this.#tables].map(([name, entries]) => [name, [...entries]] as const)
    const content = packr.pack({ meta: this.#meta, tables } satisfies Content)
    return packr.pack({ checksum: checksum(content), content })
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }
}
