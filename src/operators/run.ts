/**
 * Runs: groups sorted by key with their cells, in columns, as they are stored. A run is cut into chunks, each one value
 * in a table. Layout of a chunk (little-endian): u32 layout, u32 groups, u32 key bytes, u32 bytes of the rest; then per
 * cell f64 high a group, and for sums f64 low a group; u32 key ends; keys; msgpack of what two components cannot hold.
 */
import { Packr } from 'msgpackr'
import { corruptionError } from '../base/errors.ts'
import { Cell, type CellSpec } from './cells.ts'

const RUN_LAYOUT = 1
/** Groups in a chunk: about 64 KB with a few cells and short keys. */
export const CHUNK_GROUPS = 1024

const packr = new Packr({ useRecords: false, variableMapSize: true })

/** Groups in key order; keys are packed bytes as latin1 text. */
export interface RunChunk {
  readonly keys: readonly string[]
  readonly cells: readonly Cell[]
}

type Rest = [cell: number, group: number, rest: number[] | null, special: [number, number, number] | null][]

/** Encodes groups whose cells stand in `cells` at `slots[i]`, for keys in ascending order. */
export function encodeChunk(
  keys: readonly string[],
  cells: readonly Cell[],
  slots: Int32Array,
  from: number,
): Uint8Array {
  const count = keys.length
  const keyBytes = keys.reduce((sum, key) => sum + key.length, 0)
  const floats = cells.reduce((sum, cell) => sum + (cell.isSum ? 2 : 1), 0) * count
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
  const packed = packr.pack(rest)
  const chunk = Buffer.allocUnsafeSlow(16 + floats * 8 + count * 4 + keyBytes + packed.length)
  chunk.writeUInt32LE(RUN_LAYOUT, 0)
  chunk.writeUInt32LE(count, 4)
  chunk.writeUInt32LE(keyBytes, 8)
  chunk.writeUInt32LE(packed.length, 12)
  const block = new Float64Array(chunk.buffer, 16, floats)
  let at = 0
  for (const cell of cells) {
    for (let i = 0; i < count; i++) block[at++] = cell.high[slots[from + i]!]!
    if (cell.isSum) for (let i = 0; i < count; i++) block[at++] = cell.low[slots[from + i]!]!
  }
  at = 16 + floats * 8
  let end = 0
  for (const key of keys) at = chunk.writeUInt32LE((end += key.length), at)
  for (const key of keys) at += chunk.write(key, at, 'latin1')
  chunk.set(packed, at)
  return chunk
}

/** @throws corruption `run` when the bytes are not a chunk of these cells */
export function decodeChunk(bytes: Uint8Array, specs: readonly CellSpec[]): RunChunk {
  const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (chunk.length < 16 || chunk.readUInt32LE(0) !== RUN_LAYOUT)
    throw corruptionError('run', 'this is not a run of layout 1')
  const [count, keyBytes, restBytes] = [chunk.readUInt32LE(4), chunk.readUInt32LE(8), chunk.readUInt32LE(12)]
  const cells = specs.map((spec) => new Cell(spec, 0))
  const numbers = cells.reduce((sum, cell) => sum + (cell.isSum ? 2 : 1), 0)
  if (16 + count * (numbers * 8 + 4) + keyBytes + restBytes !== chunk.length)
    throw corruptionError('run', `a run of ${chunk.length} bytes has another length inside`)
  let at = 16
  const floats = (): Float64Array => {
    const values = new Float64Array(count)
    new Uint8Array(values.buffer).set(chunk.subarray(at, at + count * 8))
    at += count * 8
    return values
  }
  for (const cell of cells) {
    cell.high = floats()
    if (cell.isSum) cell.low = floats()
  }
  const text = chunk.toString('latin1', at + count * 4, at + count * 4 + keyBytes)
  let from = 0
  const keys = Array.from({ length: count }, (_, i) => {
    const end = chunk.readUInt32LE(at + i * 4)
    const key = text.slice(from, end)
    from = end
    return key
  })
  const packedAt = at + count * 4 + keyBytes
  for (const [c, group, rest, special] of packr.unpack(chunk.subarray(packedAt)) as Rest) {
    if (rest) cells[c]!.rest.set(group, rest)
    if (special) cells[c]!.special.set(group, special)
  }
  return { keys, cells }
}
