/** What runs the shards of one job: host processes under a supervisor, or the caller's thread. */
import { nodeSeam } from '../base/real/node-seam.ts'
import { type BoardBuffers, makeBoardBuffers } from '../mailbox/board.ts'
import type { ShardLimits } from '../recovery/shard-limits.ts'
import type { Plan } from '../topology/plan.ts'
import { forkHost } from './real/host-process.ts'
import { nodeVersion } from './real/machine.ts'
import type { SupervisorLock } from './real/supervisor-lock.ts'
import type { ShardStatus } from './shard-actor.ts'
import { ShardGroup } from './shard-group.ts'
import type { Sizes } from './start-options.ts'
import { type Death, Supervisor } from './supervisor.ts'

/** The job: its plan, and where its state and results go. */
export interface Started {
  readonly plan: Plan
  readonly directory: string
  readonly out: string
  readonly limits: ShardLimits
}

export interface Engine {
  readonly ended: Promise<'finished' | 'drained'>
  readonly board: BoardBuffers
  drain(): void
  status(): ShardStatus[]
  deaths(): readonly Death[]
  pids(): number[]
}

export function startInline({ plan: whole, directory, out, limits }: Started): Engine {
  const board = makeBoardBuffers(whole.shards.length)
  const group = new ShardGroup({
    plan: whole,
    shards: whole.shards,
    seam: nodeSeam,
    board,
    bell: 1,
    directory,
    out,
    limits,
    nodeVersion,
  })
  const release = nodeSeam.scheduler.hold()
  return {
    board,
    ended: group.run().finally(release),
    drain: () => group.drain(),
    status: () => group.status(),
    deaths: () => [],
    pids: () => [],
  }
}

export function startProcesses(
  { plan: whole, directory, out, limits }: Started,
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
      directory,
      out,
      limits,
      ...sizes,
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
    status: () => supervisor.status(),
    deaths: () => supervisor.deaths,
    pids: () => supervisor.pids(),
  }
}
