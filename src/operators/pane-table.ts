/**
 * The stored half of panes: per pane a list of sorted runs in a table, merged when they become many. Reading merges the
 * runs; removing a pane removes its keys. Keys: f64 pane start (order-preserving), u32 run, u32 chunk.
 */
import { packValues, unpackKey } from '../records/key.ts'
import type { KeyedTable } from '../storage/table.ts'
import type { Cell, CellSpec, CellStore } from './cells.ts'
import { type GroupKey, isBefore, lowerBound, lowerBoundOf } from './group-key.ts'
import { type RunCursor, RunMerge } from './merge-runs.ts'
import type { OperatorLimits } from './operator.ts'
import { type ChunkLimits, chunkEnd, chunkLimits, decodeChunk, encodeChunk, lastKeyOf, type RunChunk } from './run.ts'
import { STRING_BYTES } from './value-index.ts'

/** As many runs of one level are merged into one of the next, so that a group is rewritten once a level. */
const FAN_IN = 8
/** A run's number is its level times this, plus a counter. */
const LEVEL = 2 ** 40
const LEVELS = 16
/** Bytes of runs that are merged in one go, as a part of what the write set may hold. */
const MERGE_SHARE = 4
/** What a group of a run takes in memory, beside its cells. */
const GROUP_BYTES = 128
const WINDOW_GROUPS_MIN = 16

const paneKey = (pane: number, run?: number, chunk?: number): Uint8Array => {
  const values = [pane, run, chunk].filter((value) => value !== undefined)
  return packValues(values)
}

/** Reads some groups of a chunk, from one on. */
type ReadWindow = (chunk: number, from: number) => RunChunk | undefined

class StoredCursor implements RunCursor {
  readonly #read: ReadWindow
  #chunk: RunChunk | undefined
  #index: number
  /** Groups of the chunk before those at hand. */
  #from = 0
  at = 0

  /** @param first the first chunk that has a key behind `after` */
  constructor(read: ReadWindow, first: number, after: GroupKey | null) {
    this.#read = read
    this.#index = first
    this.#chunk = read(first, 0)
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
    this.#from += this.at
    if (this.#from === this.#chunk!.groups) {
      this.#index++
      this.#from = 0
    }
    this.#chunk = this.#read(this.#index, this.#from)
    this.at = 0
  }
}

/** How large a run is. */
interface RunSize {
  chunks: number
  bytes: number
}

export class PaneTable {
  readonly #table: KeyedTable
  readonly #specs: readonly CellSpec[]
  /** Runs of each pane, by number; the table is the truth, this its index. */
  readonly #runs = new Map<number, number[]>()
  readonly #sizes = new Map<number, RunSize>()
  /** The last key of each chunk of some runs: a cache. */
  readonly #lasts = new Map<number, GroupKey[]>()
  readonly #limits: OperatorLimits
  readonly #chunkLimits: ChunkLimits
  #lastsBytes = 0
  #nextRun = 1
  /** Bytes that may still be merged before the next flush. */
  #mergeBytesLeft: number

  constructor(table: KeyedTable, specs: readonly CellSpec[], limits: OperatorLimits) {
    this.#table = table
    this.#specs = specs
    this.#limits = limits
    this.#chunkLimits = chunkLimits(specs.length, limits.cacheBytesMax)
    this.#mergeBytesLeft = limits.writeSetBytesMax / 2
    for (const [key, chunk] of table.range()) {
      const [pane, run] = unpackKey(key, ['float', 'int', 'int']) as [number, number, number]
      if (!this.#sizes.has(run)) this.#addRun(pane, run)
      this.#count(run, chunk)
      this.#nextRun = Math.max(this.#nextRun, (run % LEVEL) + 1)
    }
  }

  #addRun(pane: number, run: number): void {
    const runs = this.#runs.get(pane)
    if (runs === undefined) this.#runs.set(pane, [run])
    else runs.push(run)
    this.#sizes.set(run, { chunks: 0, bytes: 0 })
  }

  #count(run: number, chunk: Uint8Array): void {
    const size = this.#sizes.get(run)!
    size.chunks++
    size.bytes += chunk.length
  }

  #putChunk(pane: number, run: number, chunk: Uint8Array): void {
    this.#table.put(paneKey(pane, run, this.#sizes.get(run)!.chunks), chunk)
    this.#count(run, chunk)
  }

  /** Comes before what a flush appends: what is merged with that passes through the write set too. */
  startFlush(): void {
    this.#mergeBytesLeft = this.#limits.writeSetBytesMax / 2
  }

  /** Of a pane. */
  runs(pane: number): number {
    return this.#runs.get(pane)?.length ?? 0
  }

  /** As many groups of each run as let `runs` of them be merged within the cache. */
  windowGroups(runs: number): number {
    const groupBytes = GROUP_BYTES + this.#specs.length * 16
    return Math.max(WINDOW_GROUPS_MIN, Math.floor(this.#limits.cacheBytesMax / Math.max(1, runs) / groupBytes))
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
    this.#addRun(pane, run)
    const lasts: GroupKey[] = []
    for (let from = 0; from < keys.length; ) {
      const part = keys.slice(from, chunkEnd(keys, from, this.#chunkLimits))
      this.#putChunk(pane, run, encodeChunk(part, cells, slots, from))
      lasts.push(part.at(-1)!)
      from += part.length
    }
    this.#keepLasts(run, lasts)
    this.#mergeLevels(pane)
  }

  /** Cursors over the runs of a pane, behind the key `after`, each with at most `groups` groups in memory. */
  cursors(pane: number, after: GroupKey | null, groups: number): RunCursor[] {
    return (this.#runs.get(pane) ?? []).map((run) => this.#cursor(pane, run, after, groups))
  }

  /** Merges the cells of some groups, whose keys ascend, from all runs of a pane into their slots. */
  read(pane: number, keys: readonly GroupKey[], into: CellStore, slots: Int32Array): void {
    for (const run of this.#runs.get(pane) ?? []) {
      const holderOf = this.#search(pane, run, keys.length)
      let index = -1
      let chunk: RunChunk | undefined
      keys.forEach((key, i) => {
        const holder = holderOf(key)
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
    const { chunks } = this.#sizes.get(run)!
    for (let chunk = 0; chunk < chunks; chunk++) this.#table.remove(paneKey(pane, run, chunk))
    this.#sizes.delete(run)
    this.#forgetLasts(run)
  }

  #chunk(pane: number, run: number, chunk: number, from?: number, groups?: number): RunChunk | undefined {
    const bytes = this.#table.get(paneKey(pane, run, chunk))
    return bytes && decodeChunk(bytes, this.#specs, from, groups)
  }

  #cursor(pane: number, run: number, after: GroupKey | null, groups: number): RunCursor {
    const first = after === null ? 0 : this.#search(pane, run, 1)(after)
    return new StoredCursor((chunk, from) => this.#chunk(pane, run, chunk, from, groups), first, after)
  }

  /** The last key of each chunk of a run, so that one group is found without reading its neighbours. */
  #lastKeys(pane: number, run: number): readonly GroupKey[] {
    let lasts = this.#lasts.get(run)
    if (lasts === undefined) {
      const { chunks } = this.#sizes.get(run)!
      lasts = Array.from({ length: chunks }, (_, c) => this.#lastKey(pane, run, c))
      this.#keepLasts(run, lasts)
    }
    return lasts
  }

  /** Finds the chunk that would hold a key. A few keys are looked for in the chunks, rather than to read all of these. */
  #search(pane: number, run: number, keys: number): (key: GroupKey) => number {
    const { chunks } = this.#sizes.get(run)!
    if (!this.#lasts.has(run) && keys * Math.ceil(Math.log2(chunks + 1)) < chunks) {
      return (key) => lowerBoundOf(chunks, (c) => this.#lastKey(pane, run, c), key)
    }
    const lasts = this.#lastKeys(pane, run)
    return (key) => lowerBound(lasts, key)
  }

  #lastKey(pane: number, run: number, chunk: number): GroupKey {
    return lastKeyOf(this.#table.get(paneKey(pane, run, chunk))!, this.#specs)
  }

  #keepLasts(run: number, lasts: GroupKey[]): void {
    const bytes = bytesOfKeys(lasts)
    if (bytes > this.#limits.cacheBytesMax / 4) return
    this.#lasts.set(run, lasts)
    this.#lastsBytes += bytes
    // All of them go: the next few look-ups read again what they need.
    if (this.#lastsBytes <= this.#limits.cacheBytesMax) return
    this.#lasts.clear()
    this.#lastsBytes = 0
  }

  #forgetLasts(run: number): void {
    const lasts = this.#lasts.get(run)
    if (lasts === undefined) return
    this.#lasts.delete(run)
    this.#lastsBytes -= bytesOfKeys(lasts)
  }

  #mergeLevels(pane: number): void {
    for (let level = 0; level < LEVELS; level++) {
      const runs = this.#runs.get(pane)!
      const chosen = this.#mergeable(runs.filter((run) => Math.floor(run / LEVEL) === level))
      if (chosen.length < FAN_IN) return
      const target = (level + 1) * LEVEL + this.#nextRun++
      this.#addRun(pane, target)
      this.#merge(pane, chosen, target)
      this.#runs.set(pane, [...runs.filter((run) => !chosen.includes(run))])
    }
  }

  /** A merge passes through the write set: only what fits there is merged, larger runs stay side by side. */
  #mergeable(runs: readonly number[]): number[] {
    let left = Math.min(this.#mergeBytesLeft, this.#limits.writeSetBytesMax / MERGE_SHARE)
    const chosen = runs.filter((run) => {
      left -= this.#sizes.get(run)!.bytes
      return left >= 0
    })
    return chosen
  }

  #merge(pane: number, runs: readonly number[], target: number): void {
    const limits = this.#chunkLimits
    const groups = this.windowGroups(runs.length)
    const cursors = runs.map((run) => this.#cursor(pane, run, null, groups))
    const merge = new RunMerge(this.#specs, cursors)
    const isWide = typeof cursors[0]!.key === 'string'
    const lasts: GroupKey[] = []
    while (!merge.isDone) {
      const block = merge.block({ groups: limits.groups, bytes: limits.keyBytes, groupBytes: 0, isWide })
      const { keys, store, slots } = block
      this.#putChunk(pane, target, encodeChunk(keys, store.cells, slots, 0))
      lasts.push(keys.at(-1)!)
    }
    this.#mergeBytesLeft -= this.#sizes.get(target)!.bytes
    this.#keepLasts(target, lasts)
    for (const run of runs) this.#removeRun(pane, run)
  }
}

const bytesOfKeys = (keys: readonly GroupKey[]): number =>
  keys.reduce<number>((sum, key) => sum + (typeof key === 'string' ? key.length + STRING_BYTES : 8), 0)

function indexOfKey(keys: readonly GroupKey[], key: GroupKey): number {
  const at = lowerBound(keys, key)
  return keys[at] === key ? at : -1
}
