/** The entry of a worker thread. Its top level does no I/O. */
import { crashingSeam } from '../base/real/crash-seam.ts'
import { nodeMachine } from './real/node-machine.ts'
import { runShards } from './run-shards.ts'
import type { WorkerEnd, WorkerPort, WorkerTask } from './workers.ts'

export default async function runWorker(
  task: WorkerTask & { port: WorkerPort & { close(): void } },
): Promise<WorkerEnd> {
  try {
    return await runShards(task, crashingSeam(process.env.UMBEL_CRASH_AT), nodeMachine)
  } finally {
    task.port.close()
  }
}
