/**
 * A read-only door to a shard's store for other threads and processes. It survives the environment being replaced: the
 * directory's identity is looked at before each use, and another one is opened anew.
 */
import type { Files } from '../base/seam.ts'
import { STORE_FILE } from './environment.ts'
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
    const identity = this.#identity()
    if (this.#open !== null && this.#open.identity !== identity) await this.close()
    if (this.#open === null && identity !== null) this.#open = this.#tryOpen(identity)
    this.#open?.environment.refresh()
    return this.#open?.environment ?? null
  }

  /** Null where there is no data file, or one that is only being made. */
  #identity(): string | null {
    const { files, path } = this.#options
    const data = `${path}/${STORE_FILE}`
    try {
      return files.exists(data) && files.size(data) > 0 ? files.identity(data) : null
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
  }

  /** Null where the environment was replaced meanwhile: the next use will find what is there then. */
  #tryOpen(identity: string): { environment: LmdbEnvironment; identity: string } | null {
    const { path, tables } = this.#options
    try {
      return { environment: new LmdbEnvironment({ path, tables, readOnly: true }), identity }
    } catch (error) {
      if (this.#identity() !== identity) return null
      throw error
    }
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = null
    await open?.environment.close()
  }
}
