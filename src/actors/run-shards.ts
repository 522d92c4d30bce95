/** A worker's endless task: its shards from recovery to their end, with a status several times a second. */
import { Activity } from '../base/activity.ts'
import { toWireError, unreachable, userError } from '../base/errors.ts'
import type { Seam } from '../base/seam.ts'
import { plan } from '../topology/plan.ts'
import { explainFileError } from './file-error.ts'
import { OffHeapWatch } from './off-heap.ts'
import type { FromWorker } from './protocol.ts'
import { ShardGroup } from './shard-group.ts'
import type { ShardMachine } from './shard-machine.ts'
import type { WorkerEnd, WorkerPort, WorkerTask } from './workers.ts'

const STATUS_MS = 200

/**
 * Never rejects: an error crosses as a value; thrown, it would arrive as a copy without its kind and code.
 * @param onGroup told of the shards before they run
 */
export async function runShards(
  task: WorkerTask & { port: WorkerPort },
  seam: Seam,
  machine: ShardMachine,
  onGroup: (group: ShardGroup) => void = () => {},
): Promise<WorkerEnd> {
  try {
    return await runAll(task, seam, machine, onGroup)
  } catch (error) {
    return { error: toWireError(explainFileError(error)) }
  }
}

async function runAll(
  { config, board, bell, shards, port, skips, trial }: WorkerTask & { port: WorkerPort },
  seam: Seam,
  machine: ShardMachine,
  onGroup: (group: ShardGroup) => void,
): Promise<WorkerEnd> {
  const topology = await machine.load(config.module, config.export)
  if (topology.definition !== config.definition) {
    throw userError(
      'definition',
      `${config.module} gave another definition in a worker than in the supervisor: it changed meanwhile, or what it declares ` +
        'depends on something outside (environment, clock, randomness)',
    )
  }
  const whole = plan(topology, config.parallelism, config.rescales)
  const status = (): FromWorker & { type: 'status' } => ({ type: 'status', shards: group.status() })
  let report = () => {}
  const activity = new Activity()
  port.postMessage({ type: 'activity', memory: activity.memory })
  if (machine.offHeap !== undefined) {
    const watch = new OffHeapWatch(machine.offHeap, config.offHeapMb, () => group.status().map(({ shard }) => shard))
    activity.watch = () => watch.check()
  }
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
    activity,
    skips,
    onChange: () => report(),
  })
  onGroup(group)
  if (trial !== null) return { tried: await group.try(trial) }
  port.on('message', (message) => {
    switch (message.type) {
      case 'drain':
        return group.drain()
      case 'snapshot':
        return group.snapshot(message.shards)
      case 'rescale':
        return group.learn(plan(topology, config.parallelism, message.rescales))
      case 'retry':
        return group.retry()
      case 'adopt':
        return group.adopt(message.shard, message.skips)
      default:
        unreachable(message)
    }
  })
  report = () => port.postMessage(status())
  const stop = seam.scheduler.every(STATUS_MS, () => {
    report()
    try {
      activity.watch()
    } catch (error) {
      group.fail(error)
    }
  })
  try {
    return { outcome: await group.run(), last: status() }
  } finally {
    stop()
    report()
  }
}
