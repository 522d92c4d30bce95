/**
 * The stored half of panes: runs by pane in a table. What is read is merged from them. A pane that is removed is gone at once for
 * whoever reads; its keys go from flush to flush, since all of them at once may be many times what the write set may hold.
 * Those that a restart finds are a pane again, which is over, and is removed as before.
 */
import type { KeyedTable } from '../storage/table.ts'
import type { Cell, CellSpec, CellStore } from './cells.ts'
import type { GroupKey } from './group-key.ts'
import { LastKeys } from './last-keys.ts'
import type { RunCursor } from './merge-runs.ts'
import type { OperatorLimits } from './operator.ts'
import { PaneRuns } from './pane-runs.ts'
import { chunkLimits } from './run.ts'
import { chunkPlace, type RunTable } from './stored-run.ts'

/** What a group of a run takes in memory, beside its cells. */
const GROUP_BYTES = 128
const WINDOW_GROUPS_MIN = 16

export class PaneTable {
  readonly #table: RunTable
  readonly #limits: OperatorLimits
  /** The table is the truth, this its index. */
  readonly #panes = new Map<number, PaneRuns>()
  /** Those with merges under way. */
  readonly #merging = new Set<PaneRuns>()
  /** Removed, with keys that are still in the table; by start. */
  readonly #leaving = new Map<number, PaneRuns>()

  constructor(table: KeyedTable, specs: readonly CellSpec[], limits: OperatorLimits) {
    const { cacheBytesMax } = limits
    const lasts = new LastKeys(cacheBytesMax)
    this.#table = { table, specs, chunkLimits: chunkLimits(specs, cacheBytesMax), lasts }
    this.#limits = limits
    for (const [key] of table.range({ keysOnly: true })) {
      const [pane, run, chunk] = chunkPlace(key)
      this.#of(pane).count(run, chunk)
    }
    for (const pane of this.#panes.values()) {
      pane.beginAll()
      this.#note(pane)
    }
  }

  #of(start: number): PaneRuns {
    let pane = this.#panes.get(start)
    if (pane === undefined) {
      // Its runs would have the numbers of those that leave.
      this.#leaving.get(start)?.letGo(Number.POSITIVE_INFINITY)
      this.#panes.set(start, (pane = new PaneRuns(this.#table, start)))
    }
    return pane
  }

  #note(pane: PaneRuns): void {
    if (pane.isMerging) this.#merging.add(pane)
    else this.#merging.delete(pane)
  }

  /** Of a pane. */
  runs(pane: number): number {
    return this.#panes.get(pane)?.all.length ?? 0
  }

  /** As many groups of each run as let `runs` of them be merged within the cache. */
  windowGroups(runs: number): number {
    const groupBytes = GROUP_BYTES + this.#table.specs.length * 16
    return Math.max(WINDOW_GROUPS_MIN, Math.floor(this.#limits.cacheBytesMax / Math.max(1, runs) / groupBytes))
  }

  /** Panes that have runs, ascending. */
  panes(): number[] {
    return [...this.#panes.keys()].sort((a, b) => a - b)
  }

  has(pane: number): boolean {
    return this.#panes.has(pane)
  }

  /** Adds a run of groups whose cells stand at `slots`, for keys in ascending order. */
  append(start: number, keys: readonly GroupKey[], cells: readonly Cell[], slots: Int32Array): void {
    const pane = this.#of(start)
    pane.append(keys, cells, slots)
    this.#note(pane)
  }

  /** True while merges lag behind what is appended: then there must be more of them than of that. */
  get isBehind(): boolean {
    for (const pane of this.#merging) if (pane.isBehind) return true
    return false
  }

  /**
   * Goes on with letting go and with merges, which pass through the write set: by half of what it may hold, or by all where
   * they lag.
   * @returns false when there was nothing to merge
   */
  merge(): boolean {
    let bytes = this.#limits.writeSetBytesMax / (this.isBehind ? 1 : 2)
    bytes -= this.#letGo(bytes)
    if (this.#merging.size === 0) return false
    for (const pane of this.#merging) {
      if (bytes <= 0) break
      bytes -= pane.merge(bytes, this.windowGroups(pane.all.length))
      // Behind the others.
      this.#merging.delete(pane)
      this.#note(pane)
    }
    return true
  }

  /** Cursors over the runs of a pane, behind the key `after`, each with at most `groups` groups in memory. */
  cursors(pane: number, after: GroupKey | null, groups: number): RunCursor[] {
    return (this.#panes.get(pane)?.all ?? []).map((run) => run.cursor(after, groups))
  }

  /** Merges the cells of some groups, whose keys ascend, from all runs of a pane into their slots. */
  read(pane: number, keys: readonly GroupKey[], into: CellStore, slots: Int32Array): void {
    for (const run of this.#panes.get(pane)?.all ?? []) {
      run.find(keys, (which, cells, at) => into.merge(slots[which]!, cells, at))
    }
  }

  remove(start: number): void {
    const pane = this.#panes.get(start)
    if (pane === undefined) return
    this.#leaving.set(start, pane)
    this.#panes.delete(start)
    this.#merging.delete(pane)
  }

  #letGo(bytes: number): number {
    let taken = 0
    for (const [start, pane] of this.#leaving) {
      if (taken >= bytes) break
      taken += pane.letGo(bytes - taken)
      if (pane.all.length === 0) this.#leaving.delete(start)
    }
    return taken
  }
}
