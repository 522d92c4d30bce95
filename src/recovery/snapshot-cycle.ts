/**
 * When a live shard takes snapshots: at intervals, jittered so that shards do not all copy at once, or when asked. One at
 * a time, beside the epochs. A failure is told and tried again, and the shard goes on without, unless its store is damaged.
 */
import { isDamagedStore } from '../base/errors.ts'
import type { Seam } from '../base/seam.ts'
import { ChangedKeys } from '../storage/changed-keys.ts'
import type { ShardSnapshots, SnapshotBody } from './shard-snapshots.ts'
import type { ShardStore } from './shard-store.ts'

/** Numbers about a shard's snapshots, for `inspect` and tests. */
export interface SnapshotObservation {
  /** Taken in this life. */
  taken: number
  /** Attempts that came to nothing in this life. */
  failed: number
  /** Epoch of the newest. */
  epoch: number
  bytes: number
  /** Bytes that were new in the last one. */
  copied: number
  ms: number
  /** Why the last attempt came to nothing; null when it did not. */
  problem: string | null
}

export interface SnapshotEvents {
  onKept(oldest: SnapshotBody): void
  onDamaged(error: unknown): void
}

export class SnapshotCycle {
  readonly observation: SnapshotObservation = {
    taken: 0,
    failed: 0,
    epoch: 0,
    bytes: 0,
    copied: 0,
    ms: 0,
    problem: null,
  }
  readonly #snapshots: ShardSnapshots
  readonly #store: ShardStore
  readonly #changed: ChangedKeys
  readonly #seam: Seam
  readonly #intervalMs: number
  readonly #events: SnapshotEvents
  #dueAt: number
  #isAsked = false
  #taking: Promise<void> | null = null

  /**
   * @param changedBytesMax what keys that have changed since the last one may take in memory; beyond it, all is copied
   * @param events `onKept` is told of the oldest snapshot that is kept, each time there is one; `onDamaged` that the store
   *   itself cannot be read
   */
  constructor(
    snapshots: ShardSnapshots,
    store: ShardStore,
    seam: Seam,
    intervalMs: number,
    changedBytesMax: number,
    events: SnapshotEvents,
  ) {
    this.#snapshots = snapshots
    this.#store = store
    this.#changed = new ChangedKeys(changedBytesMax)
    store.note(this.#changed)
    this.#seam = seam
    this.#intervalMs = intervalMs
    this.#events = events
    this.#dueAt = this.#nextTime(seam.random())
    if (snapshots.oldest !== null) events.onKept(snapshots.oldest)
  }

  /** Epoch of the newest that there is; null where there is none. */
  get newest(): number | null {
    return this.#snapshots.newest?.epoch ?? null
  }

  /** Makes one due at the next store. */
  ask(): void {
    this.#isAsked = true
  }

  /** Starts one if it is due. Called when a store was written. */
  ifDue(): void {
    if (this.#taking !== null || !(this.#isAsked || this.#seam.clock.monotonic() >= this.#dueAt)) return
    this.#isAsked = false
    this.#taking = this.#take().finally(() => {
      this.#taking = null
    })
  }

  /** Resolves when none is under way. */
  async settled(): Promise<void> {
    await this.#taking
  }

  async #take(): Promise<void> {
    const { clock, random } = this.#seam
    const { observation } = this
    const start = clock.monotonic()
    try {
      const { manifest, copied } = await this.#snapshots.take(this.#store.environment, this.#changed)
      const { number: epoch, bytes } = manifest
      Object.assign(observation, { epoch, bytes, copied, ms: clock.monotonic() - start, problem: null })
      observation.taken++
      this.#events.onKept(this.#snapshots.oldest!)
    } catch (error) {
      observation.failed++
      observation.problem = (error as Error).message
      if (isDamagedStore(error)) this.#events.onDamaged(error)
    }
    this.#dueAt = this.#nextTime(0.9 + random() * 0.2)
  }

  #nextTime(intervals: number): number {
    return this.#seam.clock.monotonic() + this.#intervalMs * intervals
  }
}
