/** The entry of a worker thread: one endless task that runs its shards. Its top level does no I/O. */
import { toWireError, userError } from '../base/errors.ts'
import { crashingSeam } from '../base/real/crash-seam.ts'
import { plan } from '../topology/plan.ts'
import { explainFileError } from './file-error.ts'
import { loadTopology } from './load-topology.ts'
import type { WorkerEnd, WorkerPort, WorkerTask } from './piscina-workers.ts'
import type { FromWorker, ToWorker } from './protocol.ts'
import { ShardGroup } from './shard-group.ts'

const STATUS_MS = 200

type Task = WorkerTask & { port: WorkerPort }

// An error crosses as a value: thrown, it would arrive as a copy without its kind and code.
export default async function runWorker(task: Task): Promise<WorkerEnd> {
  try {
    return await runShards(task)
  } catch (error) {
    return { error: toWireError(explainFileError(error)) }
  } finally {
    task.port.close()
  }
}

async function runShards({ config, board, bell, shards, port }: Task): Promise<WorkerEnd> {
  const topology = await loadTopology(config.module, config.export)
  if (topology.definition !== config.definition) {
    throw userError(
      'definition',
      `${config.module} gave another definition in a worker than in the supervisor: it changed meanwhile, or what it declares ` +
        'depends on something outside (environment, clock, randomness)',
    )
  }
  const whole = plan(topology, config.parallelism)
  const seam = crashingSeam(process.env.UMBEL_CRASH_AT)
  const group = new ShardGroup({
    plan: whole,
    shards: whole.shards.filter((shard) => shards.includes(shard.id)),
    seam,
    board,
    bell,
    directory: config.directory,
    out: config.out,
    limits: config.limits,
    snapshots: config.snapshots,
    nodeVersion: process.version,
  })
  port.on('message', (message: ToWorker) => {
    if (message.type === 'drain') group.drain()
    else group.snapshot(message.shards)
  })
  const status = (): FromWorker => ({ type: 'status', shards: group.status() })
  const report = () => port.postMessage(status())
  const stop = seam.scheduler.every(STATUS_MS, report)
  try {
    return { outcome: await group.run(), last: status() }
  } finally {
    stop()
    report()
  }
}
