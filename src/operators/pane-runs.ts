/**
 * The runs of one pane, in levels: as many of one level are merged into one of the next, so that a group is rewritten once
 * a level and the number of runs grows with the logarithm of the state. A merge goes on in slices from flush to flush:
 * after each, what has been merged stands in the target alone and the rest in the sources, and nothing else is remembered.
 * A merge that a restart has cut off leaves a smaller run, and those of its level begin another.
 */
import type { Cell } from './cells.ts'
import type { GroupKey } from './group-key.ts'
import { RunMerge } from './merge-runs.ts'
import { type RunTable, StoredRun } from './stored-run.ts'

const FAN_IN = 8
/** So many of a level wait for a merge at the most, before state must not grow. */
const WAITING_MAX = 2 * FAN_IN
/** A run's number is its level times this, plus a counter. */
const LEVEL = 2 ** 40

interface LevelMerge {
  readonly level: number
  readonly sources: readonly StoredRun[]
  readonly target: StoredRun
}

const levelOf = (run: StoredRun): number => Math.floor(run.number / LEVEL)

export class PaneRuns {
  readonly #table: RunTable
  readonly #pane: number
  #runs: StoredRun[] = []
  #next = 1
  /** Of different levels, the lowest first: runs of the lowest come the fastest. */
  readonly #merges: LevelMerge[] = []

  constructor(table: RunTable, pane: number) {
    this.#table = table
    this.#pane = pane
  }

  get all(): readonly StoredRun[] {
    return this.#runs
  }

  /** Counts a chunk that is in the table; chunks come in the order of their keys. */
  count(number: number, chunk: number): void {
    let run = this.#runs.at(-1)
    if (run?.number !== number) run = this.#add(number, chunk)
    run.count()
  }

  append(keys: readonly GroupKey[], cells: readonly Cell[], slots: Int32Array): void {
    this.#add(this.#next).append(keys, cells, slots)
    this.#begin(0)
  }

  /** Begins the merges that are due: after runs were counted. */
  beginAll(): void {
    const levels = new Set(this.#runs.map(levelOf))
    for (const level of levels) this.#begin(level)
  }

  get isMerging(): boolean {
    return this.#merges.length > 0
  }

  /** True while merges lag behind. */
  get isBehind(): boolean {
    return this.#merges.some(({ level }) => this.#waiting(level).length >= WAITING_MAX)
  }

  /**
   * Goes on with the merge of the lowest level, until `bytes` are written or it is done.
   * @param groups of each run in memory
   * @returns bytes that were written
   */
  merge(bytes: number, groups: number): number {
    const { sources, target, level } = this.#merges[0]!
    const cursors = sources.map((run) => run.cursor(null, groups))
    const all = new RunMerge(this.#table.specs, cursors)
    const most = { ...this.#table.chunkLimits, isWide: typeof cursors[0]!.key === 'string' }
    let written = 0
    while (!all.isDone && written < bytes) {
      const { keys, store, slots } = all.block(most)
      written += target.append(keys, store.cells, slots)
    }
    sources.forEach((run, i) => {
      written += run.trim(cursors[i]!.position)
    })
    if (all.isDone) {
      this.#runs = this.#runs.filter((run) => !sources.includes(run))
      this.#merges.shift()
      this.#begin(level)
      this.#begin(level + 1)
    }
    return written
  }

  /** Lets go of what is stored, within `bytes` of the write set, and of no less than a chunk. @returns bytes that it took */
  letGo(bytes: number): number {
    let taken = 0
    while (this.#runs.length > 0 && taken < bytes) {
      const run = this.#runs.at(-1)!
      taken += run.letGo(bytes - taken)
      if (run.isEmpty) this.#runs.pop()
    }
    return taken
  }

  #add(number: number, first = 0): StoredRun {
    const run = new StoredRun(this.#table, this.#pane, number, first)
    this.#runs.push(run)
    this.#next = Math.max(this.#next, (number % LEVEL) + 1)
    return run
  }

  /** Runs of a level that no merge has to do with. */
  #waiting(level: number): StoredRun[] {
    const isBusy = (run: StoredRun) =>
      this.#merges.some(({ sources, target }) => target === run || sources.includes(run))
    return this.#runs.filter((run) => levelOf(run) === level && !isBusy(run))
  }

  #begin(level: number): void {
    if (this.#merges.some((merge) => merge.level === level)) return
    const sources = this.#waiting(level)
    if (sources.length < FAN_IN) return
    const target = this.#add((level + 1) * LEVEL + this.#next)
    this.#merges.push({ level, sources, target })
    this.#merges.sort((a, b) => a.level - b.level)
  }
}
