/**
 * A shard's store over LMDB. The only file that imports lmdb.
 *
 * Every write of an epoch goes through one `ifVersion` on the meta entry: LMDB checks the version inside its write
 * transaction and applies all or nothing. No `transaction()`, no `transactionSync`: a killed thread would tear or hang
 * them (docs/gotchas.md). `batchStartThreshold` is above any epoch, so that the writer never starts within a batch.
 */
import fs from 'node:fs'
import { type Database, open, type RootDatabase } from 'lmdb'
import { corruptionError } from '../base/errors.ts'
import {
  type Entry,
  type Environment,
  type RangeOptions,
  STORE_LAYOUT,
  type StoreMeta,
  type Write,
} from './environment.ts'
import { LMDB_HEAD_BYTES, whyNotLmdb } from './lmdb-file.ts'
import { isLong, isStoredLong, storedKey, storedValue, takeApart } from './long-key.ts'

const META_KEY = Buffer.from('meta')
const META_HEADER = 12

export interface LmdbOptions {
  /** The environment's directory. */
  readonly path: string
  /** Names of the tables; a table that is not named cannot be read. */
  readonly tables: readonly string[]
  /** Address space set aside, in bytes; the file only grows to what is used. */
  readonly mapSize?: number
  readonly readOnly?: boolean
}

export class LmdbEnvironment implements Environment {
  readonly #root: RootDatabase
  readonly #meta: Database<Buffer, Buffer>
  readonly #tables = new Map<string, Database<Buffer, Buffer>>()

  /** @throws corruption `store` when the files are not an environment of ours */
  constructor(options: LmdbOptions) {
    try {
      checkFile(`${options.path}/data.mdb`)
      const settings = {
        path: options.path,
        noSubdir: false,
        mapSize: options.mapSize ?? 4 * 2 ** 30,
        maxDbs: 64,
        maxReaders: 512,
        // Read by lmdb, missing from its types.
        batchStartThreshold: 1e9,
        readOnly: options.readOnly ?? false,
      }
      this.#root = open(settings)
      this.#meta = this.#openTable('umbel.meta', true)
      for (const table of options.tables) this.#tables.set(table, this.#openTable(table, false))
      this.meta()
    } catch (error) {
      throw corruptionError('store', `the store ${options.path} cannot be opened: ${(error as Error).message}`, error)
    }
  }

  #openTable(name: string, useVersions: boolean): Database<Buffer, Buffer> {
    return this.#root.openDB<Buffer, Buffer>(name, { encoding: 'binary', keyEncoding: 'binary', useVersions })
  }

  #table(name: string): Database<Buffer, Buffer> {
    const table = this.#tables.get(name)
    if (table === undefined) throw new Error(`table '${name}' was not named when the store was opened`)
    return table
  }

  meta(): StoreMeta | null {
    const bytes = this.#meta?.get(META_KEY)
    if (!bytes) return null
    const layout = bytes.readUInt32LE(0)
    if (layout !== STORE_LAYOUT) throw corruptionError('store', `store layout ${layout} is not ${STORE_LAYOUT}`)
    return { version: bytes.readDoubleLE(4), body: bytes.subarray(META_HEADER) }
  }

  get(table: string, key: Uint8Array): Uint8Array | undefined {
    if (!isLong(key)) return this.#table(table).get(asBuffer(key))
    const joined = this.#table(table).get(asBuffer(storedKey(key)))
    return joined && takeApart(joined).value
  }

  *range(table: string, { from, to }: RangeOptions = {}): Iterable<Entry> {
    const bound = (key: Uint8Array | undefined) => key && asBuffer(isLong(key) ? storedKey(key) : key)
    for (const { key, value } of this.#table(table).getRange({ start: bound(from), end: bound(to), snapshot: false })) {
      if (!isStoredLong(key)) yield [key, value]
      else {
        const apart = takeApart(value)
        yield [apart.key, apart.value]
      }
    }
  }

  async commit(expected: number, meta: StoreMeta, writes: readonly Write[]): Promise<boolean> {
    const bytes = Buffer.allocUnsafe(META_HEADER + meta.body.length)
    bytes.writeUInt32LE(STORE_LAYOUT, 0)
    bytes.writeDoubleLE(meta.version, 4)
    bytes.set(meta.body, META_HEADER)
    const write = () => {
      for (const { table, key, value } of writes) this.#write(table, key, value)
      this.#meta.put(META_KEY, bytes, meta.version)
    }
    const done =
      expected === 0
        ? await this.#meta.ifNoExists(META_KEY, write)
        : await this.#meta.ifVersion(META_KEY, expected, write)
    await this.#root.flushed
    this.#root.resetReadTxn()
    return done
  }

  #write(table: string, key: Uint8Array, value: Uint8Array | null): void {
    const stored = asBuffer(isLong(key) ? storedKey(key) : key)
    if (value === null) this.#table(table).remove(stored)
    else this.#table(table).put(stored, asBuffer(isLong(key) ? storedValue(key, value) : value))
  }

  /** Shows a reader what was committed since its last turn. */
  refresh(): void {
    this.#root.resetReadTxn()
  }

  async close(): Promise<void> {
    await this.#root.close()
  }
}

/** @throws when a file is there that LMDB must not map */
function checkFile(path: string): void {
  if (!fs.existsSync(path)) return
  const fd = fs.openSync(path, 'r')
  try {
    const head = Buffer.alloc(LMDB_HEAD_BYTES)
    const reason = whyNotLmdb(head.subarray(0, fs.readSync(fd, head)))
    if (reason !== null) throw new Error(`it is no environment, ${reason}`)
  } finally {
    fs.closeSync(fd)
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
