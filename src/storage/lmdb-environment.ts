/**
 * A shard's store over LMDB. The only file that imports lmdb.
 *
 * Every write of an epoch goes through one `ifVersion` on the meta entry: LMDB checks the version inside its write
 * transaction and applies all or nothing. No `transaction()`, no `transactionSync`: a killed thread would tear or hang
 * them (docs/gotchas.md). `batchStartThreshold` is above any epoch, so that the writer never starts within a batch.
 */
import fs from 'node:fs'
import { type Database, open, type RootDatabase, type Transaction } from 'lmdb'
import { copyOf } from '../base/bytes.ts'
import { corruptionError } from '../base/errors.ts'
import { isMemoryShort } from '../base/memory.ts'
import {
  type Entry,
  type Environment,
  type RangeOptions,
  STORE_FILE,
  STORE_LAYOUT,
  type StoreMeta,
  type StoreView,
  type Write,
} from './environment.ts'
import { commitError, openError, reading } from './lmdb-errors.ts'
import { LMDB_HEAD_BYTES, whyNotLmdb } from './lmdb-file.ts'
import {
  isCutAlike,
  isLong,
  isStoredLong,
  sortedWithin,
  storedKey,
  storedRange,
  storedValue,
  takeApart,
} from './long-key.ts'
import { seal, unseal } from './sealed-value.ts'

const META_KEY = Buffer.from('meta')
const META_HEADER = 12
const NO_VALUE = Buffer.alloc(0)
/** Read at a step when all is: some milliseconds of work, with what an entry costs beside its bytes. */
const VERIFY_BYTES = 1 << 20
const VERIFY_ENTRY_BYTES = 256
/** Room for tables: most stages have fewer, and each costs a little of every transaction. */
const DATABASES_MIN = 64
interface ReadOptions {
  readonly transaction: Transaction
}
/**
 * Reads into memory that the next read of the thread uses again, of whatever store; what has 16 MB and more is no Buffer, but stands in
 * the map of the file, which is the transaction's. lmdb's types leave the options out.
 */
interface FastReads {
  getBinaryFast(key: Buffer, options?: ReadOptions): Buffer | Uint8Array | undefined
}

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
  readonly #names: readonly string[]
  readonly #tables = new Map<string, Database<Buffer, Buffer>>()
  #meta: Database<Buffer, Buffer> | undefined
  #isClosed = false
  /** Settled when all commits are. */
  #committed: Promise<void> = Promise.resolve()
  /** The system has refused a commit. */
  #isRefused = false

  /** @throws corruption `store` when the files are not an environment of ours; retryable `store` when the system refuses */
  constructor(options: LmdbOptions) {
    let root: RootDatabase | undefined
    this.#names = options.tables
    try {
      checkFile(`${options.path}/${STORE_FILE}`)
      const settings = {
        path: options.path,
        noSubdir: false,
        mapSize: options.mapSize ?? 4 * 2 ** 30,
        // Whoever opens it next in this process has what was set aside here.
        maxDbs: Math.max(DATABASES_MIN, options.tables.length + 1),
        maxReaders: 512,
        // Reads are scattered, and what is read around each would push out what is needed next. Where there is memory, a
        // store that is not in it yet is read through seven times as fast with it.
        noReadAhead: isMemoryShort(),
        // Read by lmdb, missing from its types.
        batchStartThreshold: 1e9,
        readOnly: options.readOnly ?? false,
      }
      this.#root = root = open(settings)
      this.#openTables()
      this.meta()
    } catch (error) {
      void root?.close()
      throw openError(options.path, error)
    }
  }

  /** Opens what is not open yet: a reader may have come before the writer has made the tables. */
  #openTables(): void {
    this.#meta ??= this.#openTable('umbel.meta', true)
    for (const name of this.#names) {
      const table = this.#tables.get(name) ?? this.#openTable(name, false)
      if (table !== undefined) this.#tables.set(name, table)
    }
  }

  /** Undefined where there is none and this is a reader; lmdb's types leave that out. */
  #openTable(name: string, useVersions: boolean): Database<Buffer, Buffer> | undefined {
    return this.#root.openDB<Buffer, Buffer>(name, { encoding: 'binary', keyEncoding: 'binary', useVersions })
  }

  #table(name: string): Database<Buffer, Buffer> | undefined {
    const table = this.#tables.get(name)
    if (table === undefined && !this.#names.includes(name)) {
      throw new Error(`table '${name}' was not named when the store was opened`)
    }
    return table
  }

  meta(): StoreMeta | null {
    return this.#readMeta()
  }

  #readMeta(options?: ReadOptions): StoreMeta | null {
    const sealed = this.#meta?.get(META_KEY, options)
    if (!sealed) return null
    const layout = sealed.readUInt32LE(0)
    if (layout !== STORE_LAYOUT) throw corruptionError('store', `store layout ${layout} is not ${STORE_LAYOUT}`)
    const { length } = unseal(META_KEY, sealed)
    return { version: sealed.readDoubleLE(4), body: sealed.subarray(META_HEADER, length) }
  }

  get(table: string, key: Uint8Array): Uint8Array | undefined {
    return this.#read(table, key)
  }

  view(): StoreView {
    // What is current was perhaps opened before the last commit.
    this.#root.resetReadTxn()
    const transaction = this.#root.useReadTransaction()
    return {
      meta: () => this.#readMeta({ transaction }),
      get: (table, key) => this.#read(table, key, { transaction }),
      close: () => transaction.done(),
    }
  }

  #read(table: string, key: Uint8Array, options?: ReadOptions): Uint8Array | undefined {
    const opened = this.#table(table)
    const stored = asBuffer(isLong(key) ? storedKey(key) : key)
    const read = reading(() => (opened as FastReads | undefined)?.getBinaryFast(stored, options))
    if (read === undefined) return undefined
    const value = unseal(stored, Buffer.isBuffer(read) ? read : Buffer.from(read))
    return isLong(key) ? takeApart(value)[1] : value
  }

  *range(table: string, options: RangeOptions = {}): Iterable<Entry> {
    const opened = this.#table(table)
    // An empty end would be none for LMDB.
    if (opened === undefined || options.to?.length === 0) return
    const { from, to } = storedRange(options)
    let alike: Entry[] = []
    const range = { start: from && asBuffer(from), end: to && asBuffer(to), snapshot: false }
    const found = options.keysOnly ? opened.getKeys(range).map((key) => ({ key })) : opened.getRange(range)
    const entries: Iterator<{ key: Buffer; value?: Buffer }> = found[Symbol.iterator]()
    const step = () => entries.next()
    let isOver = false
    try {
      for (let next = reading(step); !next.done; next = reading(step)) {
        const { key } = next.value
        const isKeyLong = isStoredLong(key)
        // The whole of a long key stands with its value.
        const sealed = next.value.value ?? (isKeyLong ? reading(() => opened.get(key)) : undefined)
        const value = sealed === undefined ? NO_VALUE : unseal(key, sealed)
        if (alike.length > 0 && !(isKeyLong && isCutAlike(key, alike[0]![0]))) {
          yield* sortedWithin(alike, options)
          alike = []
        }
        if (isKeyLong) alike.push(takeApart(value))
        else yield [key, value]
      }
      isOver = true
    } finally {
      // Whoever leaves before the end must not leave a cursor behind.
      if (!isOver) entries.return?.()
    }
    if (alike.length > 0) yield* sortedWithin(alike, options)
  }

  async commit(expected: number, meta: StoreMeta, writes: readonly Write[]): Promise<boolean> {
    // What is refused is refused here: an error from within the callback would leave the writes before it in the store,
    // and lmdb throws that it is closed from a later turn, where it ends the process.
    if (this.#isClosed) throw new Error('the store is closed')
    const metaTable = this.#meta!
    for (const { table, key } of writes) {
      this.#table(table)
      if (key.length === 0) throw new Error(`an empty key cannot be written to table '${table}'`)
    }
    const head = Buffer.allocUnsafe(META_HEADER)
    head.writeUInt32LE(STORE_LAYOUT, 0)
    head.writeDoubleLE(meta.version, 4)
    const bytes = seal(META_KEY, Buffer.concat([head, meta.body]))
    const write = () => {
      for (const { table, key, value } of writes) this.#write(table, key, value)
      metaTable.put(META_KEY, bytes, meta.version)
    }
    const committed =
      expected === 0 ? metaTable.ifNoExists(META_KEY, write) : metaTable.ifVersion(META_KEY, expected, write)
    this.#committed = committed.then(nothing, () => {
      this.#isRefused = true
    })
    this.#handleStray()
    const done = await committed.catch(async (error) => Promise.reject(await commitError(error)))
    await this.#root.flushed
    this.#root.resetReadTxn()
    return done
  }

  /**
   * Of each batch lmdb has a promise that nobody is given, made in the turn in which it begins to write: where that is refused, its
   * rejection would end the thread.
   */
  #handleStray(): void {
    setImmediate(() => this.#root.committed.then(nothing, nothing))
  }

  #write(table: string, key: Uint8Array, value: Uint8Array | null): void {
    const stored = asBuffer(isLong(key) ? storedKey(key) : key)
    if (value === null) this.#tables.get(table)!.remove(stored)
    else this.#tables.get(table)!.put(stored, seal(stored, isLong(key) ? storedValue(key, value) : value))
  }

  *verify(): Iterable<void> {
    this.meta()
    for (const name of this.#names) {
      for (let from: Uint8Array | undefined = NO_VALUE; from !== undefined; yield) from = this.#verifySome(name, from)
    }
  }

  /** @returns where to go on; undefined at the end of the table */
  #verifySome(name: string, from: Uint8Array): Uint8Array | undefined {
    let left = VERIFY_BYTES
    for (const [key, value] of this.range(name, { from })) {
      if (left <= 0) return copyOf(key)
      left -= key.length + value.length + VERIFY_ENTRY_BYTES
    }
    return undefined
  }

  async copyTo(directory: string): Promise<void> {
    await this.#root.backup(directory, false)
  }

  /** Shows a reader what was committed since its last turn. */
  refresh(): void {
    this.#root.resetReadTxn()
    if (this.#meta === undefined || this.#tables.size < this.#names.length) this.#openTables()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#committed
    // It would wait for ever for what was refused to be on disk. Whoever has the store ends soon: the disk is full, or fails.
    if (!this.#isRefused) await this.#root.close()
  }
}

const nothing = (): void => {}

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
