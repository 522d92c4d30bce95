/**
 * Aggregation over windows row by row: for what panes cannot hold, such as values that are collected, extremes of rows that
 * are taken back, and windows of other kinds. A group is a key in a window; it has an accumulator, which takes rows in and
 * out. With `final` a window is said when the watermark has reached its end, and what it had to say for longer `lookback`,
 * with `eager` at once; every change of what was said takes it back.
 */

import { type Budget, isSpent, spend } from '../base/budget.ts'
import { checksum, combineHash } from '../base/hash.ts'
import { packr } from '../base/packr.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import { valuesBytes } from '../records/batch-bytes.ts'
import type { Value } from '../records/column.ts'
import { packedTime, packValues, unpackPrefix } from '../records/key.ts'
import type { FieldKind, Schema } from '../records/schema.ts'
import type { KeyedTable } from '../storage/table.ts'
import { DueGroups, dropDue } from './due-groups.ts'
import type { Accumulator, OpenAccumulator } from './fold/accumulator.ts'
import { settled, textOf } from './fold/fold-row.ts'
import { Touched } from './fold/touched.ts'
import type { Operator, OperatorContext } from './operator.ts'
import { type Emission, type Window, windowsOf } from './window.ts'
import { WindowRows } from './window-rows.ts'

export interface WindowFoldPlan {
  readonly input: Schema
  /** Keys, `window_start`, `window_end`, results. */
  readonly output: Schema
  readonly keys: readonly string[]
  /** Columns of the input that the accumulator reads. */
  readonly columns: readonly string[]
  readonly open: OpenAccumulator
  readonly window: Window
  readonly emit: Emission
  /** No update is older than the watermark by more than this, in microseconds. */
  readonly bound: number
  /** Head of the origins of the output, or null where nothing downstream can tie. */
  readonly origin: Uint8Array | null
}

type Rows = readonly (readonly Value[])[]

/** What is stored of a group: its accumulator, and whether it was said. */
type Stored = readonly [saved: unknown, isSaid: boolean]

export const WINDOW_FOLD_TABLES = ['groups', 'members', 'progress'] as const

export class WindowFold implements Operator {
  readonly #plan: WindowFoldPlan
  /** Keys: end and start of the window, key. */
  readonly #groups: KeyedTable
  readonly #members: KeyedTable
  readonly #due: DueGroups
  readonly #output: WindowRows
  readonly #keyKinds: readonly FieldKind[]
  readonly #touched: Touched
  #watermark: Timestamp = Number.NEGATIVE_INFINITY
  #changes = 0

  constructor(plan: WindowFoldPlan, context: OperatorContext) {
    this.#plan = plan
    const { input, keys } = plan
    this.#groups = context.table('groups')
    this.#members = context.table('members')
    this.#due = new DueGroups(this.#groups, context.table('progress'))
    this.#touched = new Touched(input, keys, plan.columns)
    this.#output = new WindowRows(plan, context.emit)
    this.#keyKinds = keys.map((name) => input.fields[name]!.kind)
  }

  open([watermark]: readonly Timestamp[]): void {
    this.#watermark = watermark!
    this.#due.open()
  }

  onBatch(batch: Batch): void {
    const { window } = this.#plan
    const groupsOf = (time: number) => Array.from(windowsOf(window, time), ([start, end]) => packValues([end, start]))
    for (let row = 0; row < batch.length; row++) this.#touched.addTo(batch, row, groupsOf)
  }

  advance([watermark]: readonly Timestamp[], budget: Budget): boolean {
    const { emit, bound, window } = this.#plan
    // In full, whatever the budget: what was said of them does not hold any more.
    this.#take(budget)
    const isDone = emit === 'eager' || this.#sayDue(watermark! - window.lookback, budget)
    this.#output.end()
    if (!isDone) return false
    this.#watermark = watermark!
    dropDue([this.#groups, this.#members], watermark! - Math.max(bound, window.lookback))
    return true
  }

  flush(): void {
    this.#due.save()
  }

  digest(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }

  #take(budget: Budget): void {
    for (const [group, updates] of this.#touched.take()) {
      const [accumulator, wasSaid] = this.#open(group)
      const isSaid = wasSaid || this.#plan.emit === 'eager' || this.#isPassed(group)
      const before = isSaid ? accumulator.rows() : []
      for (const row of settled(updates)) accumulator.apply(row, row.diff)
      if (isSaid) this.#say(group, before, accumulator.rows(), budget)
      this.#store(group, accumulator, isSaid)
    }
  }

  #isPassed(group: Uint8Array): boolean {
    return packedTime(group) <= this.#watermark - this.#plan.window.lookback
  }

  #open(group: Uint8Array): [Accumulator, isSaid: boolean] {
    const stored = this.#groups.get(group)
    const [saved, isSaid] = stored === undefined ? [null, false] : (packr.unpack(stored) as Stored)
    return [this.#plan.open({ key: group, saved, members: this.#members }), isSaid]
  }

  #store(group: Uint8Array, accumulator: Accumulator, isSaid: boolean): void {
    const saved = accumulator.save()
    const bytes = saved === null ? null : packr.pack([saved, isSaid] satisfies Stored)
    this.#changes = combineHash(combineHash(this.#changes, checksum(group)), bytes === null ? 0 : checksum(bytes))
    if (bytes === null) this.#groups.remove(group)
    else this.#groups.put(group, bytes)
  }

  /** Groups of windows that are over at `time`, in order. @returns false when some are left */
  #sayDue(time: Timestamp, budget: Budget): boolean {
    for (;;) {
      const due = this.#due.next(time, Math.max(1, budget.rows))
      if (due.length === 0) return true
      for (const group of due) {
        if (isSpent(budget)) return false
        const [accumulator, wasSaid] = this.#open(group)
        if (!wasSaid) {
          this.#say(group, [], accumulator.rows(), budget)
          this.#store(group, accumulator, true)
        }
        this.#due.pass(group)
      }
    }
  }

  #say(group: Uint8Array, before: Rows, now: Rows, budget: Budget): void {
    if (textOf(before.flat()) === textOf(now.flat())) return
    const { values, end: keyAt } = unpackPrefix(group, ['time', 'time'])
    const [end, start] = values as [number, number]
    const keys = unpackPrefix(group.subarray(keyAt), this.#keyKinds).values
    const push = (rows: Rows, diff: number) => {
      for (const results of rows) {
        this.#output.push({ key: group.subarray(keyAt), keys, start, end }, results, diff)
        spend(budget, 1, valuesBytes(keys) + valuesBytes(results))
      }
    }
    push(before, -1)
    push(now, 1)
  }
}
