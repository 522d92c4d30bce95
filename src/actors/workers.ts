/** What a host asks of whatever runs its workers: threads of a pool, or a simulation's. */
import type { WireError } from '../base/errors.ts'
import type { BoardBuffers } from '../mailbox/board.ts'
import type { Trial, Tried } from '../recovery/trial.ts'
import type { FromWorker, HostConfig, ToWorker } from './protocol.ts'
import type { ShardSkips } from './shard-group.ts'

/** What one endless task gets. */
export interface WorkerTask {
  readonly config: HostConfig
  readonly board: BoardBuffers
  /** The bell that this worker listens to. */
  readonly bell: number
  /** Ids of the shards to run. */
  readonly shards: readonly string[]
  readonly skips: readonly ShardSkips[]
  /** Instead of running its shard, a trial of it. */
  readonly trial: Trial | null
}

/** What a thread gets that is started before it is needed. */
export interface WarmUp {
  readonly warmUp: { readonly module: string; readonly export: string }
}

/**
 * What becomes of a task: how its shards ended, or what one of them died of. The last status comes along: messages take
 * another way and may arrive too late.
 */
export type WorkerEnd =
  | { readonly outcome: 'finished' | 'drained'; readonly last: FromWorker & { type: 'status' } }
  | { readonly tried: Tried }
  | { readonly error: WireError }

/** The code of `WorkerDied` in messages. */
export const WORKER_DIED = 'WorkerDied'

/** The thread itself has died: out of memory, of an error that nobody caught, or because somebody ended it. */
export class WorkerDied extends Error {
  override readonly name = WORKER_DIED
}

/** The worker's end of its channel to the host. */
export interface WorkerPort {
  on(event: 'message', take: (message: ToWorker) => void): void
  postMessage(message: FromWorker): void
}

export interface RunningWorker {
  /** Resolves when all its shards have ended; rejects when one has failed, or with `WorkerDied`. */
  readonly ended: Promise<Exclude<WorkerEnd, { error: WireError }>>
  send(message: ToWorker): void
}

export interface Workers {
  run(task: WorkerTask, onMessage: (message: FromWorker) => void): RunningWorker
}
