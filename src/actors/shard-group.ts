/** Runs a set of shards on the calling thread: in a worker, or inline for tests and embedding. */
import { Activity } from '../base/activity.ts'
import { UmbelError } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'
import type { Seam } from '../base/seam.ts'
import { UMBEL_VERSION } from '../base/version.ts'
import type { Board, BoardBuffers } from '../mailbox/board.ts'
import { EmbeddedLog } from '../mailbox/embedded-log.ts'
import { isOfRow } from '../operators/user-code.ts'
import type { Skips } from '../recovery/fill-epoch.ts'
import type { ShardLimits } from '../recovery/shard-limits.ts'
import type { Trial, Tried } from '../recovery/trial.ts'
import type { Plan, PlannedShard } from '../topology/plan.ts'
import { logDirectory, storeDirectory } from './job.ts'
import { ShardActor, type ShardServices, type ShardStatus } from './shard-actor.ts'
import type { ShardMachine } from './shard-machine.ts'
import { type SnapshotPlan, shardSnapshots } from './snapshot-settings.ts'

export interface ShardGroupOptions {
  readonly plan: Plan
  readonly shards: readonly PlannedShard[]
  readonly seam: Seam
  readonly machine: ShardMachine
  readonly board: BoardBuffers
  readonly bell: number
  readonly directory: string
  readonly out: string
  readonly limits: ShardLimits
  readonly snapshots: SnapshotPlan | null
  readonly activity?: Activity
  /** What shards are to leave out in this life. */
  readonly skips?: readonly ShardSkips[]
  /** A shard has come to another state. */
  readonly onChange?: () => void
}

/** What a shard is to leave out. */
export type ShardSkips = readonly [shard: ShardId, skips: Skips]

/** How long a failure waits for what was marked to be stored. */
const SETTLE_MS = 30_000
/** How long it waits for all shards to end: one of them may stand where it does not come back from. */
const END_MS = 60_000

export class ShardGroup {
  readonly #actors: ShardActor[] = []
  /** Lives that only store what failed ones had marked. */
  readonly #settling = new Set<ShardActor>()
  readonly #board: Board
  #plan: Plan
  readonly #services: ShardServices
  readonly #runs: Promise<'finished' | 'drained' | 'failed'>[] = []
  #failure: unknown
  /** Resolves when shards have had their time to end. */
  readonly #tooLate: Promise<'failed'>
  #endSoon!: () => void
  #isDraining = false
  #isOver = false

  constructor(options: ShardGroupOptions) {
    this.#board = options.machine.openBoard(options.board, options.bell)
    this.#plan = options.plan
    this.#services = makeServices(options, this.#board, () => this.#plan)
    this.#tooLate = new Promise((resolve) => {
      this.#endSoon = () => void options.seam.scheduler.after(END_MS).then(() => resolve('failed'))
    })
    const skips = new Map(options.skips)
    for (const shard of options.shards) this.#add(shard, skips.get(shard.id) ?? null)
  }

  #add(shard: PlannedShard, skips: Skips | null): ShardActor {
    const actor = new ShardActor(this.#plan, shard, this.#services, skips)
    this.#actors.push(actor)
    return actor
  }

  /** Resolves when every shard has ended, those that were adopted too; if one fails, the others are drained first. */
  async run(): Promise<'finished' | 'drained'> {
    for (const actor of this.#actors) this.#run(actor)
    const ends: ('finished' | 'drained' | 'failed')[] = []
    // More may come while these go on.
    while (ends.length < this.#runs.length) ends.push(await Promise.race([this.#runs[ends.length]!, this.#tooLate]))
    this.#isOver = true
    if (this.#failure !== undefined) throw this.#failure
    return ends.every((end) => end === 'finished') ? 'finished' : 'drained'
  }

  /** Goes over to a plan with more shards. */
  learn(plan: Plan): void {
    if (plan.layout <= this.#plan.layout) return
    this.#plan = plan
    for (const actor of this.#actors) actor.learn(plan)
    this.#board.ring()
  }

  /** Runs another shard too; where all have ended, whoever asks has to run it anew. */
  adopt(id: ShardId, skips: Skips | null): void {
    if (this.#isOver) return
    const shard = this.#plan.shards.find((one) => one.id === id)!
    const actor = this.#add(shard, skips)
    if (this.#isDraining) actor.drain()
    this.#run(actor)
  }

  #run(actor: ShardActor): void {
    this.#runs.push(
      actor.run().catch(async (error: unknown) => {
        this.fail(error)
        // What is wrong with a disk would be wrong for that life too.
        if (error instanceof UmbelError && isOfRow(error)) await this.#settle(actor)
        return 'failed' as const
      }),
    )
  }

  /**
   * A shard has failed on a row: another life of it stores what it had marked, as a graceful stop would have, and takes no
   * more rows. So the run can go on with other functions.
   */
  async #settle({ shard, skips }: ShardActor): Promise<void> {
    const actor = new ShardActor(this.#plan, shard, this.#services, skips)
    this.#settling.add(actor)
    actor.drain()
    // Where that fails too, or does not come to an end, the next start has to replay more.
    await Promise.race([actor.run().catch(() => {}), this.#services.seam.scheduler.after(SETTLE_MS)])
    this.#settling.delete(actor)
  }

  /**
   * True while one of these shards replays. What user code leaves behind then (a rejection that nobody awaits) was left
   * behind before, by epochs that are marked for good: it must not end every life that replays them.
   */
  get isReplaying(): boolean {
    return [...this.#actors, ...this.#settling].some((actor) => actor.isReplaying)
  }

  /** Runs a trial of the first shard. */
  try(trial: Trial): Promise<Tried> {
    return this.#actors[0]!.try(trial)
  }

  /** Ends all of them. */
  fail(error: unknown): void {
    if (this.#failure === undefined) this.#endSoon()
    this.#failure ??= error
    this.drain()
  }

  drain(): void {
    this.#isDraining = true
    for (const actor of this.#actors) actor.drain()
    this.#board.ring()
  }

  /** Asks those of these shards that run here for a snapshot. */
  snapshot(shards: readonly ShardId[]): void {
    for (const actor of this.#actors) if (shards.includes(actor.shard.id)) actor.snapshot()
  }

  /** Dead letters were ordered to be taken once more. */
  retry(): void {
    for (const actor of this.#actors) actor.retry()
    this.#board.ring()
  }

  status(): ShardStatus[] {
    return this.#actors.map((actor) => actor.status())
  }
}

function makeServices(options: ShardGroupOptions, board: Board, plan: () => Plan): ShardServices {
  const { seam, machine, directory, out, limits, snapshots, activity = new Activity() } = options
  const cellOf = (id: ShardId) => plan().shards.find((shard) => shard.id === id)!.cell
  const announced = (sender: ShardId) => board.announced(cellOf(sender))
  const announce = (sender: ShardId, epoch: number) => board.announce(cellOf(sender), epoch)
  const log =
    machine.openLog?.(announced, announce, () => board.ring()) ??
    new EmbeddedLog({
      files: seam.files,
      directory: logDirectory(directory),
      announced,
      announce,
      segmentBytes: limits.segmentBytes,
    })
  return {
    seam,
    board,
    log,
    limits,
    out,
    directory,
    version: { definition: options.plan.topology.definition, umbel: UMBEL_VERSION, node: machine.nodeVersion },
    openStore: (shard, tables) => {
      const path = storeDirectory(directory, shard.id)
      seam.files.makeDirectory(path)
      return machine.openStore(path, tables)
    },
    snapshots: snapshots && ((shard, tables) => shardSnapshots(seam, machine, directory, snapshots, shard.id, tables)),
    snapshotIntervalMs: snapshots?.intervalMs ?? Number.POSITIVE_INFINITY,
    activity,
    onChange: options.onChange ?? (() => {}),
    discardStore: (shard) => seam.files.remove(storeDirectory(directory, shard.id)),
  }
}
