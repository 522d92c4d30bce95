/**
 * State is a function of the log (i3, i8): each shard is brought to life once more, over an empty store, from the first
 * epoch of its log. Epoch by epoch it must put out and change what its markers tell of, which lives have done that came
 * back from stores and snapshots in between; so what those held was what a replay from the start comes to.
 */
import { ShardActor, type ShardServices } from '../actors/shard-actor.ts'
import { Activity } from '../base/activity.ts'
import type { ShardId } from '../base/ids.ts'
import type { Files, Seam } from '../base/seam.ts'
import { Board, boardShards, makeBoardBuffers } from '../mailbox/board.ts'
import type { LogWriter, MailboxLog } from '../mailbox/log.ts'
import { embeddedLogs, readLastMarker, type SeenLogs } from '../recovery/last-marker.ts'
import { SHARD_LIMITS } from '../recovery/shard-limits.ts'
import { readStoredState } from '../recovery/shard-store.ts'
import { MemoryEnvironment } from '../storage/memory-environment.ts'
import { predecessorsOf } from '../topology/generations.ts'
import type { Plan, PlannedShard } from '../topology/plan.ts'

/** Each epoch is stored, so that whoever takes over finds all of it. */
const LIMITS = { ...SHARD_LIMITS, storeIntervalMs: 0 }
const LOOK = { input: null, last: Number.POSITIVE_INFINITY, alone: null, without: [] }

/** What a run has left. */
export interface LeftRun {
  readonly files: Files
  readonly plan: Plan
  readonly directory: string
  /** Default: the embedded ones. */
  readonly logs?: SeenLogs | undefined
}

/** @returns what is wrong, and how many shards were replayed: the logs of the others do not reach back to the beginning */
export async function checkReplay(left: LeftRun): Promise<{ problems: string[]; replayed: number }> {
  const { files, plan, directory, logs = embeddedLogs(files, `${directory}/log`) } = left
  const board = new Board(makeBoardBuffers(boardShards(plan.shards.length)), 0)
  for (const { id, cell } of plan.shards) board.announce(cell, logs.end(id))
  const problems: string[] = []
  const stores = new Map<ShardId, MemoryEnvironment>()
  const services: Omit<ShardServices, 'version'> = {
    seam: stillSeam(files),
    board,
    log: readOnly(logs),
    limits: LIMITS,
    out: directory,
    directory,
    openStore: ({ id }) => stores.get(id) ?? stores.set(id, new MemoryEnvironment()).get(id)!,
    discardStore: ({ id }) => void stores.delete(id),
    snapshots: null,
    snapshotIntervalMs: Number.POSITIVE_INFINITY,
    activity: new Activity(),
    onChange: () => {},
  }
  for (const shard of [...plan.shards].sort((a, b) => a.generation - b.generation)) {
    const last = await readLastMarker(logs, shard.id)
    const isWhole =
      last !== null && reachesBack(plan, shard, logs) && predecessorsOf(plan, shard).every(({ id }) => stores.has(id))
    if (!isWhole) continue
    const { version } = last.marker
    try {
      await new ShardActor(plan, shard, { ...services, version }).try(LOOK)
      // A program whose state is in its markers opens no store, and replays nothing.
      const meta = stores.get(shard.id)?.meta()
      const epoch = meta ? readStoredState(meta.body).epoch : last.epoch
      if (epoch < last.epoch) problems.push(`${shard.id} was replayed up to epoch ${epoch} of ${last.epoch}`)
      board.setEnded(shard.cell, last.epoch)
    } catch (error) {
      problems.push(`${shard.id}, replayed from its first epoch: ${(error as Error).message}`)
    }
  }
  return { problems, replayed: stores.size }
}

/** Whether its log, and those that it reads, are there from their first epoch on; sources and sinks are not replayed here. */
function reachesBack(plan: Plan, shard: PlannedShard, { log }: SeenLogs): boolean {
  const stage = plan.stages[shard.stage]!
  if (stage.kind !== 'operators') return false
  const senders = plan.edges.filter(({ to }) => to?.stage === stage.index).map(({ from }) => from.stage)
  return [shard, ...plan.shards.filter((one) => senders.includes(one.stage))].every(({ id }) => log.first(id) === 0)
}

/** What is done to a log in vain: nothing is claimed, and nothing written. */
function readOnly({ log, end }: SeenLogs): MailboxLog {
  const claim = async (sender: ShardId): Promise<LogWriter> => ({
    incarnation: 1,
    end: end(sender),
    append: () => Promise.reject(new Error('a replay appends nothing')),
    close: async () => {},
  })
  return {
    claim,
    reader: (...args) => log.reader(...args),
    first: (sender) => log.first(sender),
    markers: (...args) => log.markers(...args),
    trim: async () => {},
  }
}

/** No time passes, and no file is changed. */
const stillSeam = (files: Files): Seam => ({
  clock: { now: () => 0, monotonic: () => 0 },
  scheduler: { turn: async () => {}, after: async () => {}, hold: () => () => {}, every: () => () => {} },
  files: { ...files, replace: () => {}, remove: () => {} },
  random: () => 0,
  crashPoint: () => {},
})
