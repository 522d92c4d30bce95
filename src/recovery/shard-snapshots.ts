/**
 * The snapshots of one shard's store: taking one, and putting one in the place of a lost store. A snapshot is a copy of
 * the store as of one epoch, so it holds what a store holds: state, positions, watermarks, the hash of the marker.
 * Nothing is coordinated with other shards: each comes back by itself, and replays from there.
 */
import { corruptionError, UmbelError } from '../base/errors.ts'
import type { Epoch, ShardId } from '../base/ids.ts'
import type { Seam } from '../base/seam.ts'
import { type Environment, STORE_FILE } from '../storage/environment.ts'
import type { SnapshotStore, WrittenSnapshot } from '../storage/snapshot-store.ts'
import { readStoredState, type StoredState } from './shard-store.ts'

/** What a manifest says of the epoch, so that it need not be opened for that. */
export type SnapshotBody = Pick<StoredState, 'epoch' | 'marker'> & { readonly positions: readonly number[] }

export interface ShardSnapshotsOptions {
  readonly shard: ShardId
  readonly seam: Seam
  readonly store: SnapshotStore<SnapshotBody>
  /** The directory of the shard's store; copies are made beside it. */
  readonly directory: string
  readonly open: (directory: string) => Environment
  /** How many are kept. */
  readonly keep: number
}

/** Bytes of a restored file that are synced together. */
const SYNC_BYTES = 16 << 20

export class ShardSnapshots {
  readonly #options: ShardSnapshotsOptions
  #kept: readonly SnapshotBody[] = []

  constructor(options: ShardSnapshotsOptions) {
    this.#options = options
  }

  /** The oldest one that is kept: logs must reach back to it. Null where there is none, or before `load`. */
  get oldest(): SnapshotBody | null {
    return this.#kept[0] ?? null
  }

  get newest(): SnapshotBody | null {
    return this.#kept.at(-1) ?? null
  }

  /** Looks at what is there. */
  async load(): Promise<void> {
    await this.#collect()
  }

  /** Takes a snapshot of the store as it is, while it goes on. */
  async take(environment: Environment): Promise<WrittenSnapshot & { readonly epoch: Epoch }> {
    const { seam, store, shard } = this.#options
    const copy = this.#beside('copy')
    seam.files.remove(copy)
    seam.files.makeDirectory(copy)
    try {
      await environment.copyTo(copy)
      const body = await this.#settle(copy)
      seam.crashPoint('snapshot-copied', shard, body.epoch)
      const file = seam.files.openRead(`${copy}/${STORE_FILE}`)
      try {
        const snapshot = { number: body.epoch, takenAt: seam.clock.now(), body }
        const written = await store.write(snapshot, file, async () => {
          seam.crashPoint('snapshot-chunk', shard, body.epoch)
          await seam.scheduler.turn()
        })
        seam.crashPoint('snapshot-written', shard, body.epoch)
        await this.#collect()
        seam.crashPoint('snapshot-collected', shard, body.epoch)
        return { ...written, epoch: body.epoch }
      } finally {
        file.close()
      }
    } finally {
      seam.files.remove(copy)
    }
  }

  async #collect(): Promise<void> {
    const { store, keep } = this.#options
    this.#kept = (await store.collect(keep)).map(({ body }) => body)
  }

  /**
   * Puts the newest usable snapshot in the place of the store, which must be closed.
   * @param fits whether the log has this state in its history
   * @returns what became of each that was tried, newest first; the last one is in place if `epoch` is not null
   */
  async restore(
    fits: (state: SnapshotBody) => Promise<boolean>,
  ): Promise<{ epoch: Epoch | null; problems: readonly string[] }> {
    const problems: string[] = []
    for (const number of (await this.#options.store.numbers()).toReversed()) {
      try {
        if (await this.#restoreOne(number, fits)) return { epoch: number, problems }
        problems.push(`snapshot ${number} is of another history`)
      } catch (error) {
        if (!(error instanceof UmbelError) || error.kind !== 'corruption') throw error
        problems.push(`snapshot ${number}: ${error.message}`)
      }
    }
    return { epoch: null, problems }
  }

  async #restoreOne(number: number, fits: (state: SnapshotBody) => Promise<boolean>): Promise<boolean> {
    const { seam, store, directory, shard } = this.#options
    const manifest = await store.manifest(number)
    if (!(await fits(manifest.body))) return false
    const target = this.#beside('restoring')
    seam.files.remove(target)
    seam.files.makeDirectory(target)
    try {
      const file = seam.files.openWrite(`${target}/${STORE_FILE}`, 0)
      try {
        let [at, pending, bytes]: [number, Uint8Array[], number] = [0, [], 0]
        const flush = async () => {
          await file.write(pending, at)
          ;[at, pending, bytes] = [at + bytes, [], 0]
        }
        for await (const chunk of store.read(manifest)) {
          pending.push(chunk)
          bytes += chunk.length
          if (bytes >= SYNC_BYTES) await flush()
        }
        await flush()
      } finally {
        file.close()
      }
      const { epoch } = await this.#settle(target, (copy) => copy.verify())
      if (epoch !== manifest.body.epoch) {
        throw corruptionError('snapshot', `it holds epoch ${epoch} and not ${manifest.body.epoch}`)
      }
      seam.crashPoint('restoring', shard, epoch)
      seam.files.remove(directory)
      seam.files.rename(target, directory)
      seam.crashPoint('restored', shard, epoch)
      return true
    } finally {
      seam.files.remove(target)
    }
  }

  /**
   * Reads what a copy holds, by a commit that changes nothing: a copy is not synced, and opened after a loss of power it
   * would fall back to the last commit that was.
   */
  async #settle(directory: string, look: (copy: Environment) => void = () => {}): Promise<SnapshotBody> {
    const copy = this.#options.open(directory)
    try {
      look(copy)
      const meta = copy.meta()
      if (meta === null) throw corruptionError('store', `the copy in ${directory} is of an empty store`)
      await copy.commit(meta.version, meta, [])
      const { epoch, marker, inbox } = readStoredState(meta.body)
      return { epoch, marker, positions: inbox.positions }
    } finally {
      await copy.close()
    }
  }

  #beside(what: string): string {
    return `${this.#options.directory}.${what}`
  }
}
