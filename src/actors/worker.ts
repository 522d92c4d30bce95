/** The entry of a worker thread. Its top level does no I/O. */
import type { WireError } from '../base/errors.ts'
import { crashingSeam } from '../base/real/crash-seam.ts'
import { OFF_HEAP } from './off-heap.ts'
import { nodeMachine } from './real/node-machine.ts'
import { offHeapMemory } from './real/off-heap-memory.ts'
import { runShards } from './run-shards.ts'
import type { WarmUp, WorkerEnd, WorkerPort, WorkerTask } from './workers.ts'

export default async function runWorker(
  task: WarmUp | (WorkerTask & { port: WorkerPort & { close(): void } }),
): Promise<WorkerEnd | null> {
  if ('warmUp' in task) {
    await nodeMachine.load(task.warmUp.module, task.warmUp.export)
    return null
  }
  let isReplaying = () => false
  // Without a listener an error that nobody catches ends the thread, and so it does here, unless it is an old one.
  const onStray = (error: unknown): void => {
    if (!isReplaying()) throw error
    process.stderr.write(`left behind by a row that was replayed: ${(error as Error)?.message ?? error}\n`)
  }
  process.on('unhandledRejection', onStray)
  process.on('uncaughtException', onStray)
  try {
    const end = await runShards(
      task,
      crashingSeam(process.env.UMBEL_CRASH_AT, process.env.UMBEL_CLOCK_ERROR),
      { ...nodeMachine, offHeap: offHeapMemory },
      (group) => {
        isReplaying = () => group.isReplaying
      },
    )
    // What it holds goes only with the thread.
    if ('error' in end && end.error.code === OFF_HEAP) await endThread(end.error)
    return end
  } finally {
    process.off('unhandledRejection', onStray)
    process.off('uncaughtException', onStray)
    task.port.close()
  }
}

/** Of an error that nobody catches: the host hears its message. */
function endThread({ message }: WireError): Promise<never> {
  process.removeAllListeners('uncaughtException')
  queueMicrotask(() => {
    throw new Error(message)
  })
  return new Promise(() => {})
}
