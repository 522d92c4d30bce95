/**
 * Folds the updates of each key in order of event time into a table: what holds from each of their times on. With `final`
 * an update is folded when the watermark has passed it, so that versions are said once, and again only where a late update
 * changes them; with `eager` at once, and whatever comes in between rewrites what is behind it. What it comes to is the
 * same. What the fold makes of its updates is the accumulator's: the first row, the latest, aggregates.
 */
import { type Budget, spend } from '../../base/budget.ts'
import { copyOf } from '../../base/bytes.ts'
import { checksum, combineHash } from '../../base/hash.ts'
import type { Timestamp } from '../../base/time.ts'
import type { Batch } from '../../records/batch.ts'
import { valuesBytes } from '../../records/batch-bytes.ts'
import { unpackKey, unpackPrefix } from '../../records/key.ts'
import type { FieldKind, Schema } from '../../records/schema.ts'
import type { KeyedTable } from '../../storage/table.ts'
import { splitByTime } from '../held-batches.ts'
import { HeldRows } from '../held-rows.ts'
import type { Operator, OperatorContext } from '../operator.ts'
import { Sweep } from '../sweep.ts'
import type { Emission } from '../window.ts'
import type { OpenAccumulator } from './accumulator.ts'
import { FoldOutput } from './fold-output.ts'
import { FoldGroup, type GroupTables } from './group.ts'
import { Touched } from './touched.ts'

export interface FoldPlan {
  readonly input: Schema
  readonly output: Schema
  readonly keys: readonly string[]
  /** Columns of the input that the accumulator reads. */
  readonly columns: readonly string[]
  /** Columns of the output that it gives, in its order. */
  readonly results: readonly string[]
  readonly open: OpenAccumulator
  readonly emit: Emission
  /** No update is older than the watermark by more than this, in microseconds. */
  readonly bound: number
  /** Head of the origins of the output, or null where nothing downstream can tie. */
  readonly origin: Uint8Array | null
}

const HELD = Buffer.from('held')

/** The tables of a fold. */
export const FOLD_TABLES = ['groups', 'recent', 'members', 'held', 'progress'] as const

export class Fold implements Operator {
  readonly #plan: FoldPlan
  readonly #tables: GroupTables
  readonly #progress: KeyedTable
  readonly #held: HeldRows
  /** Over recent updates, for such as nothing comes before any more. */
  readonly #sweep: Sweep
  /** Updates of this epoch that do not wait. */
  readonly #touched: Touched
  readonly #output: FoldOutput
  readonly #keyKinds: readonly FieldKind[]
  readonly #kinds: readonly FieldKind[]
  #watermark: Timestamp = Number.NEGATIVE_INFINITY
  #changes = 0

  constructor(plan: FoldPlan, context: OperatorContext) {
    this.#plan = plan
    const { input, keys, columns } = plan
    this.#tables = {
      groups: context.table('groups'),
      recent: context.table('recent'),
      members: context.table('members'),
    }
    this.#progress = context.table('progress')
    this.#sweep = new Sweep(this.#tables.recent, this.#progress)
    this.#held = new HeldRows(context.table('held'), input)
    this.#touched = new Touched(input, keys, columns)
    this.#output = new FoldOutput(plan, context.emit)
    this.#keyKinds = keys.map((name) => input.fields[name]!.kind)
    this.#kinds = columns.map((name) => input.fields[name]!.kind)
  }

  open([watermark]: readonly Timestamp[]): void {
    this.#watermark = watermark!
    const held = this.#progress.get(HELD)
    if (held !== undefined) this.#held.restore(held)
    this.#sweep.open()
  }

  onBatch(batch: Batch): void {
    if (this.#plan.emit === 'eager') return this.#touch(batch)
    const { before, rest } = splitByTime(batch, this.#watermark)
    if (before !== null) this.#touch(before)
    if (rest !== null) this.#held.hold(rest)
  }

  advance([watermark]: readonly Timestamp[], budget: Budget): boolean {
    const horizon = watermark! - this.#plan.bound
    // In full, whatever the budget: what was said of them does not hold any more.
    this.#foldTouched(horizon, budget)
    const done = this.#plan.emit === 'eager' || this.#foldDue(watermark!, horizon, budget)
    this.#output.end()
    if (!done) return false
    this.#watermark = watermark!
    this.#settleOld(horizon)
    return true
  }

  flush(): void {
    const held = this.#held.save()
    if (held !== null) this.#progress.put(HELD, held)
    this.#sweep.save()
  }

  digest(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }

  #touch(batch: Batch): void {
    for (let row = 0; row < batch.length; row++) this.#touched.add(batch, row)
  }

  /** Held updates that the watermark has passed. @returns false when some are left */
  #foldDue(watermark: Timestamp, horizon: number, budget: Budget): boolean {
    return this.#held.take(watermark, budget, (due) => {
      for (const { batch, row } of due) this.#touched.add(batch, row)
      // The rest may begin at the time of the last one, and change what was said of it.
      const last = due.at(-1)
      this.#foldTouched(last === undefined ? horizon : Math.min(horizon, last.batch.times[last.row]!), budget)
      return due.length
    })
  }

  #foldTouched(keepFrom: number, budget: Budget): void {
    for (const [packed, updates] of this.#touched.take()) {
      const group = this.#group(packed)
      const keys = unpackKey(packed, this.#keyKinds)
      for (const change of group.fold(updates, keepFrom)) {
        this.#output.push(packed, keys, change)
        spend(budget, 1, valuesBytes(keys) + valuesBytes(change.values))
      }
      this.#note(packed, group.save())
      this.#sweep.cameIn(updates.length)
    }
  }

  #group(key: Uint8Array): FoldGroup {
    return new FoldGroup(key, this.#tables, this.#kinds, this.#plan.open)
  }

  #note(key: Uint8Array, stored: Uint8Array | null): void {
    this.#changes = combineHash(combineHash(this.#changes, checksum(key)), stored === null ? 0 : checksum(stored))
  }

  /**
   * Settles old updates of groups that nothing comes to: some of the table is looked through each time, as much as goes
   * into it, so that what is kept follows the bound.
   */
  #settleOld(horizon: number): void {
    const groups = new Map<string, Uint8Array>()
    for (const key of this.#sweep.next()) {
      const { end } = unpackPrefix(key, this.#keyKinds)
      const [time] = unpackPrefix(key.subarray(end), ['time']).values as [number]
      if (time < horizon) groups.set(Buffer.from(key.subarray(0, end)).toString('latin1'), copyOf(key, 0, end))
    }
    for (const key of groups.values()) {
      const group = this.#group(key)
      group.settle(horizon)
      this.#note(key, group.save())
    }
  }
}
