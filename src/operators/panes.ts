/** The panes of one operator: what rows have brought since the last flush is in memory, everything before it stored. */
import { combineHash, mix32 } from '../base/hash.ts'
import type { Batch } from '../records/batch.ts'
import type { KeyedTable } from '../storage/table.ts'
import { type CellSpec, CellStore } from './cells.ts'
import type { GroupKey } from './group-key.ts'
import type { KeyIndex } from './key-index.ts'
import { MemoryWindow, type OrderedGroups } from './memory-window.ts'
import { RunMerge } from './merge-runs.ts'
import type { OperatorLimits } from './operator.ts'
import { Pane } from './pane.ts'
import { PaneTable } from './pane-table.ts'
import type { PaneClock } from './window.ts'

export class Panes {
  readonly #specs: readonly CellSpec[]
  readonly #clock: PaneClock
  readonly #keys: KeyIndex
  readonly #cells: CellStore
  readonly #panes = new Map<number, Pane>()
  readonly #memory: MemoryWindow
  readonly #stored: PaneTable
  #slots = new Int32Array(0)
  /** By key id, for a flush. */
  #scratch = new Int32Array(0)
  #digest = 0

  constructor(table: KeyedTable, specs: readonly CellSpec[], clock: PaneClock, keys: KeyIndex, limits: OperatorLimits) {
    this.#specs = specs
    this.#clock = clock
    this.#keys = keys
    this.#cells = new CellStore(specs)
    this.#memory = new MemoryWindow(specs, clock, keys, this.#cells, this.#panes)
    this.#stored = new PaneTable(table, specs, limits)
  }

  /** Adds rows; `keyIds[i]` is the key of row i. */
  add(batch: Batch, keyIds: Int32Array): void {
    if (this.#slots.length < batch.length) this.#slots = new Int32Array(batch.length)
    this.#takeSlots(batch, keyIds)
    this.#cells.addRows(batch, this.#slots)
  }

  /** Starts of all panes that have rows; one that is both stored and in memory comes twice. */
  *starts(): Iterable<number> {
    yield* this.#panes.keys()
    yield* this.#stored.panes()
  }

  /** Adds up the cells of some groups, whose key ids are in key order, in the window that ends at `end`. */
  read(end: number, ids: Int32Array, into: CellStore, slots: Int32Array): void {
    let keys: GroupKey[] | null = null
    for (const start of this.#startsOf(end)) {
      const pane = this.#panes.get(start)
      if (pane !== undefined) {
        ids.forEach((id, i) => {
          const at = pane.find(id)
          if (at >= 0) into.merge(slots[i]!, this.#cells.cells, at)
        })
      }
      if (!this.#stored.has(start)) continue
      keys ??= Array.from(ids, (id) => this.#keys.key(id))
      this.#stored.read(start, keys, into, slots)
    }
  }

  /** True when part of the window that ends at `end` is stored: then it is read by `merge`, else by `groups`. */
  isStored(end: number): boolean {
    return this.#startsOf(end).some((start) => this.#stored.has(start))
  }

  /** The groups with rows of a window that is in memory alone, behind the key `after`. */
  groups(end: number, after: GroupKey | null): OrderedGroups {
    return this.#memory.groups(end, after)
  }

  /** The groups of a window behind the key `after`, merged on the way. Void as soon as a pane changes. */
  merge(end: number, after: GroupKey | null): RunMerge {
    const starts = this.#startsOf(end)
    const groups = this.#stored.windowGroups(starts.reduce((sum, start) => sum + this.#stored.runs(start), 0))
    const cursors = starts.flatMap((start) => [
      ...this.#stored.cursors(start, after, groups),
      ...this.#memory.cursors(start, after),
    ])
    return new RunMerge(this.#specs, cursors)
  }

  /** Stores what is in memory, and goes on with merges of what is stored. Returns false when there was nothing to do. */
  flush(): boolean {
    let isChanged = false
    for (const pane of this.#panes.values()) {
      if (pane.size === 0) continue
      isChanged = true
      const ids = pane.keys.slice(0, pane.size)
      this.#keys.sort(ids)
      const keys = this.#keys.keysOf(ids)
      if (this.#scratch.length < this.#keys.size) this.#scratch = new Int32Array(this.#keys.size)
      const slots = pane.slotsOf(ids, this.#scratch)
      this.#stored.append(pane.start, keys, this.#cells.cells, slots)
      pane.clear()
    }
    this.#panes.clear()
    this.#memory.forget()
    return this.#stored.merge() || isChanged
  }

  /** See the operator's. */
  get isBehind(): boolean {
    return this.#stored.isBehind
  }

  /** Lets go of the panes whose last window ends at or before `over`. */
  drop(over: number): void {
    const isOver = (start: number) => this.#clock.lastEnd(start) <= over
    for (const [start, pane] of this.#panes) {
      if (!isOver(start)) continue
      this.#memory.drop(pane)
      pane.clear()
      this.#panes.delete(start)
    }
    for (const start of this.#stored.panes()) if (isOver(start)) this.#stored.remove(start)
  }

  /** A hash of what was added since the last call. */
  digest(): number {
    const digest = this.#digest
    this.#digest = 0
    return digest
  }

  get memoryBytes(): number {
    return (this.#cells.size + this.#memory.size) * (this.#specs.length * 16 + 24)
  }

  #startsOf(end: number): number[] {
    const starts: number[] = []
    for (let start = this.#clock.startOf(end); start < end; start += this.#clock.width) starts.push(start)
    return starts
  }

  /** The slot of each row, in `#slots`. Rows of one pane tend to follow each other. */
  #takeSlots({ times, length }: Batch, keyIds: Int32Array): void {
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
      this.#slots[i] = pane.slotOf(keyIds[i]!)
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
}
