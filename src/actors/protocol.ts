/** Every message between supervisor, host and worker. Each side's switch ends in `unreachable`. */
import type { WireError } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'
import type { ShardLimits } from '../recovery/shard-limits.ts'
import type { ShardStatus } from './shard-actor.ts'
import type { SnapshotPlan } from './snapshot-settings.ts'

/** What a host needs to run its part of a job. */
export interface HostConfig {
  /** The module that exports the topology, as a URL. */
  readonly module: string
  /** Name of the export. */
  readonly export: string
  /** The supervisor's definition hash: a worker that sees another one stops. */
  readonly definition: string
  readonly parallelism: number
  readonly directory: string
  readonly out: string
  readonly workers: number
  readonly heapMb: number
  readonly host: number
  readonly hosts: number
  readonly limits: ShardLimits
  readonly snapshots: SnapshotPlan | null
  /** Whether board changes go to other processes: several hosts, or a program that reads outputs. */
  readonly relay: boolean
}

/** A cell of the board and its value. */
export type BoardChange = readonly [cell: number, value: number]

export type ToHost =
  | { type: 'start'; config: HostConfig }
  | { type: 'drain' }
  | { type: 'snapshot'; shards: readonly ShardId[] }
  | { type: 'board'; changes: readonly BoardChange[] }

export type FromHost =
  | { type: 'board'; changes: readonly BoardChange[] }
  | { type: 'status'; shards: readonly ShardStatus[] }
  | { type: 'worker-died'; worker: number; shards: readonly string[]; error: WireError }
  | { type: 'ended'; outcome: 'finished' | 'drained' }
  | { type: 'failed'; error: WireError }

export type ToWorker = { type: 'drain' } | { type: 'snapshot'; shards: readonly ShardId[] }

export type FromWorker = { type: 'status'; shards: readonly ShardStatus[] }
