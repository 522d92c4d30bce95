/** The pool of worker threads of a host. The only file that imports piscina and worker_threads. */
import { MessageChannel } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { fromWireError } from '../base/errors.ts'
import type { FromWorker } from './protocol.ts'
import {
  type RunningWorker,
  type WarmUp,
  WorkerDied,
  type WorkerEnd,
  type Workers,
  type WorkerTask,
} from './workers.ts'

/** Batches live for milliseconds: with room for a few epochs in the young generation hardly any is copied. */
const YOUNG_MB_MAX = 64
/** It comes on top of the heap's limit: a small heap has a small one. */
const YOUNG_SHARE = 1 / 8

export class WorkerPool implements Workers {
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
      resourceLimits: {
        maxOldGenerationSizeMb: heapMb,
        maxYoungGenerationSizeMb: Math.min(YOUNG_MB_MAX, Math.ceil(heapMb * YOUNG_SHARE)),
      },
    })
    // The death of a busy thread rejects its task instead.
    this.#pool.on('error', onBroken)
  }

  /** Has every thread load its code and the user's module. */
  async warmUp(module: string, name: string): Promise<void> {
    const task: WarmUp = { warmUp: { module, export: name } }
    await Promise.all(this.#pool.threads.map(() => this.#pool.run(task)))
  }

  run(task: WorkerTask, onMessage: (message: FromWorker) => void): RunningWorker {
    const { port1, port2 } = new MessageChannel()
    port1.on('message', onMessage)
    const ended = (this.#pool.run({ ...task, port: port2 }, { transferList: [port2] }) as Promise<WorkerEnd>)
      .then(
        (end) => {
          if ('error' in end) throw fromWireError(end.error)
          if ('last' in end) onMessage(end.last)
          return end
        },
        (error: Error) => {
          const died = new WorkerDied(error.message, { cause: error })
          if (error.stack !== undefined) died.stack = error.stack
          throw died
        },
      )
      .finally(() => port1.close())
    return { ended, send: (message) => port1.postMessage(message) }
  }
}
