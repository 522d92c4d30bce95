/**
 * A read-only door to a shard's store for other threads and processes. It survives the environment being replaced: the
 * directory's identity is looked at before each use, and another one is opened anew.
 */
import type { Files } from '../base/seam.ts'
import { LmdbEnvironment } from './lmdb-environment.ts'

export interface StoreReaderOptions {
  readonly files: Files
  readonly path: string
  readonly tables: readonly string[]
}

export class ReplaceableReader {
  readonly #options: StoreReaderOptions
  #open: { environment: LmdbEnvironment; identity: string } | null = null

  constructor(options: StoreReaderOptions) {
    this.#options = options
  }

  /** The environment as of its last commit, or null where there is none yet. */
  async current(): Promise<LmdbEnvironment | null> {
    const { files, path, tables } = this.#options
    const data = `${path}/data.mdb`
    const identity = files.exists(data) ? files.identity(data) : null
    if (this.#open !== null && this.#open.identity !== identity) await this.close()
    if (this.#open === null && identity !== null) {
      this.#open = { environment: new LmdbEnvironment({ path, tables, readOnly: true }), identity }
    }
    this.#open?.environment.refresh()
    return this.#open?.environment ?? null
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = null
    await open?.environment.close()
  }
}
