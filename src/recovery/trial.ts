/**
 * A trial: a shard comes to life, goes through its next epoch with some calls or rows left out, and is given up: nothing
 * is appended and nothing stored. Whether it lives through that tells which one ended its former lives. Run in a process
 * of its own, which may die of it.
 */
import type { NumberedCall } from '../base/activity.ts'
import type { Epoch } from '../base/ids.ts'
import type { InboxBatch, Slice } from '../mailbox/inbox.ts'
import { fillEpoch, isNext, RETRIED } from './fill-epoch.ts'
import { emissionOf, processEpoch } from './process-epoch.ts'
import type { RecoveredShard } from './recover.ts'
import type { Retry } from './retries.ts'
import type { ShardContext } from './shard-context.ts'

/** The input of the epoch at hand: of a source what it read, row by row, else what the inbox had. */
export type TrialInput =
  | { readonly kind: 'calls'; readonly epoch: Epoch; readonly slices: readonly Slice[]; readonly retry: Retry | null }
  | { readonly kind: 'rows'; readonly splits: readonly number[]; readonly offsets: readonly number[] }

export interface Trial {
  /** Null to look what there is, and to touch none of it. */
  readonly input: TrialInput | null
  /** Of a source that is only looked at: so many rows must be seen. A life reads little at first, and the row may be behind that. */
  readonly reach: number
  /** The last one that is made; Infinity for all. */
  readonly last: number
  /** The only one that is made of its function; null for all. */
  readonly alone: NumberedCall | null
  readonly without: readonly NumberedCall[]
}

/** What a trial has seen that lived. */
export interface Tried {
  /** What it went through, or looked at; null where there is none. */
  readonly input: TrialInput | null
  /** The first one behind the last that was made; null where there is none. */
  readonly next: NumberedCall | null
  /** Rows that came with the epoch. */
  readonly rows: number
}

const tried = (input: TrialInput | null, next: NumberedCall | null = null, rows = 0): Tried => ({ input, next, rows })

/** Of calls that are made alone the others' numbers differ: they are known by their functions then. */
function isMade({ last, alone, without }: Trial, { number, node, nth }: NumberedCall): boolean {
  if (alone === null) return number <= last && !without.some((one) => one.number === number)
  if (node === alone.node && nth !== alone.nth) return false
  return !without.some((one) => one.node === node && one.nth === nth)
}

/** Rows of a source are numbered from 1, as the calls of no function. */
const ofRow = (number: number): NumberedCall => ({ number, node: -1, nth: number })

/** How long a rejected promise, or a timer of the user's, may take to end the thread. */
const SETTLE_MS = 50
/** How long a source may be without rows before there is nothing to try. */
const PATIENCE_MS = 500
/** How long it is read for more, where that takes its time. */
const READING_MS = 5_000

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
  const seen = await (context.program.read === undefined
    ? tryCalls(context, recovered, trial)
    : tryRows(context, recovered, trial))
  context.outbox.discard()
  if (trial.input !== null) await context.seam.scheduler.after(SETTLE_MS)
  return seen
}

const isOf = ({ order }: Retry, input: TrialInput): boolean =>
  input.kind === 'rows' && input.splits[0] === RETRIED && input.offsets[0] === order

async function tryCalls(context: ShardContext, recovered: RecoveredShard, trial: Trial): Promise<Tried> {
  const { inbox } = context
  const epoch = recovered.epoch + 1
  const { input } = trial
  if (input === null) {
    const filled = await fillEpoch(context, epoch, recovered.last?.isCaughtUp ?? true)
    return tried(filled && { kind: 'calls', epoch, slices: filled.slices, retry: filled.retry })
  }
  // The shard has come further meanwhile: it lives.
  if (input.kind !== 'calls' || !isNext(context, input, epoch)) return tried(null)
  const batches: InboxBatch[] = []
  await inbox.replay(input.slices, (batch) => batches.push(batch))
  const { retry } = input
  let next: NumberedCall | null = null
  const isChosen = (call: NumberedCall): boolean => {
    if (call.number === trial.last + 1) next = call
    return isMade(trial, call)
  }
  processEpoch(context, epoch, { batches, retry }, { isChosen })
  const rows = batches.reduce((sum, { batch }) => sum + batch.length, retry === null ? 0 : 1)
  return tried(input, next, rows)
}

async function tryRows(context: ShardContext, recovered: RecoveredShard, trial: Trial): Promise<Tried> {
  const { program, limits, seam, activity, retries, inbox } = context
  const { input } = trial
  const epoch = recovered.epoch + 1
  const retry = retries.after(inbox.retried)
  if (retry !== null && (input === null || isOf(retry, input))) {
    const isTried = input !== null && isMade(trial, ofRow(1))
    processEpoch(context, epoch, { batches: [], retry: isTried ? retry : null })
    return triedRows({ kind: 'rows', splits: [RETRIED], offsets: [retry.order] }, trial)
  }
  const { clock, scheduler } = seam
  activity.startEpoch(epoch)
  const wanted = input?.kind === 'rows' ? numbersOf(input) : null
  program.choose!((split, offset) => {
    const number = wanted?.get(placeKey(split, offset))
    return number !== undefined && isMade(trial, ofRow(number))
  })
  const seen: { splits: number[]; offsets: number[] } = { splits: [], offsets: [] }
  const most = wanted?.size ?? Math.min(trial.reach, limits.epochRowsMax)
  const end = clock.monotonic() + READING_MS
  let until = clock.monotonic() + PATIENCE_MS
  while (clock.monotonic() < until && seen.offsets.length < most) {
    if (await program.read!(limits)) {
      const { split, offsets } = program.lastRead!()
      const found = wanted === null ? offsets : offsets.filter((offset) => wanted.has(placeKey(split, offset)))
      seen.splits.push(...found.map(() => split))
      seen.offsets.push(...found)
      if (found.length > 0) until = Math.min(end, clock.monotonic() + PATIENCE_MS)
      // As many reads make no epoch: what they put out must not add up.
      context.outbox.discard()
    } else if (program.isExhausted === true) break
    else await scheduler.after(5)
  }
  program.advance([], emissionOf(limits))
  if (input?.kind === 'rows') return triedRows(input, trial)
  return seen.offsets.length > 0 ? triedRows({ kind: 'rows', ...seen }, trial) : tried(null)
}

const placeKey = (split: number, offset: number): string => `${split} ${offset}`

const numbersOf = ({ splits, offsets }: RowInput): Map<string, number> =>
  new Map(offsets.map((offset, i) => [placeKey(splits[i]!, offset), i + 1]))

type RowInput = TrialInput & { kind: 'rows' }

const triedRows = (input: RowInput, { last }: Trial): Tried => {
  const { length } = input.offsets
  return tried(input, last < length ? ofRow(last + 1) : null, length)
}
