/** Runs a set of shards on the calling thread: in a worker, or inline for tests and embedding. */
import type { ShardId } from '../base/ids.ts'
import type { Seam } from '../base/seam.ts'
import { UMBEL_VERSION } from '../base/version.ts'
import type { Board, BoardBuffers } from '../mailbox/board.ts'
import { EmbeddedLog } from '../mailbox/embedded-log.ts'
import type { ShardLimits } from '../recovery/shard-limits.ts'
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
}

export class ShardGroup {
  readonly #actors: readonly ShardActor[]
  readonly #board: Board

  constructor(options: ShardGroupOptions) {
    this.#board = options.machine.openBoard(options.board, options.bell)
    const services = makeServices(options, this.#board)
    this.#actors = options.shards.map((shard) => new ShardActor(options.plan, shard, services))
  }

  /** Resolves when every shard has ended; if one fails, the others are drained first. */
  async run(): Promise<'finished' | 'drained'> {
    let failure: unknown
    const ends = await Promise.all(
      this.#actors.map((actor) =>
        actor.run().catch((error: unknown) => {
          failure ??= error
          this.drain()
          return 'failed' as const
        }),
      ),
    )
    if (failure !== undefined) throw failure
    return ends.every((end) => end === 'finished') ? 'finished' : 'drained'
  }

  drain(): void {
    for (const actor of this.#actors) actor.drain()
    this.#board.ring()
  }

  /** Asks those of these shards that run here for a snapshot. */
  snapshot(shards: readonly ShardId[]): void {
    for (const actor of this.#actors) if (shards.includes(actor.shard.id)) actor.snapshot()
  }

  status(): ShardStatus[] {
    return this.#actors.map((actor) => actor.status())
  }
}

function makeServices(options: ShardGroupOptions, board: Board): ShardServices {
  const { plan, seam, machine, directory, out, limits, snapshots } = options
  const cellOf = new Map(plan.shards.map((shard) => [shard.id, shard.cell]))
  const log = new EmbeddedLog({
    files: seam.files,
    directory: logDirectory(directory),
    announced: (sender) => board.announced(cellOf.get(sender)!),
    announce: (sender, epoch) => board.announce(cellOf.get(sender)!, epoch),
    segmentBytes: limits.segmentBytes,
  })
  return {
    seam,
    board,
    log,
    limits,
    out,
    directory,
    version: { definition: plan.topology.definition, umbel: UMBEL_VERSION, node: machine.nodeVersion },
    openStore: (shard, tables) => {
      const path = storeDirectory(directory, shard.id)
      seam.files.makeDirectory(path)
      return machine.openStore(path, tables)
    },
    snapshots: snapshots && ((shard, tables) => shardSnapshots(seam, machine, directory, snapshots, shard.id, tables)),
    snapshotIntervalMs: snapshots?.intervalMs ?? Number.POSITIVE_INFINITY,
    discardStore: (shard) => seam.files.remove(storeDirectory(directory, shard.id)),
  }
}
