/**
 * The stored half of panes: per pane a list of sorted runs in a table, merged when they become many. Reading merges the
 * runs; removing a pane removes its keys. Keys: f64 pane start (order-preserving), u32 run, u32 chunk.
 */
import { packValues, unpackKey } from '../records/key.ts'
import { type KeyedTable, prefixEnd } from '../storage/table.ts'
import type { Cell, CellSpec, CellStore } from './cells.ts'
import { type GroupKey, isBefore, lowerBound } from './group-key.ts'
import { type RunCursor, RunMerge } from './merge-runs.ts'
import { CHUNK_GROUPS, decodeChunk, encodeChunk, type RunChunk } from './run.ts'

/** As many runs of one level are merged into one of the next, so that a group is rewritten once a level. */
const FAN_IN = 8
/** A run's number is its level times this, plus a counter. */
const LEVEL = 2 ** 40
const LEVELS = 16
/** Chunks (of some 64 KB) that are merged in one go. */
const MERGE_CHUNKS_MAX = 128

const paneKey = (pane: number, run?: number, chunk?: number): Uint8Array => {
  const values = [pane, run, chunk].filter((value) => value !== undefined)
  return packValues(values)
}

class StoredCursor implements RunCursor {
  readonly #read: (chunk: number) => RunChunk | undefined
  #chunk: RunChunk | undefined
  #index: number
  at = 0

  /** @param first the first chunk that has a key behind `after` */
  constructor(read: (chunk: number) => RunChunk | undefined, first: number, after: GroupKey | null) {
    this.#read = read
    this.#index = first
    this.#chunk = read(first)
    while (after !== null && this.key !== undefined && !isBefore(after, this.key)) this.step()
  }
  get key(): GroupKey | undefined {
    return this.#chunk?.keys[this.at]
  }
  get cells(): readonly Cell[] {
    return this.#chunk!.cells
  }
  step(): void {
    if (++this.at === this.#chunk!.keys.length) this.#next()
  }
  #next(): void {
    this.#chunk = this.#read(++this.#index)
    this.at = 0
  }
}

export class PaneTable {
  readonly #table: KeyedTable
  readonly #specs: readonly CellSpec[]
  /** Runs of each pane, by number; the table is the truth, this its index. */
  readonly #runs = new Map<number, number[]>()
  readonly #lasts = new Map<number, GroupKey[]>()
  #nextRun = 1

  constructor(table: KeyedTable, specs: readonly CellSpec[]) {
    this.#table = table
    this.#specs = specs
    for (const [key] of table.range()) {
      const [pane, run] = unpackKey(key, ['float', 'int', 'int']) as [number, number, number]
      const runs = this.#runs.get(pane) ?? []
      if (!runs.includes(run)) runs.push(run)
      this.#runs.set(pane, runs)
      this.#nextRun = Math.max(this.#nextRun, (run % LEVEL) + 1)
    }
  }

  /** Panes that have runs, ascending. */
  panes(): number[] {
    return [...this.#runs.keys()].sort((a, b) => a - b)
  }

  has(pane: number): boolean {
    return this.#runs.has(pane)
  }

  /** Adds a run of groups whose cells stand at `slots`, for keys in ascending order. */
  append(pane: number, keys: readonly GroupKey[], cells: readonly Cell[], slots: Int32Array): void {
    const run = this.#nextRun++
    const lasts: GroupKey[] = []
    for (let from = 0, chunk = 0; from < keys.length; from += CHUNK_GROUPS, chunk++) {
      const part = keys.slice(from, from + CHUNK_GROUPS)
      this.#table.put(paneKey(pane, run, chunk), encodeChunk(part, cells, slots, from))
      lasts.push(part.at(-1)!)
    }
    this.#lasts.set(run, lasts)
    this.#runs.set(pane, [...(this.#runs.get(pane) ?? []), run])
    this.#mergeLevels(pane)
  }

  /** Cursors over the runs of a pane, behind the key `after`. */
  cursors(pane: number, after: GroupKey | null = null): RunCursor[] {
    return (this.#runs.get(pane) ?? []).map((run) => this.#cursor(pane, run, after))
  }

  /** Merges the cells of some groups, whose keys ascend, from all runs of a pane into their slots. */
  read(pane: number, keys: readonly GroupKey[], into: CellStore, slots: Int32Array): void {
    for (const run of this.#runs.get(pane) ?? []) {
      const lasts = this.#lastKeys(pane, run)
      let index = -1
      let chunk: RunChunk | undefined
      keys.forEach((key, i) => {
        const holder = lowerBound(lasts, key)
        if (holder !== index) {
          index = holder
          chunk = this.#chunk(pane, run, holder)
        }
        const at = chunk === undefined ? -1 : indexOfKey(chunk.keys, key)
        if (at >= 0) into.merge(slots[i]!, chunk!.cells, at)
      })
    }
  }

  remove(pane: number): void {
    for (const run of this.#runs.get(pane) ?? []) this.#removeRun(pane, run)
    this.#runs.delete(pane)
  }

  #removeRun(pane: number, run: number): void {
    const prefix = paneKey(pane, run)
    const keys = [...this.#table.range({ from: prefix, to: prefixEnd(prefix) })].map(([key]) => key)
    for (const key of keys) this.#table.remove(key)
    this.#lasts.delete(run)
  }

  #chunk(pane: number, run: number, chunk: number): RunChunk | undefined {
    const bytes = this.#table.get(paneKey(pane, run, chunk))
    return bytes && decodeChunk(bytes, this.#specs)
  }

  #cursor(pane: number, run: number, after: GroupKey | null): RunCursor {
    const lasts = this.#lastKeys(pane, run)
    const first = after === null ? 0 : lowerBound(lasts, after)
    return new StoredCursor((chunk) => this.#chunk(pane, run, chunk), first, after)
  }

  /** The last key of each chunk of a run, so that one group is found without reading its neighbours. */
  #lastKeys(pane: number, run: number): readonly GroupKey[] {
    let lasts = this.#lasts.get(run)
    if (lasts === undefined) {
      lasts = []
      for (let part = this.#chunk(pane, run, 0); part !== undefined; part = this.#chunk(pane, run, lasts.length)) {
        lasts.push(part.keys.at(-1)!)
      }
      this.#lasts.set(run, lasts)
    }
    return lasts
  }

  #mergeLevels(pane: number): void {
    for (let level = 0; level < LEVELS; level++) {
      const runs = this.#runs.get(pane)!
      const ofLevel = runs.filter((run) => Math.floor(run / LEVEL) === level)
      if (ofLevel.length < FAN_IN || !this.#isSmall(pane, ofLevel)) return
      const target = (level + 1) * LEVEL + this.#nextRun++
      this.#merge(pane, ofLevel, target)
      this.#runs.set(pane, [...runs.filter((run) => !ofLevel.includes(run)), target])
    }
  }

  /** A merge passes through the write set: only what fits there is merged, larger runs stay side by side. */
  #isSmall(pane: number, runs: readonly number[]): boolean {
    let chunks = 0
    for (const run of runs) chunks += this.#lastKeys(pane, run).length
    return chunks <= MERGE_CHUNKS_MAX
  }

  #merge(pane: number, runs: readonly number[], target: number): void {
    const merge = new RunMerge(
      this.#specs,
      runs.map((run) => this.#cursor(pane, run, null)),
    )
    const lasts: GroupKey[] = []
    while (!merge.isDone) {
      const { keys, store, slots } = merge.block(CHUNK_GROUPS)
      this.#table.put(paneKey(pane, target, lasts.length), encodeChunk(keys, store.cells, slots, 0))
      lasts.push(keys.at(-1)!)
    }
    this.#lasts.set(target, lasts)
    for (const run of runs) this.#removeRun(pane, run)
  }
}

function indexOfKey(keys: readonly GroupKey[], key: GroupKey): number {
  const at = lowerBound(keys, key)
  return keys[at] === key ? at : -1
}
