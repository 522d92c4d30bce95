/**
 * Keyed aggregation over tumbling and hopping windows. Rows go into panes; a window is emitted once, when the watermark
 * has reached its end, in (end, key) order, and again for each correction by a late row: -1 of what was said, +1 of
 * what holds now.
 *
 * `pane.ts` holds what is new in memory, `pane-table.ts` what is stored; a flush moves the one into the other.
 */
import type { Budget } from '../base/budget.ts'
import { combineHash, mix32 } from '../base/hash.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import type { FieldType } from '../records/schema.ts'
import { planCells } from './aggregation.ts'
import { CellStore } from './cells.ts'
import { areNumbers, type GroupKey, keyText } from './group-key.ts'
import { KeyIndex, keyColumns } from './key-index.ts'
import { MemoryWindow, type OrderedGroups } from './memory-window.ts'
import { RunMerge } from './merge-runs.ts'
import type { Operator, OperatorContext } from './operator.ts'
import { Pane } from './pane.ts'
import { PaneTable } from './pane-table.ts'
import { PaneClock } from './window.ts'
import { type WindowAggregatePlan, WindowOutput } from './window-output.ts'
import { WindowProgress } from './window-progress.ts'

/**
 * Bytes of keys that may stay in memory over a flush. Numbers are added anew faster than they are found in a table that
 * has outgrown the processor's cache; texts are dear to make and to sort.
 */
const NUMBER_BYTES_KEPT = 1 << 20
const TEXT_BYTES_KEPT = 8 << 20
/** Groups merged at a time where a window is read from stored runs. */
const BLOCK_GROUPS = 4096

export class WindowAggregate implements Operator {
  readonly #plan: WindowAggregatePlan
  readonly #clock: PaneClock
  readonly #specs
  readonly #output: WindowOutput
  readonly #keys: KeyIndex
  readonly #keyTypes: readonly FieldType[]
  readonly #keyBytesKept: number
  readonly #cells: CellStore
  readonly #panes = new Map<number, Pane>()
  readonly #memory: MemoryWindow
  readonly #stored: PaneTable
  readonly #progress: WindowProgress
  #watermark: Timestamp = Number.NEGATIVE_INFINITY
  #keyIds = new Int32Array(0)
  #slots = new Int32Array(0)
  #digest = 0
  /** The window being emitted from memory: its groups in key order, and how many are out. */
  #order: (OrderedGroups & { done: number }) | null = null
  /** The window being emitted from stored runs; made anew when its panes change. */
  #merge: RunMerge | null = null

  constructor(plan: WindowAggregatePlan, context: OperatorContext) {
    this.#plan = plan
    this.#clock = new PaneClock(plan.window)
    const { specs, results } = planCells(plan.input, plan.aggregations)
    this.#specs = specs
    this.#output = new WindowOutput(plan, results, context.emit)
    const columns = plan.keys.map((name) => plan.input.names.indexOf(name))
    this.#keyTypes = plan.keys.map((name) => plan.input.fields[name]!)
    this.#keys = new KeyIndex(columns, this.#keyTypes)
    this.#keyBytesKept = areNumbers(this.#keyTypes) ? NUMBER_BYTES_KEPT : TEXT_BYTES_KEPT
    this.#cells = new CellStore(specs)
    this.#memory = new MemoryWindow(specs, this.#clock, this.#keys, this.#cells, this.#panes)
    this.#stored = new PaneTable(context.table('panes'), specs)
    this.#progress = new WindowProgress(context.table('firing'))
  }

  open([watermark]: readonly Timestamp[]): void {
    this.#watermark = watermark!
  }

  onBatch(batch: Batch): void {
    this.#resize(batch.length)
    this.#keys.resolve(batch, this.#keyIds)
    // Rows may fall into the window being emitted: it is ordered anew, behind the last key that is out.
    this.#order = null
    this.#merge = null
    const late = this.#findLate(batch)
    for (const [end, ids] of late) this.#emitCurrent(end, ids, -1)
    this.#takeSlots(batch.times, batch.length)
    this.#cells.addRows(batch, this.#slots)
    for (const [end, ids] of late) this.#emitCurrent(end, ids, 1)
  }

  advance([watermark]: readonly Timestamp[], budget: Budget): boolean {
    this.#watermark = watermark!
    for (;;) {
      if (this.#progress.current === null) {
        const due = this.#nextDue()
        if (due === null) break
        this.#progress.begin(due)
      }
      if (!this.#fire(budget)) return false
    }
    this.#progress.pass(watermark!)
    this.#dropPanes()
    return true
  }

  flush(): void {
    for (const pane of this.#panes.values()) {
      if (pane.size === 0) continue
      this.#merge = null
      const ids = pane.keys.slice(0, pane.size)
      this.#keys.sort(ids)
      const keys = Array.from(ids, (id) => this.#keys.key(id))
      this.#stored.append(
        pane.start,
        keys,
        this.#cells.cells,
        ids.map((id) => pane.find(id)),
      )
      pane.clear()
    }
    this.#panes.clear()
    this.#memory.forget()
    this.#order = null
    if (this.#keys.memoryBytes > this.#keyBytesKept) this.#keys.clear()
    this.#progress.save()
  }

  digest(): number {
    const digest = this.#digest
    this.#digest = 0
    return digest
  }

  memoryBytes(): number {
    return this.#cells.size * (this.#specs.length * 12 + 24) + this.#keys.memoryBytes
  }

  #resize(length: number): void {
    if (this.#keyIds.length >= length) return
    this.#keyIds = new Int32Array(length)
    this.#slots = new Int32Array(length)
  }

  /** The slot of each row, in `#slots`. Rows of one pane tend to follow each other. */
  #takeSlots(times: Float64Array, length: number): void {
    const { width } = this.#clock
    let pane: Pane | null = null
    let start = 0
    let first = 0
    let earliest = Number.POSITIVE_INFINITY
    for (let i = 0; i < length; i++) {
      const time = times[i]!
      if (pane === null || time < start || time >= start + width) {
        this.#digest = combineHash(this.#digest, mix32((i - first) ^ (start / width)))
        first = i
        start = this.#clock.paneOf(time)
        if (start < earliest) earliest = start
        pane = this.#pane(start)
      }
      this.#slots[i] = pane.slotOf(this.#keyIds[i]!)
    }
    this.#digest = combineHash(this.#digest, length - first)
    this.#memory.touch(earliest)
  }

  #pane(start: number): Pane {
    let pane = this.#panes.get(start)
    if (pane === undefined) {
      pane = new Pane(start, this.#cells)
      this.#panes.set(start, pane)
    }
    return pane
  }

  /** The emitted results that rows of this batch will change: keys by window end, in order. */
  #findLate({ times, length }: Batch): [end: number, ids: Int32Array][] {
    const limit = this.#clock.lastEndUpTo(this.#progress.current?.end ?? this.#progress.fired)
    const found = new Map<number, Set<number>>()
    for (let i = 0; i < length; i++) {
      if (times[i]! >= limit) continue
      const id = this.#keyIds[i]!
      for (const end of this.#clock.endsUpTo(this.#clock.paneOf(times[i]!), limit)) {
        if (!this.#progress.isEmitted(end, () => this.#keys.key(id))) continue
        const ids = found.get(end)
        if (ids === undefined) found.set(end, new Set([id]))
        else ids.add(id)
      }
    }
    return [...found.entries()]
      .sort(([a], [b]) => a - b)
      .map(([end, ids]) => {
        const sorted = Int32Array.from(ids)
        this.#keys.sort(sorted)
        return [end, sorted]
      })
  }

  /** Emits what some groups of one window come to now: as a retraction before a change, as an insertion after it. */
  #emitCurrent(end: number, ids: Int32Array, diff: number): void {
    const cells = new CellStore(this.#specs)
    const slots = ids.map(() => cells.take())
    for (let pane = this.#clock.startOf(end); pane < end; pane += this.#clock.width) {
      const inMemory = this.#panes.get(pane)
      const isStored = this.#stored.has(pane)
      ids.forEach((id, i) => {
        const at = inMemory?.find(id) ?? -1
        if (at >= 0) cells.merge(slots[i]!, this.#cells.cells, at)
        if (isStored) this.#stored.read(pane, this.#keys.key(id), cells, slots[i]!)
      })
    }
    this.#output.emitGroups(end, this.#keys.columns(ids), cells, slots, (i) => this.#keys.text(ids[i]!), diff)
  }

  /** The end of the next window to emit that has rows and has passed, or null. */
  #nextDue(): number | null {
    const { fired } = this.#progress
    let due = Number.POSITIVE_INFINITY
    const consider = (pane: number) => {
      if (this.#clock.lastEnd(pane) <= fired) return
      const first = this.#clock.firstEnd(pane)
      due = Math.min(due, first > fired ? first : this.#clock.endAfter(fired))
    }
    for (const pane of this.#panes.keys()) consider(pane)
    for (const pane of this.#stored.panes()) consider(pane)
    return due <= this.#watermark && due < Number.POSITIVE_INFINITY ? due : null
  }

  /**
   * Emits (more of) the window under way; false when the budget ended with it or before. Only groups with rows count, so
   * that a replay, which may find in memory what was stored the first time, pauses behind the same key.
   */
  #fire(budget: Budget): boolean {
    if (budget.rows <= 0) return false
    const { end, after } = this.#progress.current!
    const starts: number[] = []
    for (let pane = this.#clock.startOf(end); pane < end; pane += this.#clock.width) starts.push(pane)
    const last = starts.some((pane) => this.#stored.has(pane))
      ? this.#fireStored(end, after, starts, budget)
      : this.#fireMemory(end, after, budget)
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
    this.#order ??= { ...this.#memory.groups(end, after), done: 0 }
    const { ids, slots, cells, done: from } = this.#order
    const to = Math.min(ids.length, from + budget.rows)
    const part = ids.subarray(from, to)
    this.#output.emitGroups(end, this.#keys.columns(part), cells, slots.subarray(from, to), (i) =>
      this.#keys.text(part[i]!),
    )
    this.#order.done = to
    budget.rows -= to - from
    return budget.rows > 0 ? null : this.#keys.key(ids[to - 1]!)
  }

  /** Emits a window that is partly or wholly stored, by merging its runs; see `#fireMemory`. */
  #fireStored(end: number, after: GroupKey | null, starts: readonly number[], budget: Budget): GroupKey | null {
    this.#merge ??= new RunMerge(
      this.#specs,
      starts.flatMap((pane) => [...this.#stored.cursors(pane, after), ...this.#memory.cursors(pane, after)]),
    )
    while (!this.#merge.isDone && budget.rows > 0) {
      const block = this.#merge.block(Math.min(BLOCK_GROUPS, budget.rows))
      const counts = block.store.cells[0]!.high
      const slots = block.slots.filter((slot) => counts[slot]! > 0)
      if (slots.length === 0) continue
      const keys = Array.from(slots, (slot) => block.keys[slot]!)
      this.#output.emitGroups(end, keyColumns(keys, this.#keyTypes), block.store, slots, (i) => keyText(keys[i]!))
      budget.rows -= keys.length
      if (budget.rows <= 0) return keys.at(-1)!
    }
    return null
  }

  /** Lets go of panes that no window and no late row can need any more. */
  #dropPanes(): void {
    // A late row may still change any window that has not passed by the bound, and that takes all panes of the window.
    const over = Math.min(this.#progress.fired, this.#watermark - this.#plan.bound)
    const isOver = (pane: number) => this.#clock.lastEnd(pane) <= over
    for (const [start, pane] of this.#panes) {
      if (!isOver(start)) continue
      this.#memory.drop(pane)
      pane.clear()
      this.#panes.delete(start)
    }
    for (const start of this.#stored.panes()) if (isOver(start)) this.#stored.remove(start)
  }
}
