/** What runs the shards of one job: host processes under a supervisor, or the caller's thread. */
import { userError } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import { type BoardBuffers, boardShards, makeBoardBuffers } from '../mailbox/board.ts'
import type { ShardLimits } from '../recovery/shard-limits.ts'
import type { Rescale } from '../topology/generations.ts'
import { type Plan, plan } from '../topology/plan.ts'
import { HostForker } from './real/host-forker.ts'
import { nodeMachine } from './real/node-machine.ts'
import type { SupervisorLock } from './real/supervisor-lock.ts'
import type { ShardStatus } from './shard-actor.ts'
import { ShardGroup } from './shard-group.ts'
import type { SnapshotPlan } from './snapshot-settings.ts'
import type { Sizes } from './start-options.ts'
import { type Death, Supervisor } from './supervisor.ts'

/** The job: its plan, and where its state and results go. */
export interface Started {
  readonly plan: Plan
  readonly parallelism: number
  readonly rescales: readonly Rescale[]
  readonly directory: string
  readonly out: string
  readonly limits: ShardLimits
  /** Null for none. */
  readonly snapshots: SnapshotPlan | null
}

export interface Engine {
  /** What runs, as it is now. */
  readonly plan: Plan
  readonly ended: Promise<'finished' | 'drained'>
  readonly board: BoardBuffers
  drain(): void
  /** Goes over to other numbers of shards: all changes since the job began. */
  rescale(rescales: readonly Rescale[]): void
  /** Dead letters were ordered to be taken once more. */
  retry(): void
  /** Asks these shards for a snapshot. */
  snapshot(shards: readonly ShardId[]): void
  status(): ShardStatus[]
  deaths(): readonly Death[]
  notes(): readonly string[]
  pids(): number[]
}

/** @throws user error `rescale` when the board of a running job has no room for so many shards */
export function checkRoom(engine: Engine, whole: Plan): void {
  if (whole.shards.length <= engine.board.shards) return
  throw userError(
    'rescale',
    `a run that goes on has room for ${engine.board.shards - engine.plan.shards.length} more shards: stop it, rescale, and start it again`,
  )
}

export function startInline({ plan: first, rescales: _, ...started }: Started): Engine {
  let whole = first
  const board = makeBoardBuffers(boardShards(whole.shards.length))
  const group = new ShardGroup({
    plan: whole,
    shards: whole.shards,
    seam: nodeSeam,
    machine: nodeMachine,
    board,
    bell: 1,
    ...started,
  })
  const release = nodeSeam.scheduler.hold()
  return {
    get plan() {
      return whole
    },
    board,
    ended: group.run().finally(release),
    drain: () => group.drain(),
    rescale: (rescales) => {
      const known = whole.shards.length
      whole = plan(whole.topology, started.parallelism, rescales)
      group.learn(whole)
      for (const { id } of whole.shards.slice(known)) group.adopt(id, null)
    },
    retry: () => group.retry(),
    snapshot: (shards) => group.snapshot(shards),
    status: () => group.status(),
    deaths: () => [],
    notes: () => [],
    pids: () => [],
  }
}

export function startProcesses(
  { plan: first, ...started }: Started,
  module: string,
  exportName: string,
  { heartbeatMs, spareHost, ...sizes }: Sizes,
  lock: SupervisorLock,
): Engine {
  let whole = first
  const { workers, heapMb } = sizes
  const spare = spareHost ? { module, export: exportName, workers, heapMb } : null
  const forker = new HostForker(spare, (pid) => lock.addHost(pid))
  const supervisor = new Supervisor(
    {
      module,
      export: exportName,
      definition: whole.topology.definition,
      ...started,
      ...sizes,
      boardShards: boardShards(whole.shards.length),
      held: [],
      skips: [],
      trialOf: null,
      relay: sizes.hosts > 1 || whole.edges.some((edge) => edge.to === null),
    },
    {
      seam: nodeSeam,
      fork: (events) => forker.fork(events),
      heartbeatMs,
    },
  )
  return {
    get plan() {
      return whole
    },
    board: supervisor.board,
    ended: supervisor.ended.finally(() => forker.end()),
    drain: () => supervisor.drain(),
    rescale: (rescales) => {
      whole = plan(whole.topology, started.parallelism, rescales)
      supervisor.rescale(rescales)
    },
    retry: () => supervisor.retry(),
    snapshot: (shards) => supervisor.snapshot(shards),
    status: () => supervisor.status(),
    deaths: () => supervisor.deaths,
    notes: () => supervisor.notes,
    pids: () => supervisor.pids(),
  }
}
