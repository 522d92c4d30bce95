/**
 * One sorted run of a pane, in chunks of a table. It grows at its end and is taken from at its front, chunk by chunk, so
 * that a merge can move it into another in pieces: at every moment each of its groups stands in one of both.
 * Keys: f64 pane start (order-preserving), u32 run, u32 chunk.
 */
import { packValues, unpackKey } from '../records/key.ts'
import { rowNumbers } from '../records/row-numbers.ts'
import type { KeyedTable } from '../storage/table.ts'
import type { Cell, CellSpec } from './cells.ts'
import { type GroupKey, isBefore, lowerBound, lowerBoundOf } from './group-key.ts'
import type { LastKeys } from './last-keys.ts'
import type { RunCursor } from './merge-runs.ts'
import { type ChunkLimits, chunkEnd, decodeChunk, encodeChunk, lastKeyOf, type RunChunk } from './run.ts'

/** What all runs of an operator share. */
export interface RunTable {
  readonly table: KeyedTable
  readonly specs: readonly CellSpec[]
  readonly chunkLimits: ChunkLimits
  readonly lasts: LastKeys
}

/** What a chunk that is gone takes of memory until that is stored: its key, as bytes and as text, and what refers to both. */
const GONE_BYTES = 512

/** Where a chunk stands. */
export const chunkPlace = (key: Uint8Array): [pane: number, run: number, chunk: number] =>
  unpackKey(key, ['float', 'int', 'int']) as [number, number, number]

/** The group that a cursor is at: a chunk, and a group in it. */
interface Position {
  readonly chunk: number
  readonly group: number
}

export class StoredRun {
  readonly pane: number
  readonly number: number
  readonly #in: RunTable
  #first: number
  #chunks = 0

  /** @param first the number of its first chunk */
  constructor(table: RunTable, pane: number, number: number, first = 0) {
    this.#in = table
    this.pane = pane
    this.number = number
    this.#first = first
  }

  get isEmpty(): boolean {
    return this.#chunks === 0
  }

  /** Counts a chunk that is in the table already, behind those counted. */
  count(): void {
    this.#chunks++
  }

  /**
   * Adds groups whose cells stand at `slots`, for keys that ascend and come after all that the run has.
   * @returns bytes that were written
   */
  append(keys: readonly GroupKey[], cells: readonly Cell[], slots: Int32Array): number {
    const { table, chunkLimits, lasts } = this.#in
    let bytes = 0
    for (let from = 0; from < keys.length; ) {
      const part = keys.slice(from, chunkEnd({ keys, cells, slots }, from, chunkLimits))
      const chunk = encodeChunk(part, cells, slots, from)
      table.put(this.#keyOf(this.#first + this.#chunks), chunk)
      bytes += chunk.length
      // A part of the last keys would be taken for all of them.
      if (this.isEmpty || lasts.of(this) !== undefined) lasts.add(this, part.at(-1)!)
      this.count()
      from += part.length
    }
    return bytes
  }

  /** Takes away what is before a position. @returns bytes that were written */
  trim({ chunk, group }: Position): number {
    const { table, specs } = this.#in
    this.#removeChunks(chunk)
    if (group === 0 || this.isEmpty) return 0
    const { keys, cells } = decodeChunk(table.get(this.#keyOf(chunk))!, specs, group)
    const slots = rowNumbers(keys.length)
    const rest = encodeChunk(keys, cells, slots, 0)
    table.put(this.#keyOf(chunk), rest)
    return rest.length
  }

  /** Lets go of chunks at its front, as many as `bytes` of the write set are for, at least one. @returns bytes that it took */
  letGo(bytes: number): number {
    const gone = Math.min(this.#chunks, Math.max(1, Math.floor(bytes / GONE_BYTES)))
    this.#in.lasts.forget(this)
    this.#removeChunks(this.#first + gone)
    return gone * GONE_BYTES
  }

  #removeChunks(to: number): void {
    const gone = to - this.#first
    for (let chunk = this.#first; chunk < to; chunk++) this.#in.table.remove(this.#keyOf(chunk))
    this.#in.lasts.drop(this, gone)
    this.#first = to
    this.#chunks -= gone
  }

  /** Walks the groups behind the key `after`, with at most `groups` of them in memory. Void when the run has changed. */
  cursor(after: GroupKey | null, groups: number): StoredCursor {
    const first = after === null ? this.#first : this.#search(1)(after)
    return new StoredCursor((chunk, from) => this.#read(chunk, from, groups), first, after)
  }

  /** Tells `found` where the groups of some keys, which ascend, stand: which of the keys, and the cells at an index. */
  find(keys: readonly GroupKey[], found: (which: number, cells: readonly Cell[], at: number) => void): void {
    const holderOf = this.#search(keys.length)
    let index = -1
    let chunk: RunChunk | undefined
    keys.forEach((key, which) => {
      const holder = holderOf(key)
      if (holder !== index) {
        index = holder
        chunk = this.#read(holder)
      }
      if (chunk === undefined) return
      const at = lowerBound(chunk.keys, key)
      if (chunk.keys[at] === key) found(which, chunk.cells, at)
    })
  }

  #keyOf(chunk: number): Uint8Array {
    return packValues([this.pane, this.number, chunk])
  }

  #read(chunk: number, from?: number, groups?: number): RunChunk | undefined {
    const bytes = this.#in.table.get(this.#keyOf(chunk))
    return bytes && decodeChunk(bytes, this.#in.specs, from, groups)
  }

  /** Finds the chunk that would hold a key. A few keys are looked for in the chunks, rather than to read all of these. */
  #search(keys: number): (key: GroupKey) => number {
    const [first, chunks] = [this.#first, this.#chunks]
    const known = this.#in.lasts.of(this)
    if (known !== undefined) return (key) => first + lowerBound(known, key)
    if (keys * Math.ceil(Math.log2(chunks + 1)) < chunks) {
      return (key) => first + lowerBoundOf(chunks, (i) => this.#lastKey(first + i), key)
    }
    const lasts = Array.from({ length: chunks }, (_, i) => this.#lastKey(first + i))
    this.#in.lasts.keep(this, lasts)
    return (key) => first + lowerBound(lasts, key)
  }

  #lastKey(chunk: number): GroupKey {
    return lastKeyOf(this.#in.table.get(this.#keyOf(chunk))!, this.#in.specs)
  }
}

/** Reads some groups of a chunk, from one on. */
type ReadWindow = (chunk: number, from: number) => RunChunk | undefined

export class StoredCursor implements RunCursor {
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
  get position(): Position {
    return { chunk: this.#index, group: this.#from + this.at }
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
