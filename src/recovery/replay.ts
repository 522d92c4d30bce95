/** Bringing a store up to its log: marked epochs are processed again, the outbox closed, and must give the same bytes. */
import { corruptionError, invariant, userError } from '../base/errors.ts'
import type { Epoch } from '../base/ids.ts'
import type { InboxBatch } from '../mailbox/inbox.ts'
import { decodeMarker, hashMarker, type Marker } from './marker.ts'
import { processEpoch } from './process-epoch.ts'
import type { RecoveryActor } from './recovery.machine.ts'
import type { ShardContext } from './shard-context.ts'
import { shapeOf } from './shard-limits.ts'
import type { ShardStore } from './shard-store.ts'
import { isFull } from './store-cycle.ts'

/** The marker of an epoch; null where there is none yet. */
export async function lastMarker(
  context: ShardContext,
  end: number,
): Promise<{ bytes: Uint8Array; marker: Marker } | null> {
  if (end === 0) return null
  for await (const { marker } of context.log.markers(context.shard, end, end)) {
    return { bytes: marker, marker: decodeMarker(marker) }
  }
  return null
}

/** Replays what the store lacks. @throws user error `definition` when other functions have made it; invariant `RC-2` */
export async function replay(context: ShardContext, store: ShardStore, end: Epoch, machine: RecoveryActor) {
  const { inbox, journal, program, outbox, shard, seam, layout, version, limits } = context
  const own = shapeOf(limits)
  const from = store.stored!
  let [markerHash, last]: [number, Marker | null] = [from.marker, null]
  // With nothing to replay, the last marker still says whether anything is due or to come, and what to publish.
  if (from.epoch === end) last = (await lastMarker(context, end))?.marker ?? null
  for await (const { epoch, marker: bytes } of context.log.markers(shard, from.epoch + 1, end)) {
    const marker = decodeMarker(bytes)
    if (marker.previous !== markerHash)
      throw corruptionError('marker', `the marker of epoch ${epoch} of ${shard} breaks the chain`)
    if (marker.version.definition !== version.definition) throw madeByFormerCode(shard, epoch, end)
    const batches: InboxBatch[] = []
    limits.shape(marker.shape)
    outbox.reroute(layout.routes(marker.layout))
    await inbox.replay(marker.slices, (batch) => batches.push(batch))
    journal.startReplay(marker.journal)
    const processed = processEpoch(context, epoch, { batches, retry: marker.retry }, { skips: marker.skips })
    journal.endReplay()
    compare(context, marker, processed)
    ;[markerHash, last] = [hashMarker(bytes), marker]
    machine.send({ type: 'REPLAYED', epoch })
    seam.crashPoint('replayed', shard, epoch)
    if (isFull(context, store)) {
      program.flush()
      await store.seal({ epoch, marker: markerHash, inbox: marker.inbox })()
    }
  }
  limits.shape(own)
  return { markerHash, last, replayed: end - from.epoch }
}

const madeByFormerCode = (shard: string, epoch: Epoch, end: Epoch) =>
  userError(
    'definition',
    `the store of ${shard} is behind its log, and epochs ${epoch} to ${end} were made by other functions than those of now, ` +
      'which would not make them again: put back the store or a later snapshot from a copy, or run with --fresh to start over',
  )

/** RC-2: the same code over the same input gives the same output and the same changes. */
function compare(context: ShardContext, marker: Marker, got: { outputs: number; changes: number }): void {
  const { version, shard } = context
  const sameCode = marker.version.umbel === version.umbel && marker.version.node === version.node
  invariant(
    !sameCode || (got.outputs === marker.outputs && got.changes === marker.changes),
    'RC-2',
    () =>
      `the replay of epoch ${marker.epoch} of ${shard} gave other ${got.outputs === marker.outputs ? 'changes' : 'output'} ` +
      'than the first run: a function in the topology is not deterministic (clock, randomness or outside state)',
  )
}
