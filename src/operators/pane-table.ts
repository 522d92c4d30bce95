/**
 * The stored half of panes: per pane a list of sorted runs in a table, merged when they become many. Reading merges the
 * runs; removing a pane removes its keys. Keys: f64 pane start (order-preserving), u32 run, u32 chunk.
 */
import { packValues, unpackKey } from '../records/key.ts'
import { type KeyedTable, prefixEnd } from '../storage/table.ts'
import { type Cell, type CellSpec, CellStore } from './cells.ts'
import { CHUNK_GROUPS, decodeChunk, encodeChunk, type RunChunk } from './run.ts'

/** As many runs of one level are merged into one of the next, so that a group is rewritten once a level. */
const FAN_IN = 8
/** A run's number is its level times this, plus a counter. */
const LEVEL = 2 ** 40

const paneKey = (pane: number, run?: number, chunk?: number): Uint8Array => {
  const values = [pane, run, chunk].filter((value) => value !== undefined)
  return packValues(values)
}

/** Walks the groups of one run in key order. */
export interface RunCursor {
  /** The current key; undefined at the end. */
  readonly key: string | undefined
  readonly cells: readonly Cell[]
  readonly at: number
  step(): void
}

class StoredCursor implements RunCursor {
  readonly #read: (chunk: number) => RunChunk | undefined
  #chunk: RunChunk | undefined
  #index = 0
  at = 0

  constructor(read: (chunk: number) => RunChunk | undefined, after: string | null) {
    this.#read = read
    this.#chunk = read(0)
    while (after !== null && this.#chunk !== undefined && this.#chunk.keys.at(-1)! <= after) this.#next()
    while (after !== null && this.key !== undefined && this.key <= after) this.step()
  }
  get key(): string | undefined {
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
  readonly #lasts = new Map<number, string[]>()
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
  append(pane: number, keys: readonly string[], cells: readonly Cell[], slots: Int32Array): void {
    const run = this.#nextRun++
    for (let from = 0, chunk = 0; from < keys.length; from += CHUNK_GROUPS, chunk++) {
      const part = keys.slice(from, from + CHUNK_GROUPS)
      this.#table.put(paneKey(pane, run, chunk), encodeChunk(part, cells, slots, from))
    }
    this.#runs.set(pane, [...(this.#runs.get(pane) ?? []), run])
    this.#mergeLevels(pane)
  }

  /** Cursors over the runs of a pane, behind the key `after`. */
  cursors(pane: number, after: string | null = null): RunCursor[] {
    return (this.#runs.get(pane) ?? []).map((run) => this.#cursor(pane, run, after))
  }

  /** Merges one group's cells of all runs of a pane into a slot. Returns false when none has the key. */
  read(pane: number, key: string, into: CellStore, slot: number): boolean {
    let found = false
    for (const run of this.#runs.get(pane) ?? []) {
      const lasts = this.#lastKeys(pane, run)
      const chunk = lasts.findIndex((last) => last >= key)
      const part = chunk < 0 ? undefined : this.#chunk(pane, run, chunk)
      const at = part === undefined ? -1 : indexOfKey(part.keys, key)
      if (at < 0) continue
      into.merge(slot, part!.cells, at)
      found = true
    }
    return found
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

  #cursor(pane: number, run: number, after: string | null): RunCursor {
    return new StoredCursor((chunk) => this.#chunk(pane, run, chunk), after)
  }

  /** The last key of each chunk of a run, so that one group is found without reading its neighbours. */
  #lastKeys(pane: number, run: number): readonly string[] {
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
    for (let level = 0; ; level++) {
      const runs = this.#runs.get(pane)!
      const ofLevel = runs.filter((run) => Math.floor(run / LEVEL) === level)
      if (ofLevel.length < FAN_IN) return
      const target = (level + 1) * LEVEL + this.#nextRun++
      this.#merge(pane, ofLevel, target)
      this.#runs.set(pane, [...runs.filter((run) => !ofLevel.includes(run)), target])
    }
  }

  // Chunk by chunk, so that memory stays bounded whatever the size of the pane.
  #merge(pane: number, runs: readonly number[], target: number): void {
    let chunk = 0
    const cursors = runs.map((run) => this.#cursor(pane, run, null))
    mergeRuns(this.#specs, cursors, CHUNK_GROUPS, (keys, store, slots) => {
      this.#table.put(paneKey(pane, target, chunk++), encodeChunk(keys, store.cells, slots, 0))
      return true
    })
    for (const run of runs) this.#removeRun(pane, run)
  }
}

function indexOfKey(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    if (keys[middle]! < key) low = middle + 1
    else if (keys[middle]! > key) high = middle - 1
    else return middle
  }
  return -1
}

/**
 * Merges sorted cursors group by group and hands out blocks of at most `blockGroups` groups, in key order.
 * @param take gets a block; false stops the merge
 */
export function mergeRuns(
  specs: readonly CellSpec[],
  cursors: readonly RunCursor[],
  blockGroups: number,
  take: (keys: string[], store: CellStore, slots: Int32Array) => boolean,
): void {
  let live = cursors.filter((cursor) => cursor.key !== undefined)
  while (live.length > 0) {
    const store = new CellStore(specs)
    const keys: string[] = []
    while (live.length > 0 && keys.length < blockGroups) {
      const key = live.reduce((least, cursor) => (cursor.key! < least ? cursor.key! : least), live[0]!.key!)
      const slot = store.take()
      keys.push(key)
      let ended = false
      for (const cursor of live) {
        if (cursor.key !== key) continue
        store.merge(slot, cursor.cells, cursor.at)
        cursor.step()
        if (cursor.key === undefined) ended = true
      }
      if (ended) live = live.filter((cursor) => cursor.key !== undefined)
    }
    const slots = Int32Array.from(keys, (_, i) => i)
    if (!take(keys, store, slots)) return
  }
}
