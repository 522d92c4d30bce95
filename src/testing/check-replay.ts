/**
 * State is a function of the log (i3, i8): each shard is brought to life once more, over an empty store, from the first
 * epoch of its log. Epoch by epoch it must put out and change what its markers tell of, which lives have done that came
 * back from stores and snapshots in between; and the store that they have left must hold, byte by byte, what this one does,
 * but for tables whose rows are in frames.
 */
import { storeDirectory } from '../actors/job.ts'
import { ShardActor, type ShardServices } from '../actors/shard-actor.ts'
import type { ShardMachine } from '../actors/shard-machine.ts'
import { Activity } from '../base/activity.ts'
import { latin1 } from '../base/bytes.ts'
import { isDamagedStore } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'
import type { Files, Seam } from '../base/seam.ts'
import { Board, boardShards, makeBoardBuffers } from '../mailbox/board.ts'
import type { LogWriter, MailboxLog } from '../mailbox/log.ts'
import { embeddedLogs, readLastMarker, type SeenLogs } from '../recovery/last-marker.ts'
import { SHARD_LIMITS } from '../recovery/shard-limits.ts'
import { readStoredState } from '../recovery/shard-store.ts'
import { type Environment, STORE_FILE } from '../storage/environment.ts'
import { MemoryEnvironment } from '../storage/memory-environment.ts'
import { predecessorsOf } from '../topology/generations.ts'
import type { Plan, PlannedShard } from '../topology/plan.ts'

/** Each epoch is stored, so that whoever takes over finds all of it. */
const LIMITS = { ...SHARD_LIMITS, storeIntervalMs: 0 }
const LOOK = { input: null, reach: 1, last: Number.POSITIVE_INFINITY, alone: null, without: [] }

/** What a run has left. */
export interface LeftRun extends Pick<ShardMachine, 'openStore'> {
  readonly files: Files
  readonly plan: Plan
  readonly directory: string
  /** Default: the embedded ones. */
  readonly logs?: SeenLogs | undefined
}

/** How many shards were replayed, for the logs of the others do not reach back to the beginning, and of how many the store was compared. */
export interface Replayed {
  readonly problems: string[]
  readonly replayed: number
  readonly compared: number
}

export async function checkReplay(left: LeftRun): Promise<Replayed> {
  const { files, plan, directory, logs = embeddedLogs(files, `${directory}/log`) } = left
  const board = new Board(makeBoardBuffers(boardShards(plan.shards.length)), 0)
  for (const { id, cell } of plan.shards) board.announce(cell, logs.end(id))
  const problems: string[] = []
  const stores = new Stores()
  const services: Omit<ShardServices, 'version' | 'openStore' | 'discardStore'> = {
    seam: stillSeam(files),
    board,
    log: readOnly(logs),
    limits: LIMITS,
    out: directory,
    directory,
    snapshots: null,
    snapshotIntervalMs: Number.POSITIVE_INFINITY,
    activity: new Activity(),
    onChange: () => {},
  }
  let compared = 0
  for (const shard of [...plan.shards].sort((a, b) => a.generation - b.generation)) {
    const last = await readLastMarker(logs, shard.id)
    const isWhole =
      last !== null && reachesBack(plan, shard, logs) && predecessorsOf(plan, shard).every(({ id }) => stores.has(id))
    if (!isWhole) continue
    const { version } = last.marker
    const replay = (over: Stores) => new ShardActor(plan, shard, { ...services, ...over.services, version }).try(LOOK)
    try {
      await replay(stores)
      board.setEnded(shard.cell, last.epoch)
      const whole = stores.get(shard.id)
      // A program whose state is in its markers opens no store, and replays nothing.
      if (whole === undefined) continue
      const { epoch } = readStoredState(whole.meta()!.body)
      if (epoch < last.epoch) problems.push(`${shard.id} was replayed up to epoch ${epoch} of ${last.epoch}`)
      const found = await copyStore(left, shard, stores.tables(shard.id))
      if (found === null) continue
      const foundStores = stores.with(shard.id, found)
      // From where it was stored last; the epochs behind that are replayed over it.
      await replay(foundStores)
      if (foundStores.get(shard.id) !== found) problems.push(`the store of ${shard.id} was none of its log's history`)
      const difference = differenceOf(foundStores.get(shard.id)!, whole, stores.tables(shard.id))
      if (difference !== null)
        problems.push(`the store of ${shard.id} is not what a replay from its first epoch gives: ${difference}`)
      compared++
    } catch (error) {
      problems.push(`${shard.id}, replayed from its first epoch: ${(error as Error).message}`)
    }
  }
  return { problems, replayed: stores.size, compared }
}

/** Stores in memory, by shard, with the names of their tables. */
class Stores {
  readonly #stores: Map<ShardId, MemoryEnvironment>
  readonly #tables: Map<ShardId, readonly string[]>
  readonly services: Pick<ShardServices, 'openStore' | 'discardStore'> = {
    openStore: ({ id }, tables) => {
      this.#tables.set(id, tables)
      return this.#stores.get(id) ?? this.#stores.set(id, new MemoryEnvironment()).get(id)!
    },
    discardStore: ({ id }) => void this.#stores.delete(id),
  }

  constructor(
    stores: Iterable<readonly [ShardId, MemoryEnvironment]> = [],
    tables = new Map<ShardId, readonly string[]>(),
  ) {
    this.#stores = new Map(stores)
    this.#tables = tables
  }

  get size(): number {
    return this.#stores.size
  }

  has(id: ShardId): boolean {
    return this.#stores.has(id)
  }

  get(id: ShardId): MemoryEnvironment | undefined {
    return this.#stores.get(id)
  }

  tables(id: ShardId): readonly string[] {
    return this.#tables.get(id) ?? []
  }

  /** These, but for the store of one shard. */
  with(id: ShardId, store: MemoryEnvironment): Stores {
    return new Stores([...this.#stores, [id, store]], this.#tables)
  }
}

/** Null where there is none, or one that was damaged since it was last opened: nobody would read that. */
async function copyStore(
  left: LeftRun,
  shard: PlannedShard,
  tables: readonly string[],
): Promise<MemoryEnvironment | null> {
  const directory = storeDirectory(left.directory, shard.id)
  if (!left.files.exists(`${directory}/${STORE_FILE}`)) return null
  let store: Environment | undefined
  try {
    store = left.openStore(directory, tables)
    const meta = store.meta()
    if (meta === null) return null
    const writes = tables.flatMap((table) => [...store!.range(table)].map(([key, value]) => ({ table, key, value })))
    const copy = new MemoryEnvironment()
    copy.commitNow(0, meta, writes)
    return copy
  } catch (error) {
    if (isDamagedStore(error)) return null
    throw error
  } finally {
    await store?.close()
  }
}

/** Rows in frames, and where those end: how they are cut is a matter of when they were stored, and no function of the log alone. */
const FRAMED = /\b(panes|blocks|bounds|held|waiting|answered)$/

/** The first entry that they do not share. */
function differenceOf(found: MemoryEnvironment, whole: MemoryEnvironment, tables: readonly string[]): string | null {
  for (const table of tables) {
    if (FRAMED.test(table)) continue
    const expected = new Map([...whole.range(table)].map(([key, value]) => [latin1(key), value]))
    for (const [key, value] of found.range(table)) {
      const other = expected.get(latin1(key))
      if (other === undefined || Buffer.compare(other, value) !== 0)
        return `${other === undefined ? 'an entry too many' : 'another value'} in ${table}, at ${Buffer.from(key).toString('hex')}`
      expected.delete(latin1(key))
    }
    for (const key of expected.keys())
      return `an entry is missing in ${table}, at ${Buffer.from(key, 'latin1').toString('hex')}`
  }
  return null
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
    // Above all that came: a store must not be younger.
    incarnation: 2 ** 20,
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
