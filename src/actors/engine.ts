/** What runs the shards of one job: host processes under a supervisor, or the caller's thread. */
import type { ShardId } from '../base/ids.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import { type BoardBuffers, makeBoardBuffers } from '../mailbox/board.ts'
import type { ShardLimits } from '../recovery/shard-limits.ts'
import type { Rescale } from '../topology/generations.ts'
import type { Plan } from '../topology/plan.ts'
import { forkHost } from './real/host-process.ts'
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
  readonly rescales: readonly Rescale[]
  readonly directory: string
  readonly out: string
  readonly limits: ShardLimits
  /** Null for none. */
  readonly snapshots: SnapshotPlan | null
}

export interface Engine {
  readonly ended: Promise<'finished' | 'drained'>
  readonly board: BoardBuffers
  drain(): void
  /** Asks these shards for a snapshot. */
  snapshot(shards: readonly ShardId[]): void
  status(): ShardStatus[]
  deaths(): readonly Death[]
  pids(): number[]
}

export function startInline({ plan: whole, ...started }: Started): Engine {
  const board = makeBoardBuffers(whole.shards.length)
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
    board,
    ended: group.run().finally(release),
    drain: () => group.drain(),
    snapshot: (shards) => group.snapshot(shards),
    status: () => group.status(),
    deaths: () => [],
    pids: () => [],
  }
}

export function startProcesses(
  { plan: whole, ...started }: Started,
  module: string,
  exportName: string,
  { heartbeatMs, ...sizes }: Sizes,
  lock: SupervisorLock,
): Engine {
  const supervisor = new Supervisor(
    whole,
    {
      module,
      export: exportName,
      definition: whole.topology.definition,
      ...started,
      ...sizes,
      held: [],
      skips: [],
      trialOf: null,
      relay: sizes.hosts > 1 || whole.edges.some((edge) => edge.to === null),
    },
    {
      seam: nodeSeam,
      fork: forkHost,
      register: (pid) => lock.addHost(pid),
      heartbeatMs,
    },
  )
  return {
    board: supervisor.board,
    ended: supervisor.ended,
    drain: () => supervisor.drain(),
    snapshot: (shards) => supervisor.snapshot(shards),
    status: () => supervisor.status(),
    deaths: () => supervisor.deaths,
    pids: () => supervisor.pids(),
  }
}
