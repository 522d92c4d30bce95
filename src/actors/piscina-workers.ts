/** The pool of worker threads of a host. The only file that imports piscina and worker_threads. */
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { fromWireError, type WireError } from '../base/errors.ts'
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

/** Batches live for milliseconds: with room for a few epochs in the young generation hardly any is copied. */
const YOUNG_MB = 64

/**
 * What becomes of a task: how its shards ended, or what one of them died of. The last status comes along: messages take
 * another way and may arrive too late.
 */
export type WorkerEnd =
  | { readonly outcome: 'finished' | 'drained'; readonly last: FromWorker }
  | { readonly error: WireError }

/** The worker's end of its channel to the host. */
export type WorkerPort = MessagePort

export interface RunningWorker {
  /** Resolves when all its shards have ended; rejects when the worker or one of its shards has died. */
  readonly ended: Promise<'finished' | 'drained'>
  send(message: ToWorker): void
}

export class WorkerPool {
  readonly #pool: Piscina

  /** @param onBroken a thread died without a task, as at its start: the pool does not replace it, its host must end */
  constructor(file: URL, workers: number, heapMb: number, onBroken: (error: Error) => void) {
    this.#pool = new Piscina({
      filename: file.href,
      minThreads: workers,
      maxThreads: workers,
      concurrentTasksPerWorker: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      atomics: 'disabled',
      recordTiming: false,
      maxQueue: 'auto',
      resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: YOUNG_MB },
    })
    // The death of a busy thread rejects its task instead.
    this.#pool.on('error', onBroken)
  }

  run(task: WorkerTask, onMessage: (message: FromWorker) => void): RunningWorker {
    const { port1, port2 } = new MessageChannel()
    port1.on('message', onMessage)
    const ended = (this.#pool.run({ ...task, port: port2 }, { transferList: [port2] }) as Promise<WorkerEnd>)
      .then((end) => {
        if ('error' in end) throw fromWireError(end.error)
        onMessage(end.last)
        return end.outcome
      })
      .finally(() => port1.close())
    return { ended, send: (message) => port1.postMessage(message) }
  }

  /** Ends the threads; their tasks must have ended before. */
  async close(): Promise<void> {
    await this.#pool.close()
  }
}
