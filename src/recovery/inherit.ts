/**
 * Taking over: the first life of a shard of a later generation begins with the state of those before it, which have
 * retired. Their stores stand still, so the same is taken again if it is lost before it was stored.
 */
import { corruptionError, invariant, isDamagedStore } from '../base/errors.ts'
import type { InboxState } from '../mailbox/inbox.ts'
import type { Environment } from '../storage/environment.ts'
import { WriteSet } from '../storage/write-set.ts'
import { agreedInbox } from './agreed-inbox.ts'
import { decodeMarker, type Marker } from './marker.ts'
import type { ShardContext } from './shard-context.ts'
import type { Predecessor } from './shard-layout.ts'
import { readStoredState, type ShardStore, type StoredState } from './shard-store.ts'

/** A graceful end was asked for while the shards before had not retired. */
export class DrainedWhileWaiting extends Error {}

const EMPTY = { epoch: 0, marker: 0 } as const

/** What a store without state begins with. */
export const emptyState = ({ inbox, layout }: ShardContext): StoredState =>
  layout.predecessors.length > 0
    ? { ...EMPTY, inbox: inbox.state(), isPartial: true }
    : { ...EMPTY, inbox: inbox.state() }

/** Fills an empty store with what the shard owns of its predecessors' state; it is committed when this resolves. */
export async function inheritStore(context: ShardContext, store: ShardStore): Promise<void> {
  const ends = await predecessorsReady(context)
  const { layout, program, limits, seam } = context
  const partial = emptyState(context)
  const environments: Environment[] = []
  try {
    const states: StoredState[] = []
    layout.predecessors.forEach((one, p) => {
      const environment = open(one)
      environments.push(environment)
      states.push(readStoredState(environment.meta()!.body))
      invariant(
        states[p]!.epoch === ends[p],
        'RS-1',
        () => `${one.id} ended at ${ends[p]}, its store is of another epoch`,
      )
    })
    const tables = environments.map((environment) => {
      const reads = new WriteSet(environment)
      return (name: string) => reads.table(name)
    })
    const room = async () => {
      if (store.pendingBytes > limits.writeSetBytesMax) await store.seal(partial)()
      // Other shards of the thread go on meanwhile.
      else await seam.scheduler.turn()
    }
    context.bindStore(store)
    await program.inherit!(tables, layout.owns, room)
    await store.seal({ ...EMPTY, inbox: agreedInbox(endsOf(layout.predecessors, states)) })()
  } catch (error) {
    throw isDamagedStore(error) ? lost(layout.predecessors, error as Error) : error
  } finally {
    for (const environment of environments) await environment.close()
  }
}

/** The same for a program whose state is in its marker: where it begins. */
export async function inheritMarkers(context: ShardContext): Promise<{ inbox: InboxState; program: unknown }> {
  const ends = await predecessorsReady(context)
  const { layout, log, program } = context
  const markers: Marker[] = []
  for (const [p, { id }] of layout.predecessors.entries()) {
    for await (const { marker } of log.markers(id, ends[p]!, ends[p]!)) markers.push(decodeMarker(marker))
  }
  return {
    inbox: agreedInbox(endsOf(layout.predecessors, markers)),
    program: program.inheritState?.(markers.map((marker) => marker.program)) ?? null,
  }
}

/** Waits until all have ended for good. @returns their last epochs */
async function predecessorsReady({ board, layout, shard, isDraining }: ShardContext): Promise<number[]> {
  for (;;) {
    const { moment } = board
    const ends = layout.predecessors.map(({ cell }) => board.ended(cell))
    const gone = layout.predecessors.filter((_, p) => ends[p]! < 0)
    if (gone.length > 0) {
      throw corruptionError(
        'predecessor',
        `${shard} takes over from ${gone.map(({ id }) => id).join(', ')}, whose state is gone: the store, and every snapshot of it; ` +
          'put one of them back from a copy, or run with --fresh to start over',
      )
    }
    if (ends.every((end) => end > 0)) return ends
    if (isDraining()) throw new DrainedWhileWaiting()
    await board.changedSince(moment)
  }
}

function open(predecessor: Predecessor): Environment {
  try {
    return predecessor.openStore()
  } catch (error) {
    throw isDamagedStore(error) ? lost([predecessor], error as Error) : error
  }
}

/** Which of them it was is not known: the next start looks at all. */
function lost(predecessors: readonly Predecessor[], error: Error): Error {
  for (const predecessor of predecessors) predecessor.condemnStore(error.message)
  const ids = predecessors.map(({ id }) => id).join(', ')
  return corruptionError(
    'predecessor',
    `a store that is taken over is damaged, of ${ids} (${error.message}): start again, and it will be replaced`,
    error,
  )
}

const endsOf = (predecessors: readonly Predecessor[], states: readonly { readonly inbox: InboxState }[]) =>
  states.map(({ inbox }, p) => ({ shard: predecessors[p]!.id, inbox }))
