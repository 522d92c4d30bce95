/** Every message between supervisor, host and worker. Each side's switch ends in `unreachable`. */
import type { WireError } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'
import type { Skips } from '../recovery/fill-epoch.ts'
import type { ShardLimits } from '../recovery/shard-limits.ts'
import type { Trial, Tried } from '../recovery/trial.ts'
import type { Rescale } from '../topology/generations.ts'
import type { ShardStatus } from './shard-actor.ts'
import type { ShardSkips } from './shard-group.ts'
import type { SnapshotPlan } from './snapshot-settings.ts'

/** While a host loads the user's module it may be silent for this much longer, in milliseconds. */
export const LOADING_MS = 60_000

/** What a host needs to run its part of a job. */
export interface HostConfig {
  /** The module that exports the topology, as a URL. */
  readonly module: string
  /** Name of the export. */
  readonly export: string
  /** The supervisor's definition hash: a worker that sees another one stops. */
  readonly definition: string
  readonly parallelism: number
  readonly rescales: readonly Rescale[]
  /** How many shards there is room for on the board. */
  readonly boardShards: number
  readonly directory: string
  readonly out: string
  readonly workers: number
  readonly heapMb: number
  readonly offHeapMb: number
  readonly host: number
  readonly hosts: number
  readonly limits: ShardLimits
  readonly snapshots: SnapshotPlan | null
  /** Whether board changes go to other processes: several hosts, or a program that reads outputs. */
  readonly relay: boolean
  /** A worker in user code that does not get on for so long hangs. */
  readonly stallMs: number
  /** Shards that are not to be run for now, and what shards are to leave out. */
  readonly held: readonly ShardId[]
  readonly skips: readonly ShardSkips[]
  /** A disposable host, for trials of this shard. */
  readonly trialOf: ShardId | null
}

/** What a host can load before it knows its shards. */
export type SpareConfig = Pick<HostConfig, 'module' | 'export' | 'workers' | 'heapMb'>

/** A cell of the board and its value. */
export type BoardChange = readonly [cell: number, value: number]

/** A worker that is blocked, or died: where it was. */
export interface Place {
  readonly shard: ShardId
  /** Such as `filter in stage 'clicks'`. */
  readonly operator: string
  /** Which call of a user's function in the epoch, from 1; 0 where it was in none. */
  readonly call: number
}

export type ToHost =
  /** Loads what needs no shard: it may be started later. */
  { type: 'prepare'; config: SpareConfig } | { type: 'start'; config: HostConfig } | ToStartedHost

export type ToStartedHost =
  | { type: 'drain' }
  | { type: 'snapshot'; shards: readonly ShardId[] }
  /** All changes of numbers of shards since the job began. */
  | { type: 'rescale'; rescales: readonly Rescale[] }
  /** Dead letters were ordered to be taken once more. */
  | { type: 'retry' }
  | { type: 'board'; changes: readonly BoardChange[] }
  /** The answer to a death: the worker starts again, without the shards that are held. */
  | { type: 'restart'; worker: number; held: readonly ShardId[] }
  /** A shard is held no longer. */
  | { type: 'release'; shard: ShardId; skips: Skips | null }
  | { type: 'try'; trial: Trial }

export type FromHost =
  | { type: 'board'; changes: readonly BoardChange[] }
  | { type: 'status'; shards: readonly ShardStatus[] }
  /**
   * @property suspects where user code may have ended it; one, where it was seen there
   * @property where it was, in words; null where no operator had it yet
   */
  | {
      type: 'worker-died'
      where: string | null
      worker: number
      shards: readonly string[]
      suspects: readonly Place[]
      error: WireError
      board: readonly BoardChange[]
    }
  /** Nothing moves in a worker that is in user code: only the end of its process ends it safely. */
  | { type: 'worker-hangs'; worker: number; at: Place; ms: number; board: readonly BoardChange[] }
  /** What became of a trial. */
  | ({ type: 'tried' } & Tried)
  | { type: 'ended'; outcome: 'finished' | 'drained' }
  /** What it fails of, before its workers have come to an end. */
  | { type: 'failing'; error: WireError }
  | { type: 'failed'; error: WireError }

export type ToWorker =
  | { type: 'drain' }
  | { type: 'snapshot'; shards: readonly ShardId[] }
  | { type: 'rescale'; rescales: readonly Rescale[] }
  | { type: 'retry' }
  | { type: 'adopt'; shard: ShardId; skips: Skips | null }

export type FromWorker =
  | { type: 'status'; shards: readonly ShardStatus[] }
  /** The memory of its `Activity`. */
  | { type: 'activity'; memory: SharedArrayBuffer }
