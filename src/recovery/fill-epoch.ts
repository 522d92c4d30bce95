/** The input of an epoch: what has come, or, where calls of the next epoch are to be left out, what it was when they were found. */
import type { SkippedCall } from '../base/activity.ts'
import type { Epoch } from '../base/ids.ts'
import type { InboxBatch, Slice } from '../mailbox/inbox.ts'
import type { Retry } from './retries.ts'
import type { ShardContext } from './shard-context.ts'

export interface EpochInput {
  readonly batches: readonly InboxBatch[]
  readonly slices: readonly Slice[]
  readonly skips: readonly SkippedCall[]
  /** A dead letter that is taken once more, and then nothing else. */
  readonly retry: Retry | null
}

/** Of an epoch that only says something. */
export const NO_INPUT: EpochInput = { batches: [], slices: [], skips: [], retry: null }

/** Calls of one epoch over one input. */
export interface CallSkips {
  readonly kind: 'calls'
  readonly epoch: Epoch
  readonly slices: readonly Slice[]
  readonly retry: Retry | null
  readonly calls: readonly SkippedCall[]
}

/** Rows of a source. */
export interface RowSkips {
  readonly kind: 'rows'
  readonly rows: readonly SkippedRow[]
}

/** In the place of a split: the offset is the order of a dead letter that is taken once more. */
export const RETRIED = -1

export interface SkippedRow {
  /** Or `RETRIED`. */
  readonly split: number
  readonly offset: number
  readonly reason: string
  readonly stack: string | null
}

/** What a shard is to leave out, since it ended whoever took it, and how it gets on with what ends it only together. */
export interface Skips {
  readonly leftOut: CallSkips | RowSkips | null
  /** It takes so few an epoch at the most, and stores each, when it replays too; null where it takes what fits. */
  readonly fewRows: number | null
}

/**
 * Null when there is no input yet and nothing is due.
 * @param isCaughtUp whether nothing was left due by the epoch before: new input waits for that
 */
export async function fillEpoch(context: ShardContext, epoch: Epoch, isCaughtUp: boolean): Promise<EpochInput | null> {
  const { program, inbox, limits, skips, retries } = context
  const batches: InboxBatch[] = []
  const retry = isCaughtUp ? retries.after(inbox.retried) : null
  const leftOut = skips?.leftOut
  if (program.read === undefined && leftOut?.kind === 'calls' && isNext(context, leftOut, epoch)) {
    await inbox.replay(leftOut.slices, (batch) => batches.push(batch))
    return { batches, slices: leftOut.slices, skips: leftOut.calls, retry: leftOut.retry }
  }
  if (retry !== null && !hasEnded(context)) return { ...NO_INPUT, retry }
  if (program.read !== undefined) {
    const came = await program.read(limits)
    return came || program.isExhausted === true ? NO_INPUT : null
  }
  const { epochRowsMax: rows, epochBytesMax: bytes, fetchBytesMax: fetchBytes } = limits
  const slices = isCaughtUp ? await inbox.fill({ rows, bytes, fetchBytes }, (batch) => batches.push(batch)) : []
  return slices.length > 0 || !isCaughtUp ? { ...NO_INPUT, batches, slices } : null
}

/** Whether the input is over. Nobody reads what comes later: receivers have heard, or inherited, that time is over. */
export const hasEnded = ({ program, inbox }: ShardContext): boolean =>
  program.read === undefined ? inbox.isFinished : program.isExhausted === true

/** Whether this epoch, over this input, is the one that comes. */
export function isNext({ inbox }: ShardContext, { epoch, slices }: Pick<CallSkips, 'epoch' | 'slices'>, next: Epoch) {
  const { positions } = inbox.state()
  return epoch === next && slices.every(({ sender, from }) => positions[sender] === from)
}
