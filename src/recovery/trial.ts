/**
 * A trial: a shard comes to life, goes through its next epoch with some calls or rows left out, and is given up: nothing
 * is appended and nothing stored. Whether it lives through that tells which one ended its former lives. Run in a process
 * of its own, which may die of it.
 */
import type { Epoch } from '../base/ids.ts'
import type { InboxBatch, Slice } from '../mailbox/inbox.ts'
import { fillEpoch, isNext, RETRIED } from './fill-epoch.ts'
import { emissionOf, processEpoch } from './process-epoch.ts'
import type { RecoveredShard } from './recover.ts'
import type { Retry } from './retries.ts'
import type { ShardContext } from './shard-context.ts'

/** The input of the epoch at hand: of a source the rows of one split, else what the inbox had. */
export type TrialInput =
  | { readonly kind: 'calls'; readonly epoch: Epoch; readonly slices: readonly Slice[]; readonly retry: Retry | null }
  | { readonly kind: 'rows'; readonly split: number; readonly offsets: readonly number[] }

/** Calls, or rows of a source, are numbered from 1. */
export interface Trial {
  /** Null to look what there is, and to touch none of it. */
  readonly input: TrialInput | null
  /** The first and the last one that are made; 1 and Infinity for all. */
  readonly first: number
  readonly last: number
  readonly without: readonly number[]
}

/** What a trial has seen that lived. */
export interface Tried {
  /** What it went through, or looked at; null where there is none. */
  readonly input: TrialInput | null
  /** Calls, or rows, that there were, made or not. */
  readonly size: number
  /** Epochs before it that were replayed. */
  readonly replayed: number
}

const isMade = ({ first, last, without }: Trial, number: number): boolean =>
  number >= first && number <= last && !without.includes(number)

/** How long a rejected promise, or a timer of the user's, may take to end the thread. */
const SETTLE_MS = 50
/** How long a source may be without rows before there is nothing to try. */
const PATIENCE_MS = 500

/**
 * @param onReplayed called when the epoch begins
 */
export async function runTrial(
  context: ShardContext,
  recovered: RecoveredShard,
  trial: Trial,
  onReplayed: () => void,
): Promise<Tried> {
  // What replayed rows leave behind is no matter of this epoch.
  await context.seam.scheduler.after(SETTLE_MS)
  onReplayed()
  const input = await (context.program.read === undefined
    ? tryCalls(context, recovered, trial)
    : tryRows(context, recovered, trial))
  context.outbox.discard()
  if (trial.input !== null) await context.seam.scheduler.after(SETTLE_MS)
  const size = input?.kind === 'rows' ? input.offsets.length : context.activity.place.call
  return { input, size, replayed: recovered.replayed }
}

const isOf = ({ order }: Retry, input: TrialInput): boolean =>
  input.kind === 'rows' && input.split === RETRIED && input.offsets[0] === order

async function tryCalls(context: ShardContext, recovered: RecoveredShard, trial: Trial): Promise<TrialInput | null> {
  const { inbox } = context
  const epoch = recovered.epoch + 1
  const { input } = trial
  if (input === null) {
    const filled = await fillEpoch(context, epoch, recovered.last?.isCaughtUp ?? true)
    return filled && { kind: 'calls', epoch, slices: filled.slices, retry: filled.retry }
  }
  // The shard has come further meanwhile: it lives.
  if (input.kind !== 'calls' || !isNext(context, input, epoch)) return null
  const batches: InboxBatch[] = []
  await inbox.replay(input.slices, (batch) => batches.push(batch))
  const { retry } = input
  processEpoch(context, epoch, { batches, retry }, { isChosen: (call) => isMade(trial, call) })
  return input
}

async function tryRows(context: ShardContext, recovered: RecoveredShard, trial: Trial): Promise<TrialInput | null> {
  const { program, limits, seam, activity, retries, inbox } = context
  const { input } = trial
  const epoch = recovered.epoch + 1
  const retry = retries.after(inbox.retried)
  if (retry !== null && (input === null || isOf(retry, input))) {
    const isTried = input !== null && isMade(trial, 1)
    processEpoch(context, epoch, { batches: [], retry: isTried ? retry : null })
    return { kind: 'rows', split: RETRIED, offsets: [retry.order] }
  }
  const { clock, scheduler } = seam
  const until = clock.monotonic() + PATIENCE_MS
  activity.startEpoch(epoch)
  if (input?.kind === 'rows') {
    const numbers = new Map(input.offsets.map((offset, i) => [offset, i + 1]))
    program.choose!((split, offset) => {
      const number = split === input.split ? numbers.get(offset) : undefined
      return number !== undefined && isMade(trial, number)
    })
  } else program.choose!(() => false)
  let [seen, first] = [0, null as TrialInput | null]
  while (clock.monotonic() < until && seen < (input?.kind === 'rows' ? input.offsets.length : 1)) {
    if (await program.read!(limits)) {
      const { split, offsets } = program.lastRead!()
      if (input === null || (input.kind === 'rows' && split === input.split)) seen += offsets.length
      first ??= { kind: 'rows', split, offsets }
    } else if (program.isExhausted === true) break
    else await scheduler.after(5)
  }
  program.advance([], emissionOf(limits))
  return input ?? (seen > 0 ? first : null)
}
