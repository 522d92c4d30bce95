/**
 * Brings a shard to life: fence, find the end of its log, open its store, replay what the store lacks. One path for
 * every crash and for the first start; `docs/recovery.md` walks each crash point.
 */
import { createActor } from 'xstate'
import { corruptionError, UmbelError } from '../base/errors.ts'
import type { Epoch } from '../base/ids.ts'
import type { LogWriter } from '../mailbox/log.ts'
import type { Environment, StoreMeta } from '../storage/environment.ts'
import { emptyState, inheritMarkers, inheritStore } from './inherit.ts'
import { hashMarker, type Marker } from './marker.ts'
import { type RecoveryActor, recoveryMachine } from './recovery.machine.ts'
import { ATTEMPTS_MAX } from './recovery-attempts.ts'
import { lastMarker, replay } from './replay.ts'
import type { ShardContext } from './shard-context.ts'
import { readStoredState, ShardStore, type StoredState } from './shard-store.ts'

/** A shard that is ready for its next epoch. */
export interface RecoveredShard {
  readonly writer: LogWriter
  /** Null for a program whose state is in its markers. */
  readonly store: ShardStore | null
  /** The last marked epoch, and the hash of its marker. */
  readonly epoch: number
  readonly markerHash: number
  readonly last: Marker | null
  readonly replayed: number
  readonly rebuilt: string | null
  /** The shard has handed over, and its state cannot be rebuilt; that matters only to those who have not taken it yet. */
  readonly isLost?: true
}

/** @throws corruption `log` when what must be replayed is gone; invariant `RC-2` when a replay gives other bytes */
export async function recover(context: ShardContext): Promise<RecoveredShard> {
  const machine = createActor(recoveryMachine)
  machine.start()
  try {
    return await (context.program.tables.length > 0
      ? recoverStateful(context, machine)
      : recoverStateless(context, machine))
  } catch (error) {
    machine.send({ type: 'FAILED', reason: (error as Error).message })
    throw error
  }
}

async function recoverStateless(context: ShardContext, machine: RecoveryActor): Promise<RecoveredShard> {
  const { program, inbox, seam, shard } = context
  const writer = await context.log.claim(shard, { epoch: 0, incarnation: 0 })
  machine.send({ type: 'FENCED', end: writer.end })
  seam.crashPoint('fenced', shard, writer.end)
  const last = await lastMarker(context, writer.end)
  const isFirst = last === null && context.layout.predecessors.length > 0
  const from = isFirst ? await inheritMarkers(context) : (last?.marker ?? null)
  if (from !== null) inbox.restore(from.inbox)
  machine.send({ type: 'OPENED', at: writer.end })
  await program.open(from?.program ?? null, inbox.watermarks())
  if (last !== null) await program.publish?.(last.marker.program)
  return {
    writer,
    store: null,
    epoch: writer.end,
    markerHash: last === null ? 0 : hashMarker(last.bytes),
    last: last?.marker ?? null,
    replayed: 0,
    rebuilt: null,
  }
}

async function recoverStateful(context: ShardContext, machine: RecoveryActor): Promise<RecoveredShard> {
  const { program, inbox, log, seam, shard } = context
  const attempts = context.attempts.begin()
  const environment = openOrNull(context, attempts)
  // A log that ends before its own store is damaged, and claiming must not take its end for a torn tail.
  const meta = environment.store?.meta() ?? null
  const known = { epoch: meta === null ? 0 : readStoredState(meta.body).epoch, incarnation: incarnationOf(meta) }
  const writer = await log.claim(shard, known)
  machine.send({ type: 'FENCED', end: writer.end })
  seam.crashPoint('fenced', shard, writer.end)
  let store = environment.store === null ? null : new ShardStore(environment.store, writer.incarnation)
  await context.snapshots?.load()
  const unusable = environment.failure ?? (await whyUnusable(context, store!, writer.end))
  let rebuilt = unusable
  if (unusable !== null) {
    machine.send({ type: 'UNUSABLE', reason: unusable })
    await environment.store?.close()
    const { environment: other, origin } = await replaceStore(context, writer.end)
    rebuilt = `${unusable}; it goes on ${origin}`
    store = new ShardStore(other, writer.incarnation)
  }
  store = await fence(context, store!, writer)
  seam.crashPoint('store-fenced', shard, writer.end)
  if (store.stored!.isPartial) {
    context.attempts.succeed()
    await inheritStore(context, store)
    seam.crashPoint('inherited', shard, writer.end)
  }
  const from = store!.stored!
  machine.send({ type: 'OPENED', at: from.epoch })
  inbox.restore(from.inbox)
  const missing = missingOf(context, from)
  if (missing.length > 0) {
    const last = await lastMarker(context, writer.end)
    if (!last?.marker.isLast || context.layout.until === Number.POSITIVE_INFINITY) {
      throw cannotBeRebuilt(shard, unusable, missing)
    }
    await store.close()
    const { epoch } = last.marker
    return {
      writer,
      store: null,
      epoch,
      markerHash: 0,
      last: last.marker,
      replayed: 0,
      rebuilt: unusable,
      isLost: true,
    }
  }
  context.bindStore(store!)
  await program.open(null, inbox.watermarks())
  context.attempts.succeed()
  const replayed = await replay(context, store!, writer.end, machine).catch((error) => {
    // Before a function of the user's is blamed: a store that is damaged gives other bytes too.
    const mayBeDamaged = unusable === null && from.epoch > 0 && (error as UmbelError).code === 'RC-2'
    throw mayBeDamaged ? corruptionError('store', `the store may be damaged: ${error.message}`, error) : error
  })
  if (replayed.last !== null) await program.publish?.(replayed.last.program)
  return { writer, store, epoch: writer.end, ...replayed, rebuilt }
}

/** Takes the store for this life. One that was left in the middle of taking over begins anew. */
async function fence(context: ShardContext, store: ShardStore, { incarnation }: LogWriter): Promise<ShardStore> {
  let own = store
  if (own.stored?.isPartial) {
    await own.close()
    context.discardStore()
    own = new ShardStore(context.openStore(), incarnation)
  }
  await own.fence(emptyState(context))
  return own
}

const incarnationOf = (meta: StoreMeta | null): number => Math.floor((meta?.version ?? 0) / 2 ** 32)

function openOrNull(context: ShardContext, attempts: number | string) {
  if (typeof attempts === 'string') return { store: null, failure: attempts }
  if (attempts >= ATTEMPTS_MAX)
    return { store: null, failure: `the process ended ${attempts} times while it opened the store` }
  try {
    return { store: context.openStore(), failure: null }
  } catch (error) {
    if (error instanceof UmbelError && error.kind === 'corruption') return { store: null, failure: error.message }
    throw error
  }
}

/** Why the store is not what the log's history has left, or null when it is. */
async function whyUnusable(context: ShardContext, store: ShardStore, end: Epoch): Promise<string | null> {
  const { stored } = store
  if (stored === null || stored.epoch === 0) {
    return end > 0 && (context.snapshots?.oldest ?? null) !== null
      ? 'the store is gone, and there was a snapshot of it'
      : null
  }
  return (await isOfHistory(context, stored)) ? null : `the store is of another history at epoch ${stored.epoch}`
}

async function isOfHistory(context: ShardContext, state: { epoch: Epoch; marker: number }): Promise<boolean> {
  if (state.epoch <= context.log.first(context.shard)) return false
  const at = await lastMarker(context, state.epoch)
  return at !== null && hashMarker(at.bytes) === state.marker
}

/** The newest snapshot that fits the log, in the place of the store; an empty store where there is none. `origin` says which. */
async function replaceStore(context: ShardContext, end: Epoch): Promise<{ environment: Environment; origin: string }> {
  const restored = await context.snapshots?.restore(
    async (state) => state.epoch <= end && (await isOfHistory(context, state)),
  )
  const { epoch = null, problems = [] } = restored ?? {}
  if (epoch === null) context.discardStore()
  const origin = epoch === null ? 'from the beginning of its log' : `from the snapshot of epoch ${epoch}`
  const why = problems.length > 0 ? ` (${problems.join('; ')})` : ''
  return { environment: context.openStore(), origin: `${origin}${why}` }
}

/** What must be replayed and is not in the logs any more: nothing, unless a store and every snapshot of it are lost. */
function missingOf({ log, shard, inbox }: ShardContext, from: StoredState): string[] {
  const asked = [
    { log: shard, from: from.epoch },
    ...inbox.senders.map(({ id }, s) => ({ log: id, from: from.inbox.positions[s] ?? 0 })),
  ]
  return asked
    .filter((one) => one.from < log.first(one.log))
    .map((one) => `epochs ${one.from + 1} to ${log.first(one.log)} of ${one.log}`)
}

const cannotBeRebuilt = (shard: string, unusable: string | null, missing: readonly string[]) =>
  corruptionError(
    'log',
    `the store of ${shard} cannot be rebuilt${unusable === null ? '' : ` (${unusable})`}: it would take ${missing.join(', ')}, ` +
      'which were trimmed since snapshots held them, and no snapshot is usable; put back the stores or snapshots from a copy, ' +
      'or run with --fresh to start over',
  )
