/**
 * The stores of a stage's shards, read-only, as of their last commits, while the shards go on or not. Of shards that are
 * taking over from others, which have not got everything yet, those others are asked.
 */
import { shardsOf } from '../actors/index-records.ts'
import { jobFile, storeDirectory } from '../actors/job.ts'
import { userError } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'
import { shardOf } from '../base/key-group.ts'
import type { Files } from '../base/seam.ts'
import { readStoredState, type StoredState } from '../recovery/shard-store.ts'
import type { StoreReader } from '../storage/environment.ts'
import { ReplaceableReader } from '../storage/reader.ts'

export class StageStores {
  readonly #files: Files
  readonly #directory: string
  readonly #stage: string
  readonly #tables: readonly string[]
  readonly #readers = new Map<ShardId, ReplaceableReader>()
  #generations: readonly (readonly ShardId[])[] = []
  /** Of the file that tells the numbers of shards. */
  #identity = ''

  constructor(files: Files, directory: string, stage: string, tables: readonly string[]) {
    this.#files = files
    this.#directory = directory
    this.#stage = stage
    this.#tables = tables
  }

  /** The stores that own these routing hashes; null where nothing was stored yet. Look at them in the same turn: later they have changed. */
  async ofHashes(hashes: Uint32Array): Promise<(StoreReader | null)[]> {
    this.#learn()
    const stores = new Map<ShardId, StoreReader | null>()
    const chosen: (StoreReader | null)[] = []
    for (const hash of hashes) {
      let store: StoreReader | null = null
      for (let g = this.#generations.length - 1; g >= 0 && store === null; g--) {
        const shards = this.#generations[g]!
        const shard = shards[shardOf(hash, shards.length)]!
        if (!stores.has(shard)) stores.set(shard, await this.#open(shard))
        store = stores.get(shard)!
      }
      chosen.push(store)
    }
    return chosen
  }

  /** What was stored last of each shard that is in charge. */
  async states(): Promise<(StoredState | null)[]> {
    this.#learn()
    const states: (StoredState | null)[] = []
    for (const shard of this.#generations.at(-1)!) {
      const store = await this.#open(shard)
      states.push(store && readStoredState(store.meta()!.body))
    }
    return states
  }

  /** Another number of shards has been asked for, or another run has begun. */
  #learn(): void {
    const file = jobFile(this.#directory)
    if (!this.#files.exists(file)) throw userError('directory', `the data directory ${this.#directory} is gone`)
    const identity = this.#files.identity(file)
    if (identity === this.#identity) return
    this.#generations = shardsOf(this.#files, this.#directory, this.#stage)
    this.#identity = identity
  }

  /** Null where it has nothing yet, or not all. */
  async #open(shard: ShardId): Promise<StoreReader | null> {
    let reader = this.#readers.get(shard)
    if (reader === undefined) {
      const path = storeDirectory(this.#directory, shard)
      reader = new ReplaceableReader({ files: this.#files, path, tables: this.#tables })
      this.#readers.set(shard, reader)
    }
    const store = await reader.current()
    const meta = store?.meta() ?? null
    return meta === null || readStoredState(meta.body).isPartial ? null : store
  }

  async close(): Promise<void> {
    for (const reader of this.#readers.values()) await reader.close()
    this.#readers.clear()
  }
}
