/** A worker's endless task: its shards from recovery to their end, with a status several times a second. */
import { toWireError, userError } from '../base/errors.ts'
import type { Seam } from '../base/seam.ts'
import { plan } from '../topology/plan.ts'
import { explainFileError } from './file-error.ts'
import type { FromWorker } from './protocol.ts'
import { ShardGroup } from './shard-group.ts'
import type { ShardMachine } from './shard-machine.ts'
import type { WorkerEnd, WorkerPort, WorkerTask } from './workers.ts'

const STATUS_MS = 200

/** Never rejects: an error crosses as a value; thrown, it would arrive as a copy without its kind and code. */
export async function runShards(
  task: WorkerTask & { port: WorkerPort },
  seam: Seam,
  machine: ShardMachine,
): Promise<WorkerEnd> {
  try {
    return await runAll(task, seam, machine)
  } catch (error) {
    return { error: toWireError(explainFileError(error)) }
  }
}

async function runAll(
  { config, board, bell, shards, port }: WorkerTask & { port: WorkerPort },
  seam: Seam,
  machine: ShardMachine,
): Promise<WorkerEnd> {
  const topology = await machine.load(config.module, config.export)
  if (topology.definition !== config.definition) {
    throw userError(
      'definition',
      `${config.module} gave another definition in a worker than in the supervisor: it changed meanwhile, or what it declares ` +
        'depends on something outside (environment, clock, randomness)',
    )
  }
  const whole = plan(topology, config.parallelism)
  const group = new ShardGroup({
    plan: whole,
    shards: whole.shards.filter((shard) => shards.includes(shard.id)),
    seam,
    machine,
    board,
    bell,
    directory: config.directory,
    out: config.out,
    limits: config.limits,
    snapshots: config.snapshots,
  })
  port.on('message', (message) => {
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
