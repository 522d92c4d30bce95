/** The snapshots of a job's directory, from outside: what there is, whether it is whole, taking and putting back. */
import { userError } from '../base/errors.ts'
import { type ShardId, shardFolder, shardOfFolder } from '../base/ids.ts'
import type { Seam } from '../base/seam.ts'
import { EmbeddedLog } from '../mailbox/embedded-log.ts'
import { findEnd, listSegments } from '../mailbox/segment-chain.ts'
import { hashMarker } from '../recovery/marker.ts'
import type { ShardSnapshots, SnapshotBody } from '../recovery/shard-snapshots.ts'
import { type JobRecord, logDirectory, readJob, snapshotsOf, storeDirectory } from './job.ts'
import { nodeMachine } from './real/node-machine.ts'
import { isHeld, SupervisorLock } from './real/supervisor-lock.ts'
import { ask } from './requests.ts'
import { shardSnapshots, snapshotStore } from './snapshot-settings.ts'

/** A snapshot, as it is shown to people. */
export interface ListedSnapshot {
  readonly shard: ShardId
  readonly epoch: number
  /** Milliseconds since the epoch. */
  readonly takenAt: number
  readonly bytes: number
  readonly chunks: number
  /** What is wrong with it; null where nothing was found. */
  readonly problem: string | null
}

/** What became of a shard's store. */
export interface RestoredStore {
  readonly shard: ShardId
  /** Null where no snapshot could be put back. */
  readonly epoch: number | null
  /** Of newer snapshots that could not. */
  readonly problems: readonly string[]
}

export class SnapshotJob {
  readonly #seam: Seam
  readonly #directory: string
  readonly #job: JobRecord

  /** @throws user error `directory` when it is not a job's */
  constructor(seam: Seam, directory: string) {
    const job = readJob(seam.files, directory)
    if (job === null) {
      throw userError('directory', `${directory} is no data directory: name one such as .umbel/<topology>`)
    }
    this.#seam = seam
    this.#directory = directory
    this.#job = job
  }

  get #place(): string {
    return snapshotsOf(this.#job, this.#directory)
  }

  /** Every snapshot, oldest first within its shard. @param isThorough reads every chunk, too */
  async list(isThorough: boolean): Promise<ListedSnapshot[]> {
    const listed: ListedSnapshot[] = []
    for (const shard of this.#shards(`${this.#place}/${this.#job.run}`)) {
      const store = snapshotStore(this.#seam.files, this.#place, this.#job.run, shard)
      for (const epoch of await store.numbers()) {
        const manifest = await store.manifest(epoch).catch(() => null)
        const { takenAt = Number.NaN, bytes = 0, chunks = [], changes = [] } = manifest ?? {}
        const problem = isThorough || manifest === null ? await store.problem(epoch) : null
        listed.push({ shard, epoch, takenAt, bytes, chunks: chunks.length + changes.length, problem })
      }
    }
    return listed
  }

  /** Takes a snapshot of every store: asks the supervisor where one runs. */
  async create(): Promise<void> {
    if (isHeld(this.#directory))
      return ask(this.#seam, this.#directory, { kind: 'snapshot' }, () => isHeld(this.#directory))
    await this.#locked(async () => {
      for (const shard of this.#stores()) {
        const environment = nodeMachine.openStore(storeDirectory(this.#directory, shard), [])
        try {
          await this.#snapshotsOf(shard).take(environment)
        } finally {
          await environment.close()
        }
      }
    })
  }

  /**
   * Puts the newest whole snapshot in the place of each store, or of one; the next run replays from there.
   * @throws user error `locked` while the job runs, `shard` when there is no snapshot of that shard, `snapshot` when the run
   *   has finished
   */
  async restore(only?: ShardId): Promise<RestoredStore[]> {
    const shards = this.#shards(`${this.#place}/${this.#job.run}`)
    if (only !== undefined && !shards.includes(only)) {
      throw userError('shard', `there is no snapshot of '${only}'; there are some of ${shards.join(', ') || 'none'}`)
    }
    if (shards.length > 0 && this.#job.state === 'finished') {
      throw userError(
        'snapshot',
        `the run in ${this.#directory} has finished: its stores are later than their snapshots, and nothing would replay what ` +
          'came after; its results are in place, and a new run starts over',
      )
    }
    return this.#locked(async () => {
      const restored: RestoredStore[] = []
      for (const shard of only === undefined ? shards : [only]) {
        restored.push({
          shard,
          ...(await this.#snapshotsOf(shard).restore((state) => this.#isOfHistory(shard, state))),
        })
      }
      return restored
    })
  }

  async #isOfHistory(shard: ShardId, { epoch, marker }: SnapshotBody): Promise<boolean> {
    const { files } = this.#seam
    const directory = logDirectory(this.#directory)
    const log = new EmbeddedLog({ files, directory, announced: () => -1, announce: () => {} })
    if (epoch === 0) return true
    if (epoch > findEnd(files, listSegments(files, `${directory}/${shardFolder(shard)}`))) return false
    if (epoch <= log.first(shard)) return false
    for await (const found of log.markers(shard, epoch, epoch)) return hashMarker(found.marker) === marker
    return false
  }

  /** None is let go here: how many are kept is for the run to say. */
  #snapshotsOf(shard: ShardId): ShardSnapshots {
    const { run } = this.#job
    return shardSnapshots(
      this.#seam,
      nodeMachine,
      this.#directory,
      { directory: this.#place, run, keep: Number.POSITIVE_INFINITY },
      shard,
      [],
    )
  }

  /** Shards that have a store. */
  #stores(): ShardId[] {
    return this.#shards(`${this.#directory}/state`).filter((shard) =>
      this.#seam.files.exists(`${storeDirectory(this.#directory, shard)}/data.mdb`),
    )
  }

  #shards(directory: string): ShardId[] {
    const { files } = this.#seam
    return files.list(directory).flatMap((name) => {
      const shard = files.isDirectory(`${directory}/${name}`) ? shardOfFolder(name) : null
      return shard === null ? [] : [shard]
    })
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    const lock = await SupervisorLock.take(this.#directory)
    try {
      return await work()
    } finally {
      lock.release()
    }
  }
}
