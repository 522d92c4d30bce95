/** The middle of an epoch, the same when it runs first and when it is replayed: rows in, time on, output hashed. */
import type { CallChoice } from '../base/activity.ts'
import type { Budget } from '../base/budget.ts'
import { combineHash } from '../base/hash.ts'
import type { Epoch } from '../base/ids.ts'
import type { InboxBatch } from '../mailbox/inbox.ts'
import type { EdgeWatermark, PartitionFrames } from '../mailbox/log.ts'
import type { Retry } from './retries.ts'
import type { ShardContext } from './shard-context.ts'
import type { ShardLimits } from './shard-limits.ts'

export interface ProcessedEpoch {
  /** Rows of output. */
  readonly rows: number
  readonly frames: readonly PartitionFrames[]
  /** Of the frames. */
  readonly bytes: number
  readonly outputs: number
  readonly changes: number
  readonly watermarks: readonly EdgeWatermark[]
  /** False when windows are still due at this watermark: the next epoch goes on without waiting for input. */
  readonly isCaughtUp: boolean
}

/** What an epoch may emit by itself, beside what its input brings. */
export const emissionOf = ({ epochRowsMax, outboxBytesMax }: ShardLimits): Budget => ({
  rows: epochRowsMax,
  bytes: outboxBytesMax,
})

export function processEpoch(
  context: ShardContext,
  epoch: Epoch,
  { batches, retry }: { batches: readonly InboxBatch[]; retry: Retry | null },
  choice?: CallChoice,
): ProcessedEpoch {
  const { program, inbox, outbox, limits, activity } = context
  activity.startEpoch(epoch, choice)
  for (const batch of batches) program.onBatch(batch)
  if (retry !== null) {
    inbox.retried = retry.order
    program.retry?.(retry)
  }
  const isCaughtUp = program.advance(inbox.watermarks(), emissionOf(limits))
  activity.endEpoch()
  const { rows } = outbox
  const frames = outbox.seal()
  return {
    rows,
    frames,
    bytes: frames.reduce((sum, { chunks }) => chunks.reduce((all, chunk) => all + chunk.length, sum), 0),
    outputs: hashFrames(frames),
    changes: program.digest(),
    watermarks: context.edges.map((edge) => ({ edge, watermark: program.watermarkOf(edge) })),
    isCaughtUp,
  }
}

/** Folds the frames' own checksums. */
function hashFrames(frames: readonly PartitionFrames[]): number {
  let hash = 0
  for (const { edge, partition, chunks } of frames) {
    hash = combineHash(combineHash(hash, edge), partition)
    for (const chunk of chunks)
      hash = combineHash(hash, new DataView(chunk.buffer, chunk.byteOffset).getUint32(4, true))
  }
  return hash
}
