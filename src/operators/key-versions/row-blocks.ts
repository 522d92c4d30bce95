/**
 * Rows of keys in a table, in blocks of neighbouring hashes: a look-up of many keys decodes a block once for all of them,
 * and in columns. A block is one frame of rows in order (hash, time, origin) and further ones of what has come since,
 * which are joined now and then; where that is too much for one block, it becomes several. A block has the rows from
 * behind the bound of the one before it up to its own.
 * Tables: `blocks`, u32 bound and u16 number from 0 (big-endian) to a frame; `bounds`, the highest byte of bounds to all of
 * them, as u32 little-endian.
 */
import { copyOf } from '../../base/bytes.ts'
import type { Batch } from '../../records/batch.ts'
import { rowBytesOf } from '../../records/batch-bytes.ts'
import { gatherNumbers } from '../../records/column.ts'
import { concat } from '../../records/concat.ts'
import { decodeFrame } from '../../records/frame-decoder.ts'
import { encodeParts, type FramePart } from '../../records/frame-encoder.ts'
import type { Schema } from '../../records/schema.ts'
import type { KeyedTable } from '../../storage/table.ts'
import { blockOrder, hashesOf } from './row-order.ts'

/** Rows of a block, where there is more than one block of them, and their bytes; up to twice that stays together. */
const BLOCK_ROWS = 512
const BLOCK_BYTES = 1 << 16
/** So many frames of a block are joined when more is added; a few more where other blocks go first. */
const FRAMES = 8
/** So many at the most are left of a block that is read. */
const FRAMES_READ = 3
/** What a frame takes beside its rows, in the write set too. */
export const FRAME_BYTES = 384
const LAST_BOUND = 0xffffffff
/** What it counts to look through a block of which nothing is written. */
const SWEEP_BYTES = 1 << 12
/** The share of a block's rows that must be over before a sweep writes it anew. */
const SWEPT = 1 / 4

/** Of rows in this order those that are kept, where some need not be. */
export type KeepRows = (rows: Batch, order: Int32Array) => Int32Array

export class RowBlocks {
  readonly #blocks: KeyedTable
  readonly #directory: KeyedTable
  readonly #schema: Schema
  readonly #keep: KeepRows
  #bounds: Uint32Array
  /** How many frames a block has, as far as they have been counted. */
  readonly #frames = new Map<number, number>()
  /** Which block is looked through next for rows that are over. */
  #swept = 0
  /** Blocks of which frames should have been joined. */
  readonly #behind = new Set<number>()

  /** @param schema of rows, with whole numbers `hash` */
  constructor(tables: { blocks: KeyedTable; bounds: KeyedTable }, schema: Schema, keep: KeepRows) {
    this.#blocks = tables.blocks
    this.#directory = tables.bounds
    this.#schema = schema
    this.#keep = keep
    this.#bounds = boundsIn(tables.bounds)
  }

  get memoryBytes(): number {
    return this.#bounds.byteLength + (this.#frames.size + this.#behind.size) * 32
  }

  /** How many blocks there are. */
  get size(): number {
    return this.#bounds.length
  }

  /** True while more is added than is joined. */
  get isBehind(): boolean {
    return this.#behind.size * 2 > this.#bounds.length
  }

  /**
   * Finds the rows of some hashes, which ascend.
   * @param found gets each frame of the blocks, older ones first, and which of the hashes fall into its block; the frame
   * holds during the call
   */
  find(hashes: Float64Array, found: (frame: Batch, from: number, to: number) => void): void {
    this.#byBlock(hashes, (bound, from, to) => {
      const count = this.#read(bound, (frame) => found(frame, from, to))
      if (count > FRAMES_READ) this.#behind.add(bound)
    })
  }

  /** All rows, a frame at a time, for those who take them over. */
  *all(): Iterable<Batch> {
    for (const bound of this.#bounds) yield* this.#copies(bound)
  }

  /**
   * Adds rows.
   * @param order theirs, as blocks have them
   * @param joinBytes so many bytes at the most are written to join frames
   */
  add(rows: Batch, order: Int32Array, joinBytes: number): void {
    let left = joinBytes - this.#joinBehind(joinBytes / 2)
    const added: number[] = []
    const bytesOf = rowBytesOf(rows)
    this.#byBlock(gatherNumbers(hashesOf(rows), order, order.length), (bound, from, to) => {
      const part = { batch: rows, rows: order.subarray(from, to), count: to - from }
      const frames = this.#count(bound) + 1
      // Blocks are not joined all at once.
      const isDue = frames > FRAMES + (bound % FRAMES) || this.#bounds.length === 0
      const isLarge = part.count > 2 * BLOCK_ROWS || bytesWithin(order, bytesOf, from, to) > 2 * BLOCK_BYTES
      if (isLarge || (isDue && left > 0)) left -= this.#join(bound, part, added)
      else {
        this.#put(bound, part)
        if (isDue) this.#behind.add(bound)
      }
    })
    this.#note(added)
  }

  /** Looks through some blocks, one after the other, for rows that are not kept any more; so many bytes of them, more or less. */
  sweep(bytes: number): void {
    const added: number[] = []
    for (let i = 0, left = bytes; i < this.#bounds.length && left > 0; i++) {
      this.#swept = (this.#swept + 1) % this.#bounds.length
      left -= SWEEP_BYTES + this.#join(this.#bounds[this.#swept]!, null, added, SWEPT)
    }
    this.#note(added)
  }

  #joinBehind(bytesMax: number): number {
    const added: number[] = []
    let bytes = 0
    for (const bound of this.#behind) {
      if (bytes >= bytesMax) break
      bytes += this.#join(bound, null, added)
    }
    this.#note(added)
    return bytes
  }

  /** Each block that some of the hashes, which ascend, fall into. */
  #byBlock(hashes: Float64Array, visit: (bound: number, from: number, to: number) => void): void {
    const bounds = this.#bounds
    for (let from = 0, b = 0; from < hashes.length; ) {
      b = lowerBound(bounds, hashes[from]!, b)
      const bound = b < bounds.length ? bounds[b]! : LAST_BOUND
      let to = from + 1
      while (to < hashes.length && hashes[to]! <= bound) to++
      visit(bound, from, to)
      from = to
    }
  }

  /** Hands over the frames of a block; what a store gives holds until the next read. @returns how many there are */
  #read(bound: number, take: (frame: Batch) => void, copy = (frame: Uint8Array) => frame): number {
    const known = this.#frames.get(bound) ?? Number.POSITIVE_INFINITY
    let number = 0
    for (; number < known; number++) {
      const frame = this.#blocks.get(keyOf(bound, number, LOOKED_UP))
      if (frame === undefined) break
      take(decodeFrame(copy(frame), this.#schema))
    }
    this.#frames.set(bound, number)
    return number
  }

  #copies(bound: number): Batch[] {
    const frames: Batch[] = []
    this.#read(bound, (frame) => frames.push(frame), copyOf)
    return frames
  }

  #count(bound: number): number {
    let count = this.#frames.get(bound)
    if (count !== undefined) return count
    count = 0
    while (this.#blocks.get(keyOf(bound, count, LOOKED_UP)) !== undefined) count++
    this.#frames.set(bound, count)
    return count
  }

  /**
   * Writes a block anew, with some rows more, as one frame or as several blocks.
   * @param least only where such a share of its rows is not kept @returns bytes that were written
   */
  #join(bound: number, more: FramePart | null, added: number[], least = 0): number {
    const parts = this.#copies(bound)
    if (more !== null) parts.push(more.batch.gather(more.rows!, more.count))
    if (parts.length === 0) {
      this.#behind.delete(bound)
      return 0
    }
    const rows = concat(parts)
    const order = this.#keep(rows, blockOrder(rows))
    if (rows.length - order.length < least * rows.length) return 0
    this.#behind.delete(bound)
    for (let number = 0; number < parts.length; number++) this.#blocks.remove(keyOf(bound, number))
    const hashes = gatherNumbers(hashesOf(rows), order, order.length)
    this.#frames.set(bound, 0)
    let bytes = 0
    for (const [from, to] of cutIntoBlocks(hashes, order, rowBytesOf(rows))) {
      const isLast = to === order.length
      const end = isLast ? bound : hashes[to - 1]!
      bytes += this.#put(end, { batch: rows, rows: order.subarray(from, to), count: to - from })
      if (!isLast || bound === LAST_BOUND) added.push(end)
    }
    return bytes
  }

  #put(bound: number, rows: FramePart): number {
    const frame = encodeParts([rows])
    const count = this.#frames.get(bound) ?? 0
    this.#blocks.put(keyOf(bound, count), frame)
    this.#frames.set(bound, count + 1)
    return frame.length
  }

  /** Writes down where blocks end. */
  #note(added: readonly number[]): void {
    const known = new Set(this.#bounds)
    const fresh = new Set(added.filter((bound) => !known.has(bound)))
    if (fresh.size === 0) return
    const bounds = new Uint32Array(known.size + fresh.size)
    bounds.set(this.#bounds)
    bounds.set([...fresh], known.size)
    this.#bounds = bounds.sort()
    for (const top of new Set([...fresh].map(topOf))) {
      const of = bounds.slice(lowerBound(bounds, top * 2 ** 24), lowerBound(bounds, (top + 1) * 2 ** 24))
      this.#directory.put(Uint8Array.of(top), new Uint8Array(of.buffer))
    }
  }
}

const topOf = (bound: number): number => bound >>> 24

function boundsIn(directory: KeyedTable): Uint32Array {
  const bounds: number[] = []
  for (const [, value] of directory.range()) {
    const bytes = Uint8Array.from(value)
    bounds.push(...new Uint32Array(bytes.buffer))
  }
  return Uint32Array.from(bounds).sort()
}

/** A key that is looked up and not kept. */
const LOOKED_UP = Buffer.allocUnsafeSlow(6)

function keyOf(bound: number, number: number, key = Buffer.allocUnsafeSlow(6)): Uint8Array {
  key.writeUInt32BE(bound, 0)
  key.writeUInt16BE(number, 4)
  return key
}

/** The first index from `from` on whose number is at or above one. */
export function lowerBound(numbers: Float64Array | Uint32Array, number: number, from = 0): number {
  let low = from
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (numbers[middle]! < number) low = middle + 1
    else high = middle
  }
  return low
}

function bytesWithin(order: Int32Array, bytesOf: (row: number) => number, from: number, to: number): number {
  let bytes = 0
  for (let i = from; i < to; i++) bytes += bytesOf(order[i]!)
  return bytes
}

/** Where blocks begin and end; rows of one hash stay together. */
function* cutIntoBlocks(
  hashes: Float64Array,
  order: Int32Array,
  bytesOf: (row: number) => number,
): Iterable<[from: number, to: number]> {
  let left = bytesWithin(order, bytesOf, 0, order.length)
  for (let from = 0; from < order.length; ) {
    let to = from
    if (order.length - from <= 2 * BLOCK_ROWS && left <= 2 * BLOCK_BYTES) to = order.length
    let bytes = 0
    while (to < order.length) {
      const isFull = to - from >= BLOCK_ROWS || bytes >= BLOCK_BYTES
      if (isFull && hashes[to] !== hashes[to - 1]) break
      bytes += bytesOf(order[to++]!)
    }
    left -= bytes
    yield [from, to]
    from = to
  }
}
