/**
 * The store of one shard: named tables of binary keys and values, and one conditional commit.
 *
 * Two rules hold it (ST-1, ST-2): a commit is applied only if the store still has the version that the caller names,
 * checked inside the write transaction; and a commit is wholly there or not at all. Keys are never empty.
 * `LmdbEnvironment` is the real one, `MemoryEnvironment` its twin; both pass `test/conformance/storage/suite.ts`.
 */

/** Bumped whenever the meaning of what is stored changes. */
export const STORE_LAYOUT = 8

/** What is stored beside the tables with each commit. */
export interface StoreMeta {
  /** `storeVersion(incarnation, epoch)` of the last commit. */
  readonly version: number
  /** The caller's own bytes: epoch, positions, watermarks. */
  readonly body: Uint8Array
}

/** One change; null removes the key. */
export interface Write {
  readonly table: string
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

export interface RangeOptions {
  /** First key, inclusive. */
  readonly from?: Uint8Array
  /** End, exclusive. */
  readonly to?: Uint8Array
  /** Nobody looks at the values: they may be empty, and those that have pages of their own are not read. */
  readonly keysOnly?: boolean
}

export type Entry = readonly [key: Uint8Array, value: Uint8Array]

/**
 * Reads of the last commit. What `get` gives holds only until the thread reads again, from whatever store.
 * @throws corruption `store` for damaged values
 */
export interface StoreReader {
  meta(): StoreMeta | null
  get(table: string, key: Uint8Array): Uint8Array | undefined
  /** Entries in bytewise order of their keys. Keys and values are copies. */
  range(table: string, options?: RangeOptions): Iterable<Entry>
}

/** Reads of one commit, whatever is committed meanwhile. It holds back what the store could use again: close it soon. */
export interface StoreView extends Pick<StoreReader, 'meta' | 'get'> {
  close(): void
}

/** The file of a copy. */
export const STORE_FILE = 'data.mdb'

export interface Environment extends StoreReader {
  /**
   * Applies the writes and the new meta if the stored version is still `expected` (0 for an empty store).
   * Resolves when it is visible and on disk: true, or false when the version was another and nothing was written.
   * Keys and values are not copied: their bytes must stay as they are until then.
   * @throws before anything is written, for an empty key or a table that there is not, and once the store is closed
   */
  commit(expected: number, meta: StoreMeta, writes: readonly Write[]): Promise<boolean>
  /**
   * Copies the store as of one commit, the last one or a later one, into `STORE_FILE` in an empty directory; commits go
   * on meanwhile. The copy is not synced.
   */
  copyTo(directory: string): Promise<void>
  /** Opens a view of the last commit. */
  view(): StoreView
  /** Reads everything, a little at a step; what is written meanwhile may be left out. @throws corruption `store` when something is damaged */
  verify(): Iterable<void>
  close(): Promise<void>
}
