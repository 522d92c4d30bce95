/**
 * A shard's store over the epochs: the write set in front of the environment, and conditional commits of one or several
 * epochs at a time (EP-3). The condition is (incarnation, epoch): a commit that another life has overtaken writes
 * nothing, and the shard leaves (FN-1).
 */

import { fencedError } from '../base/errors.ts'
import { type Epoch, type Incarnation, storeVersion } from '../base/ids.ts'
import { packr } from '../base/packr.ts'
import type { InboxState } from '../mailbox/inbox.ts'
import type { ChangedKeys } from '../storage/changed-keys.ts'
import type { Environment, Write } from '../storage/environment.ts'
import type { KeyedTable } from '../storage/table.ts'
import { WriteSet } from '../storage/write-set.ts'

/** What is stored with the tables. */
export interface StoredState {
  readonly epoch: Epoch
  /** Hash of the marker of that epoch; 0 at epoch 0. */
  readonly marker: number
  readonly inbox: InboxState
  /** True while state is being taken over from the shards before it: what is there is not all. */
  readonly isPartial?: true
}

export class ShardStore {
  readonly #environment: Environment
  readonly #writes: WriteSet
  readonly #incarnation: Incarnation
  #version: number
  #stored: StoredState | null
  #changed: ChangedKeys | null = null

  constructor(environment: Environment, incarnation: Incarnation) {
    this.#environment = environment
    this.#writes = new WriteSet(environment)
    this.#incarnation = incarnation
    const meta = environment.meta()
    this.#version = meta?.version ?? 0
    this.#stored = meta === null ? null : readStoredState(meta.body)
  }

  /** The last stored state, or null for an empty store. */
  get stored(): StoredState | null {
    return this.#stored
  }

  get environment(): Environment {
    return this.#environment
  }

  get pendingBytes(): number {
    return this.#writes.bytes
  }

  table(name: string): KeyedTable {
    return this.#writes.table(name)
  }

  /** From now on, keys that are committed are noted there. */
  note(changed: ChangedKeys): void {
    this.#changed = changed
  }

  /**
   * Takes the store for this life: raises the incarnation and keeps the epoch.
   * @param empty the state of a store that has none yet
   * @throws fenced when a newer life has it
   */
  async fence(empty: StoredState): Promise<void> {
    // A life that was stopped before it opened the store must not fence its successor downwards.
    if (this.#version >= storeVersion(this.#incarnation, 0)) throw this.#taken()
    await this.#commit(this.#stored ?? empty, [])
  }

  /** Closes the write set at an epoch boundary; the returned function commits it once that epoch's marker is durable. */
  seal(state: StoredState): () => Promise<void> {
    const writes = this.#writes.seal()
    return async () => {
      await this.#commit(state, writes)
      this.#writes.sealedStored()
    }
  }

  async #commit(state: StoredState, writes: readonly Write[]): Promise<void> {
    const version = storeVersion(this.#incarnation, state.epoch)
    this.#changed?.begin(writes)
    const done = await this.#environment.commit(this.#version, { version, body: packr.pack(state) }, writes)
    this.#changed?.end()
    if (!done) throw this.#taken()
    this.#version = version
    this.#stored = state
  }

  #taken() {
    return fencedError(`the store was taken by another life than incarnation ${this.#incarnation}`)
  }

  async close(): Promise<void> {
    await this.#environment.close()
  }
}

export const readStoredState = (body: Uint8Array): StoredState => packr.unpack(body) as StoredState
