/** What a host asks of whatever runs its workers: threads of a pool, or a simulation's. */
import type { WireError } from '../base/errors.ts'
import type { BoardBuffers } from '../mailbox/board.ts'
import type { FromWorker, HostConfig, ToWorker } from './protocol.ts'

/** What one endless task gets. */
export interface WorkerTask {
  readonly config: HostConfig
  readonly board: BoardBuffers
  /** The bell that this worker listens to. */
  readonly bell: number
  /** Ids of the shards to run. */
  readonly shards: readonly string[]
}

/**
 * What becomes of a task: how its shards ended, or what one of them died of. The last status comes along: messages take
 * another way and may arrive too late.
 */
export type WorkerEnd =
  | { readonly outcome: 'finished' | 'drained'; readonly last: FromWorker }
  | { readonly error: WireError }

/** The worker's end of its channel to the host. */
export interface WorkerPort {
  on(event: 'message', take: (message: ToWorker) => void): void
  postMessage(message: FromWorker): void
}

export interface RunningWorker {
  /** Resolves when all its shards have ended; rejects when the worker or one of its shards has died. */
  readonly ended: Promise<'finished' | 'drained'>
  send(message: ToWorker): void
}

export interface Workers {
  run(task: WorkerTask, onMessage: (message: FromWorker) => void): RunningWorker
}
