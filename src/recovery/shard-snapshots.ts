/**
 * The snapshots of one shard's store: taking one, and putting one in the place of a lost store. A snapshot is a copy of
 * the store as of one epoch, so it holds what a store holds: state, positions, watermarks, the hash of the marker. The
 * first of a life is a copy of the whole store; those after it add what has changed since, as long as that is little.
 * Nothing is coordinated with other shards: each comes back by itself, and replays from there.
 */
import { corruptionError, isDamagedStore, UmbelError } from '../base/errors.ts'
import type { Epoch, ShardId } from '../base/ids.ts'
import type { Seam } from '../base/seam.ts'
import type { ChangedKeys, KeysByTable } from '../storage/changed-keys.ts'
import { type Environment, STORE_FILE, type StoreMeta } from '../storage/environment.ts'
import type { Manifest, SnapshotStore, WrittenSnapshot } from '../storage/snapshot-store.ts'
import { applyChanges, changesOf } from '../storage/store-changes.ts'
import { readStoredState, type StoredState } from './shard-store.ts'

/** What a manifest says of the epoch, so that it need not be opened for that. */
export type SnapshotBody = Pick<StoredState, 'epoch' | 'marker'> & {
  readonly positions: readonly number[]
  /** Tables of the pieces that go on top. */
  readonly tables: readonly string[]
}

export interface ShardSnapshotsOptions {
  readonly shard: ShardId
  readonly seam: Seam
  readonly store: SnapshotStore<SnapshotBody>
  /** The directory of the shard's store; copies are made beside it. */
  readonly directory: string
  /** @param tables those to be written, beside the shard's own */
  readonly open: (directory: string, tables?: readonly string[]) => Environment
  /** How many are kept. */
  readonly keep: number
}

/** A snapshot of changes follows while those before it are at most this share of the store, or so few pieces. */
const CHANGES_SHARE = 0.25
const CHANGES_FEW = 4
/** Bytes of a restored file that are synced together. */
const SYNC_BYTES = 16 << 20

export class ShardSnapshots {
  readonly #options: ShardSnapshotsOptions
  #kept: readonly SnapshotBody[] = []
  /** What changes can be added to: null where it is not known what has changed since. */
  #last: Manifest<SnapshotBody> | null = null
  /** What was damaged while nobody had the store open must not take the place of older snapshots: the first copy is read through. */
  #isRead = false

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

  /**
   * Takes a snapshot of the store as it is, while it goes on.
   * @throws corruption `store` when the store is damaged, so that it must be replaced by an earlier one
   * @param changed what was written since the last one; none where nobody notes it
   */
  async take(environment: Environment, changed?: ChangedKeys): Promise<WrittenSnapshot<SnapshotBody>> {
    const { seam, shard } = this.#options
    // In the turn in which the copy or the view begins: what comes later belongs to the next one.
    const keys = changed?.take() ?? null
    const last = this.#last
    this.#last = null
    const isShort = last !== null && last.changes.length <= Math.max(CHANGES_FEW, last.chunks.length * CHANGES_SHARE)
    const changes = isShort && keys !== null ? await this.#takeChanges(environment, last, keys) : null
    const written = changes ?? (await this.#takeWhole(environment))
    const { epoch } = written.manifest.body
    seam.crashPoint('snapshot-written', shard, epoch)
    await this.#collect()
    seam.crashPoint('snapshot-collected', shard, epoch)
    if (changed !== undefined) this.#last = written.manifest
    return written
  }

  async #takeWhole(environment: Environment): Promise<WrittenSnapshot<SnapshotBody>> {
    const { seam, store, shard } = this.#options
    const copy = this.#beside('copy')
    seam.files.remove(copy)
    seam.files.makeDirectory(copy)
    try {
      await environment.copyTo(copy)
      const body = await this.#settle(copy, this.#isRead ? null : () => seam.scheduler.turn())
      this.#isRead = true
      seam.crashPoint('snapshot-copied', shard, body.epoch)
      const file = seam.files.openRead(`${copy}/${STORE_FILE}`)
      try {
        return await store.write(this.#about(body), file, this.#pause(body.epoch))
      } finally {
        file.close()
      }
    } finally {
      seam.files.remove(copy)
    }
  }

  async #takeChanges(
    environment: Environment,
    last: Manifest<SnapshotBody>,
    keys: KeysByTable,
  ): Promise<WrittenSnapshot<SnapshotBody> | null> {
    const { seam, store, shard } = this.#options
    const view = environment.view()
    try {
      const meta = view.meta()!
      const body = bodyOf(meta, [...new Set([...last.body.tables, ...keys.keys()])])
      seam.crashPoint('snapshot-copied', shard, body.epoch)
      return await store.extend(last, this.#about(body), changesOf(view, meta, keys), this.#pause(body.epoch))
    } finally {
      view.close()
    }
  }

  #about(body: SnapshotBody) {
    return { number: body.epoch, takenAt: this.#options.seam.clock.now(), body }
  }

  #pause(epoch: Epoch): () => Promise<void> {
    const { seam, shard } = this.#options
    return async () => {
      seam.crashPoint('snapshot-chunk', shard, epoch)
      await seam.scheduler.turn()
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
      await this.#writeFile(`${target}/${STORE_FILE}`, store.read(manifest.chunks))
      await this.#addChanges(target, manifest)
      const { epoch } = await this.#settle(target, () => seam.scheduler.turn())
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

  async #writeFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const file = this.#options.seam.files.openWrite(path, 0)
    try {
      let [at, pending, bytes]: [number, Uint8Array[], number] = [0, [], 0]
      const flush = async () => {
        await file.write(pending, at)
        ;[at, pending, bytes] = [at + bytes, [], 0]
      }
      for await (const chunk of chunks) {
        pending.push(chunk)
        bytes += chunk.length
        if (bytes >= SYNC_BYTES) await flush()
      }
      await flush()
    } finally {
      file.close()
    }
  }

  async #addChanges(directory: string, { changes, body }: Manifest<SnapshotBody>): Promise<void> {
    if (changes.length === 0) return
    const copy = this.#options.open(directory, body.tables)
    try {
      for await (const piece of this.#options.store.read(changes)) await applyChanges(copy, piece)
    } finally {
      await copy.close()
    }
  }

  /**
   * Reads what a copy holds, by a commit that changes nothing: a copy is not synced, and opened after a loss of power it
   * would fall back to the last commit that was.
   * @param pause waited for between two steps of the reading; null to read no more than what it is of
   */
  async #settle(directory: string, pause: (() => Promise<void>) | null): Promise<SnapshotBody> {
    const copy = this.#openCopy(directory)
    try {
      if (pause !== null) for (const _ of copy.verify()) await pause()
      const meta = copy.meta()
      if (meta === null) throw corruptionError('store', `the copy in ${directory} is of an empty store`)
      await copy.commit(meta.version, meta, [])
      return bodyOf(meta)
    } finally {
      await copy.close()
    }
  }

  /** That one cannot be opened says nothing of the store. */
  #openCopy(directory: string): Environment {
    try {
      return this.#options.open(directory)
    } catch (error) {
      throw isDamagedStore(error) ? corruptionError('snapshot', (error as Error).message, error) : error
    }
  }

  #beside(what: string): string {
    return `${this.#options.directory}.${what}`
  }
}

function bodyOf({ body }: StoreMeta, tables: readonly string[] = []): SnapshotBody {
  const { epoch, marker, inbox } = readStoredState(body)
  return { epoch, marker, positions: inbox.positions, tables }
}
