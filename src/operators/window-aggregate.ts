/**
 * Keyed aggregation over tumbling and hopping windows. Rows go into panes. A `final` window is emitted once, when the
 * watermark has reached its end, in (end, key) order, and again for each correction by a late row: -1 of what was said,
 * +1 of what holds now. Of an `eager` one everything is said at once, and every change is such a correction.
 */

import { type Budget, isSpent } from '../base/budget.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import { chosenRows } from '../records/row-numbers.ts'
import { type FieldType, indexesOf, typesOf } from '../records/schema.ts'
import { planCells } from './aggregation.ts'
import { Corrections } from './corrections.ts'
import { spendGroups } from './emission.ts'
import { areNumbers, type GroupKey, keyText } from './group-key.ts'
import { KeyIndex, keyColumns } from './key-index.ts'
import type { OrderedGroups } from './memory-window.ts'
import type { RunMerge } from './merge-runs.ts'
import type { Operator, OperatorContext, OperatorLimits } from './operator.ts'
import { Panes } from './panes.ts'
import { PaneClock } from './window.ts'
import { type WindowAggregatePlan, WindowOutput } from './window-output.ts'
import { WindowProgress } from './window-progress.ts'

/**
 * Bytes of keys that may stay in memory over a flush, where they are numbers: these are added anew faster than they are
 * found in a table that has outgrown the processor's cache. Texts are dear to make and to sort: they may fill the cache.
 */
const NUMBER_BYTES_KEPT = 1 << 20
/** Groups merged at a time where a window is read from stored runs. */
const BLOCK_GROUPS = 4096

export class WindowAggregate implements Operator {
  readonly #plan: WindowAggregatePlan
  readonly #clock: PaneClock
  readonly #output: WindowOutput
  readonly #limits: OperatorLimits
  readonly #keys: KeyIndex
  readonly #keyTypes: readonly FieldType[]
  readonly #keyBytesKept: number
  readonly #panes: Panes
  readonly #progress: WindowProgress
  readonly #corrections: Corrections
  #watermark: Timestamp = Number.NEGATIVE_INFINITY
  #keyIds = new Int32Array(0)
  /** The window being emitted from memory: its groups in key order, and how many are out. */
  #order: (OrderedGroups & { done: number }) | null = null
  /** The window being emitted from stored runs; made anew when its panes change. */
  #merge: RunMerge | null = null

  constructor(plan: WindowAggregatePlan, context: OperatorContext) {
    this.#plan = plan
    this.#limits = context.limits
    this.#clock = new PaneClock(plan.window)
    const { specs, results } = planCells(plan.input, plan.aggregations)
    this.#output = new WindowOutput(plan, results, context.emit)
    const columns = indexesOf(plan.input, plan.keys)
    this.#keyTypes = typesOf(plan.input, plan.keys)
    this.#keys = new KeyIndex(columns, this.#keyTypes)
    const { cacheBytesMax } = context.limits
    this.#keyBytesKept = areNumbers(this.#keyTypes) ? Math.min(NUMBER_BYTES_KEPT, cacheBytesMax) : cacheBytesMax
    this.#panes = new Panes(context.table('panes'), specs, this.#clock, this.#keys, context.limits)
    this.#progress = new WindowProgress(context.table('firing'))
    this.#corrections = new Corrections(specs, this.#keys, this.#panes)
  }

  open([watermark]: readonly Timestamp[]): void {
    this.#watermark = watermark!
  }

  onBatch(batch: Batch): void {
    if (this.#keyIds.length < batch.length) this.#keyIds = new Int32Array(batch.length)
    this.#keys.resolve(batch, this.#keyIds)
    // Rows may fall into the window being emitted: it is ordered anew, behind the last key that is out.
    this.#order = null
    this.#merge = null
    this.#noteSaid(batch)
    this.#panes.add(batch, this.#keyIds)
  }

  advance([watermark]: readonly Timestamp[], budget: Budget): boolean {
    this.#watermark = watermark!
    // In full, whatever the budget: nothing that is not said may be left when keys are forgotten at a flush.
    for (const change of this.#corrections.take()) this.#output.emitChange(change, this.#keys, budget)
    for (;;) {
      if (this.#progress.current === null) {
        const due = this.#nextDue()
        if (due === null) break
        this.#progress.begin(due)
      }
      if (!this.#fire(budget)) return false
    }
    this.#progress.pass(watermark!)
    // A late row may still change any window that has not passed by the bound, and that takes all panes of the window.
    this.#panes.drop(Math.min(this.#progress.fired, watermark! - this.#plan.bound))
    return true
  }

  flush(): void {
    if (this.#panes.flush()) this.#merge = null
    this.#order = null
    if (this.#keys.memoryBytes > this.#keyBytesKept) this.#keys.clear()
    this.#progress.save()
  }

  digest(): number {
    return this.#panes.digest()
  }

  isBehind(): boolean {
    return this.#panes.isBehind
  }

  memoryBytes(): number {
    return this.#panes.memoryBytes + this.#keys.memoryBytes
  }

  /** Notes the groups that the batch is about to change after something was said of them. */
  #noteSaid({ times, length }: Batch): void {
    const isEager = this.#plan.emit === 'eager'
    const fired = this.#progress.current?.end ?? this.#progress.fired
    const limit = isEager ? Number.POSITIVE_INFINITY : this.#clock.lastEndUpTo(fired)
    let pane = Number.NaN
    let ends: readonly number[] = []
    for (let i = 0; i < length; i++) {
      if (times[i]! >= limit) continue
      const start = this.#clock.paneOf(times[i]!)
      if (start !== pane) {
        pane = start
        ends = [...this.#clock.endsUpTo(start, limit)]
      }
      const id = this.#keyIds[i]!
      for (const end of ends) {
        if (isEager || this.#progress.isEmitted(end, () => this.#keys.key(id))) this.#corrections.note(end, id)
      }
    }
    this.#corrections.capture()
  }

  /** The end of the next window to emit that has rows and has passed, or null. */
  #nextDue(): number | null {
    if (this.#plan.emit === 'eager') return null
    const { fired } = this.#progress
    let due = Number.POSITIVE_INFINITY
    for (const start of this.#panes.starts()) {
      if (this.#clock.lastEnd(start) <= fired) continue
      const first = this.#clock.firstEnd(start)
      due = Math.min(due, first > fired ? first : this.#clock.endAfter(fired))
    }
    return due <= this.#watermark && due < Number.POSITIVE_INFINITY ? due : null
  }

  /**
   * Emits (more of) the window under way; false when the budget ended with it or before. Only groups with rows count, so
   * that a replay, which may find in memory what was stored the first time, pauses behind the same key.
   */
  #fire(budget: Budget): boolean {
    if (isSpent(budget)) return false
    const { end, after } = this.#progress.current!
    const last = this.#panes.isStored(end) ? this.#fireStored(end, after, budget) : this.#fireMemory(end, after, budget)
    if (last !== null) {
      this.#progress.pause(last)
      return false
    }
    this.#order = null
    this.#merge = null
    this.#progress.finish()
    return true
  }

  /** Emits from memory alone; returns the last key that was emitted if the budget has ended. */
  #fireMemory(end: number, after: GroupKey | null, budget: Budget): GroupKey | null {
    this.#order ??= { ...this.#panes.groups(end, after), done: 0 }
    const { ids, slots, cells, done: from } = this.#order
    const { rowBytes } = this.#output
    const keyBytes = this.#keys.isWide ? (i: number) => this.#keys.text(ids[i]!).length : null
    const to = spendGroups(budget, { from, to: ids.length, rowBytes }, keyBytes)
    const part = ids.subarray(from, to)
    this.#output.emitGroups(end, this.#keys.columns(part), cells, slots.subarray(from, to), (i) =>
      this.#keys.text(part[i]!),
    )
    this.#order.done = to
    return isSpent(budget) ? this.#keys.key(ids[to - 1]!) : null
  }

  /** Emits a window that is partly or wholly stored, by merging its runs; see `#fireMemory`. */
  #fireStored(end: number, after: GroupKey | null, budget: Budget): GroupKey | null {
    this.#merge ??= this.#panes.merge(end, after)
    const { rowBytes } = this.#output
    const { isWide } = this.#keys
    const { batchBytesMax } = this.#limits
    while (!this.#merge.isDone && !isSpent(budget)) {
      // No more than the budget would take if every group had rows: what is merged must be emitted.
      const block = this.#merge.block({
        groups: Math.min(BLOCK_GROUPS, budget.rows),
        bytes: Math.min(batchBytesMax, budget.bytes),
        groupBytes: rowBytes,
        isWide,
      })
      const counts = block.store.cells[0]!.high
      const slots = chosenRows(block.slots, (slot) => counts[slot]! > 0)
      if (slots.length === 0) continue
      const keys = slots.length === block.keys.length ? block.keys : Array.from(slots, (slot) => block.keys[slot]!)
      this.#output.emitGroups(end, keyColumns(keys, this.#keyTypes), block.store, slots, (i) => keyText(keys[i]!))
      const keyBytes = isWide ? (i: number) => (keys[i] as string).length : null
      spendGroups(budget, { from: 0, to: keys.length, rowBytes }, keyBytes)
      if (isSpent(budget)) return keys.at(-1)!
    }
    return null
  }
}
