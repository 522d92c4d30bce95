/**
 * When a live shard stores: some time after the last store, or when what is not stored grows too large; at epoch
 * boundaries, one at a time, while later epochs fill the next layer of the write set. Snapshots are of what is stored.
 */
import type { Epoch } from '../base/ids.ts'
import type { ShardContext } from './shard-context.ts'
import type { ShardStore } from './shard-store.ts'
import { SnapshotCycle, type SnapshotObservation } from './snapshot-cycle.ts'

/** What the cycle tells of. */
export interface StoreEvents {
  /** The epoch is in the store, with everything up to these positions. */
  onStored(epoch: Epoch, positions: readonly number[]): void
  /** Nothing below this epoch and these positions will be asked for again: a snapshot holds it. */
  onRetained(epoch: Epoch, positions: readonly number[]): void
  onFailed(error: unknown): void
}

/** True when a store must not wait: each epoch is to be stored, the write set is full, or the program needs stores to bring its state into order. */
export const isFull = ({ program, limits }: Pick<ShardContext, 'program' | 'limits'>, store: ShardStore): boolean =>
  limits.storeIntervalMs === 0 ||
  store.pendingBytes + program.memoryBytes() > limits.writeSetBytesMax ||
  program.isBehind?.() === true

export class StoreCycle {
  readonly #context: ShardContext
  readonly #store: ShardStore
  readonly #events: StoreEvents
  readonly #snapshots: SnapshotCycle | null
  #storing: Promise<void> | null = null
  #last: number
  #isDirty: boolean

  /** @param isDirty whether epochs were replayed that are not stored */
  constructor(context: ShardContext, store: ShardStore, isDirty: boolean, events: StoreEvents) {
    this.#context = context
    this.#store = store
    this.#isDirty = isDirty
    this.#events = events
    this.#last = context.seam.clock.monotonic()
    const { snapshots, seam, snapshotIntervalMs } = context
    this.#snapshots =
      snapshots &&
      new SnapshotCycle(snapshots, store, seam, snapshotIntervalMs, context.limits.cacheBytesMax, {
        onKept: ({ epoch, positions }) => events.onRetained(epoch, positions),
        onDamaged: (error) => events.onFailed(error),
      })
  }

  /** Null where none are taken. */
  get snapshots(): SnapshotObservation | null {
    return this.#snapshots?.observation ?? null
  }

  /** Asks for a snapshot at the next store; at once where all is stored. */
  askSnapshot(): void {
    this.#snapshots?.ask()
    if (!this.#isDirty && this.#storing === null) this.#snapshots?.ifDue()
  }

  /** An epoch has changed what is not stored. */
  touch(): void {
    this.#isDirty = true
  }

  /** A store will be due by itself, if only time passes. */
  get isWaiting(): boolean {
    return this.#isDirty && this.#storing === null
  }

  /** Resolves when no store is under way. */
  async settled(): Promise<void> {
    await this.#storing
  }

  /** Resolves when no snapshot is under way. */
  async snapshotSettled(): Promise<void> {
    await this.#snapshots?.settled()
  }

  /** Sees to it that the last state has a snapshot; false where there are none, or it could not be taken. */
  async lastSnapshot(epoch: Epoch): Promise<boolean> {
    const snapshots = this.#snapshots
    if (snapshots === null) return false
    await snapshots.settled()
    if (snapshots.newest !== epoch) {
      snapshots.ask()
      snapshots.ifDue()
      await snapshots.settled()
    }
    return snapshots.newest === epoch
  }

  /** Where another store must not wait while one is under way, the next epoch must. */
  async makeRoom(): Promise<void> {
    if (this.#isFull()) await this.#storing
  }

  /**
   * Starts a store if one is due and none is under way.
   * @param marked waits until the markers of all epochs so far are durable
   */
  ifDue(epoch: Epoch, marker: number, marked: () => Promise<unknown>, now = false): boolean {
    const { seam, limits, program, inbox, shard } = this.#context
    if (!this.isWaiting) return false
    if (!now && seam.clock.monotonic() - this.#last < limits.storeIntervalMs && !this.#isFull()) return false
    program.flush()
    const state = { epoch, marker, inbox: inbox.state() }
    const commit = this.#store.seal(state)
    this.#isDirty = false
    const durable = marked()
    this.#storing = (async () => {
      await durable
      seam.crashPoint('before-store', shard, epoch)
      const committed = commit()
      seam.crashPoint('storing', shard, epoch)
      await committed
      seam.crashPoint('stored', shard, epoch)
      this.#last = seam.clock.monotonic()
    })()
    this.#storing.then(
      () => {
        this.#storing = null
        this.#events.onStored(epoch, state.inbox.positions)
        this.#snapshots?.ifDue()
      },
      (error) => this.#events.onFailed(error),
    )
    return true
  }

  #isFull(): boolean {
    return isFull(this.#context, this.#store)
  }
}
