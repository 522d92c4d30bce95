/**
 * Runs: groups sorted by key with their cells, in columns, as they are stored. A run is cut into chunks, each one value
 * in a table. Layout of a chunk (little-endian): u8 layout of keys, u8 whether there are lows, 2 bytes of nothing, u32 groups, u32 key
 * bytes, u32 bytes of the rest; then per cell f64 high a group, and for sums f64 low a group, where one is not 0; keys: in layout 1
 * u32 ends and texts, in layout 2 an f64 each; msgpack of what two components cannot hold.
 */
import { Packr } from 'msgpackr'
import { corruptionError } from '../base/errors.ts'
import { Cell, type CellSpec } from './cells.ts'
import type { GroupKey, GroupKeys } from './group-key.ts'

const TEXT_KEYS = 1
const NUMBER_KEYS = 2
const HEADER = 16
/** Groups in a chunk at the most: about 64 KB with a few cells and short keys. */
export const CHUNK_GROUPS = 1024
const CHUNK_BYTES_MAX = 1 << 16
/** A page of the store: less is not read. */
const PAGE_BYTES = 1 << 12
/** What a chunk has beside its groups: its header and rest, the seal, and what LMDB puts before it. */
const CHUNK_HEAD = 64
/** So many chunks at least fit into a cache: runs that are merged are read chunk by chunk, each perhaps more than once. */
const CHUNKS_CACHED = 128

/** How large chunks are. */
export interface ChunkLimits {
  readonly groups: number
  readonly bytes: number
  /** Of a group, beside the text of its key and lows. */
  readonly groupBytes: number
}

/** Chunks fill whole pages: one that is a little longer would take, and be read as, a page more. */
export function chunkLimits(specs: readonly CellSpec[], cacheBytesMax: number): ChunkLimits {
  const bytes = Math.max(PAGE_BYTES, Math.min(CHUNK_BYTES_MAX, cacheBytesMax / CHUNKS_CACHED))
  return {
    groups: CHUNK_GROUPS,
    bytes: Math.floor(bytes / PAGE_BYTES) * PAGE_BYTES - CHUNK_HEAD,
    // A key that is a number takes 8 bytes, a text's end 4.
    groupBytes: (specs.length + 1) * 8,
  }
}

const packr = new Packr({ useRecords: false, variableMapSize: true, copyBuffers: true })

/** Groups in key order. */
export interface RunChunk {
  /** How many the chunk has, of which these are a part. */
  readonly groups: number
  readonly keys: GroupKeys
  readonly cells: readonly Cell[]
}

type Rest = [cell: number, group: number, rest: number[] | null, special: [number, number, number] | null][]

/** Encodes groups whose cells stand in `cells` at `slots[i]`, for keys in ascending order, at least one. */
export function encodeChunk(keys: GroupKeys, cells: readonly Cell[], slots: Int32Array, from: number): Uint8Array {
  const count = keys.length
  const layout = typeof keys[0] === 'number' ? NUMBER_KEYS : TEXT_KEYS
  const keyBytes =
    layout === NUMBER_KEYS ? count * 8 : (keys as readonly string[]).reduce((sum, key) => sum + 4 + key.length, 0)
  const hasLows = haveLows(cells, slots, from, count)
  const floats = numbersOf(cells, hasLows) * count
  const rest = restOf(cells, slots, from, count)
  const packed = rest.length === 0 ? NOTHING : packr.pack(rest)
  const chunk = Buffer.allocUnsafeSlow(HEADER + floats * 8 + keyBytes + packed.length)
  chunk.writeUInt32LE(layout | (hasLows ? 1 << 8 : 0), 0)
  chunk.writeUInt32LE(count, 4)
  chunk.writeUInt32LE(keyBytes, 8)
  chunk.writeUInt32LE(packed.length, 12)
  const block = new Float64Array(chunk.buffer, HEADER, floats)
  let at = 0
  for (const cell of cells) {
    const { high, low } = cell
    for (let i = 0; i < count; i++) block[at++] = high[slots[from + i]!]!
    if (cell.isSum && hasLows) for (let i = 0; i < count; i++) block[at++] = low[slots[from + i]!]!
  }
  const keysAt = HEADER + floats * 8
  if (layout === NUMBER_KEYS) new Float64Array(chunk.buffer, keysAt, count).set(keys as ArrayLike<number>)
  else putTexts(chunk, keysAt, keys as readonly string[])
  chunk.set(packed, keysAt + keyBytes)
  return chunk
}

const NOTHING = new Uint8Array(0)

/** Doubles a group. */
const numbersOf = (cells: readonly Cell[], hasLows: boolean): number =>
  cells.reduce((sum, cell) => sum + (cell.isSum && hasLows ? 2 : 1), 0)

function haveLows(cells: readonly Cell[], slots: Int32Array, from: number, count: number): boolean {
  for (const { isSum, low } of cells) {
    if (!isSum) continue
    for (let i = 0; i < count; i++) if (low[slots[from + i]!] !== 0) return true
  }
  return false
}

function restOf(cells: readonly Cell[], slots: Int32Array, from: number, count: number): Rest {
  const rest: Rest = []
  cells.forEach((cell, c) => {
    if (cell.rest.size === 0 && cell.special.size === 0) return
    for (let i = 0; i < count; i++) {
      const slot = slots[from + i]!
      if (cell.rest.has(slot) || cell.special.has(slot)) {
        rest.push([c, i, cell.rest.get(slot) ?? null, cell.special.get(slot) ?? null])
      }
    }
  })
  return rest
}

function putTexts(chunk: Buffer, at: number, keys: readonly string[]): void {
  let end = 0
  for (const key of keys) at = chunk.writeUInt32LE((end += key.length), at)
  for (const key of keys) at += chunk.write(key, at, 'latin1')
}

/** The end of the chunk that begins with the group at `from`, of groups as `encodeChunk` is given them. */
export function chunkEnd(
  { keys, cells, slots }: { keys: readonly GroupKey[]; cells: readonly Cell[]; slots: Int32Array },
  from: number,
  most: ChunkLimits,
): number {
  const end = Math.min(keys.length, from + most.groups)
  const hasLows = haveLows(cells, slots, from, end - from)
  const groupBytes = most.groupBytes + (numbersOf(cells, hasLows) - cells.length) * 8
  if (typeof keys[from] === 'number') return Math.min(end, from + Math.max(1, Math.floor(most.bytes / groupBytes)))
  let bytes = 0
  for (let i = from; i < end; i++) {
    bytes += groupBytes + (keys[i] as string).length
    if (bytes > most.bytes && i > from) return i
  }
  return end
}

/**
 * Decodes a chunk, or a part of it: at most `most` groups from group `first` on.
 * @throws corruption `run` when the bytes are not a chunk of these cells
 */
export function decodeChunk(
  bytes: Uint8Array,
  specs: readonly CellSpec[],
  first = 0,
  most = Number.POSITIVE_INFINITY,
): RunChunk {
  const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const layout = chunk.length < HEADER ? 0 : chunk.readUInt8(0)
  if (layout !== TEXT_KEYS && layout !== NUMBER_KEYS)
    throw corruptionError('run', `this is not a run of layout ${TEXT_KEYS} or ${NUMBER_KEYS}`)
  const [count, keyBytes, restBytes] = [chunk.readUInt32LE(4), chunk.readUInt32LE(8), chunk.readUInt32LE(12)]
  const cells = specs.map((spec) => new Cell(spec, 0))
  const hasLows = chunk.readUInt8(1) === 1
  const keysAt = HEADER + count * numbersOf(cells, hasLows) * 8
  const keyBytesMin = count * (layout === NUMBER_KEYS ? 8 : 4)
  if (keysAt + keyBytes + restBytes !== chunk.length || keyBytes < keyBytesMin)
    throw corruptionError('run', `a run of ${chunk.length} bytes has another length inside`)
  let at = HEADER
  const size = Math.max(0, Math.min(most, count - first))
  const floats = (): Float64Array => {
    const values = new Float64Array(size)
    const from = at + first * 8
    new Uint8Array(values.buffer).set(chunk.subarray(from, from + size * 8))
    at += count * 8
    return values
  }
  for (const cell of cells) {
    cell.high = floats()
    if (cell.isSum) cell.low = hasLows ? floats() : new Float64Array(size)
  }
  const keys = layout === NUMBER_KEYS ? floats() : takeTexts(chunk, keysAt, { count, first, size })
  if (restBytes === 0) return { groups: count, keys, cells }
  for (const [c, group, rest, special] of packr.unpack(chunk.subarray(keysAt + keyBytes)) as Rest) {
    if (group < first || group >= first + size) continue
    if (rest) cells[c]!.rest.set(group - first, rest)
    if (special) cells[c]!.special.set(group - first, special)
  }
  return { groups: count, keys, cells }
}

/** The texts of `size` of the `count` keys whose ends stand at `at`. */
function takeTexts(
  chunk: Buffer,
  at: number,
  { count, first, size }: { count: number; first: number; size: number },
): string[] {
  const endOf = (i: number): number => (i < 0 ? 0 : chunk.readUInt32LE(at + i * 4))
  const start = endOf(first - 1)
  const texts = at + count * 4
  const text = chunk.toString('latin1', texts + start, texts + endOf(first + size - 1))
  let from = 0
  return Array.from({ length: size }, (_, i) => {
    const end = endOf(first + i) - start
    const key = text.slice(from, end)
    from = end
    return key
  })
}

/** The key of the last group of a chunk. @throws corruption `run` */
export function lastKeyOf(bytes: Uint8Array, specs: readonly CellSpec[]): GroupKey {
  const { groups } = decodeChunk(bytes, specs, 0, 0)
  return decodeChunk(bytes, specs, groups - 1, 1).keys[0]!
}
