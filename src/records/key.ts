/**
 * Packed keys: the values of some columns as bytes whose bytewise order is the order of the values, column by column,
 * null first. Used as table keys and for sorting; the layout is part of the format.
 *
 * number: 0x01 then the IEEE bits, big-endian, sign flipped (negative: all bits flipped), so that bytes sort as numbers;
 * string and bytes: 0x01, then the content with 0x00 written as 00 FF, then 00 00. null: 0x00.
 */
import { utf8 } from '../base/bytes.ts'
import { corruptionError } from '../base/errors.ts'
import { combineHash, hashBytes, hashInteger, hashString } from '../base/hash.ts'
import type { Batch } from './batch.ts'
import type { Column, Value } from './column.ts'
import { columnTypeOf, type FieldKind } from './schema.ts'

let scratch = Buffer.alloc(4096)
let view = viewOf(scratch)
let used = 0

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function reserve(bytes: number): void {
  if (used + bytes <= scratch.length) return
  const larger = Buffer.alloc(Math.max(scratch.length * 2, used + bytes))
  scratch.copy(larger, 0, 0, used)
  scratch = larger
  view = viewOf(larger)
}

function putNumber(value: number): void {
  reserve(9)
  scratch[used++] = 1
  // One zero and one NaN: the bits of a NaN differ by how it was computed.
  view.setFloat64(used, value || (value === 0 ? 0 : Number.NaN))
  if (scratch[used]! & 0x80) for (let i = 0; i < 8; i++) scratch[used + i] = ~scratch[used + i]! & 0xff
  else scratch[used]! |= 0x80
  used += 8
}

function putContent(content: Uint8Array): void {
  reserve(content.length * 2 + 3)
  scratch[used++] = 1
  for (const byte of content) {
    scratch[used++] = byte
    if (byte === 0) scratch[used++] = 0xff
  }
  scratch[used++] = 0
  scratch[used++] = 0
}

function putString(text: string): void {
  reserve(text.length * 3 + 3)
  const start = used + 1
  const length = scratch.write(text, start, 'utf8')
  if (scratch.subarray(start, start + length).includes(0)) return putContent(Buffer.from(text, 'utf8'))
  scratch[used] = 1
  used = start + length
  scratch[used++] = 0
  scratch[used++] = 0
}

function putValue(value: Value): void {
  if (value === null) {
    reserve(1)
    scratch[used++] = 0
  } else if (typeof value === 'number') putNumber(value)
  else if (typeof value === 'boolean') putNumber(value ? 1 : 0)
  else if (typeof value === 'string') putString(value)
  else putContent(value)
}

/** The packed key of one row over the columns with the given indexes. */
export function packKey(batch: Batch, columns: readonly number[], row: number): Uint8Array {
  used = 0
  for (const c of columns) putColumnValue(batch.columns[c]!, row)
  return taken()
}

/** The packed key of plain values. */
export function packValues(values: readonly Value[]): Uint8Array {
  used = 0
  for (const value of values) putValue(value)
  return taken()
}

/** What is packed already, and plain values behind it. */
export function packBehind(packed: Uint8Array, values: readonly Value[]): Uint8Array {
  used = 0
  reserve(packed.length)
  scratch.set(packed)
  used = packed.length
  for (const value of values) putValue(value)
  return taken()
}

/** A Buffer, as LMDB wants keys: to make one of another array takes three times as long. */
const taken = (): Uint8Array => Uint8Array.prototype.slice.call(scratch, 0, used)

const float = new Float64Array(1)
const words = new Uint32Array(float.buffer)

function putColumnValue(column: Column, row: number): void {
  if (column.type === 'number') {
    if (column.valid !== null && column.valid[row] === 0) putValue(null)
    else putNumber(column.data[row]!)
  } else if (column.type === 'string') {
    const code = column.codes[row]!
    putValue(code < 0 ? null : column.values[code]!)
  } else putValue(column.values[row]!)
}

/** Takes a packed key apart again. @throws corruption `packed-key` when the bytes are not a key of these kinds */
export function unpackKey(key: Uint8Array, kinds: readonly FieldKind[], left = -1): Value[] {
  const { values, end } = unpackPrefix(key, kinds, left)
  if (end !== key.length) throw corruptionError('packed-key', `a packed key has ${key.length - end} bytes too many`)
  return values
}

/**
 * Takes apart what a longer key begins with.
 * @param left which value is left out, with null in its place
 * @throws corruption `packed-key` when the bytes do not begin with these kinds
 */
export function unpackPrefix(
  key: Uint8Array,
  kinds: readonly FieldKind[],
  left = -1,
): { values: Value[]; end: number } {
  let at = 0
  const values = kinds.map((kind, i): Value => {
    const tag = key[at++]
    if (tag === 0) return null
    if (tag !== 1) throw corruptionError('packed-key', `a packed key has ${tag ?? 'its end'} where a value begins`)
    if (columnTypeOf(kind) === 'number') {
      if (at + 8 > key.length) throw corruptionError('packed-key', 'a packed key ends within a number')
      const value = numberAt(key, at)
      at += 8
      return kind === 'bool' ? value === 1 : value
    }
    const { length, end } = contentOf(key, at)
    if (i === left) {
      at = end
      return null
    }
    const content = new Uint8Array(length)
    // What stood for a 0 is followed by a mark.
    for (let byte = 0; byte < length; byte++) if ((content[byte] = key[at++]!) === 0) at++
    at = end
    return kind === 'string' ? utf8(content) : content
  })
  return { values, end: at }
}

function numberAt(key: Uint8Array, at: number): number {
  const high = (key[at]! << 24) | (key[at + 1]! << 16) | (key[at + 2]! << 8) | key[at + 3]!
  const low = (key[at + 4]! << 24) | (key[at + 5]! << 16) | (key[at + 6]! << 8) | key[at + 7]!
  // The sign is flipped; of a negative number all bits are. Words stand in the machine's order: little-endian.
  words[1] = high < 0 ? high ^ 0x80000000 : ~high
  words[0] = high < 0 ? low : ~low
  return float[0]!
}

/** How many bytes stand packed from `at` on, and where what is behind them begins. */
function contentOf(key: Uint8Array, at: number): { length: number; end: number } {
  for (let length = 0; ; length++) {
    const byte = key[at++]
    if (byte === undefined) throw corruptionError('packed-key', 'a packed key ends within a text')
    if (byte !== 0) continue
    const next = key[at++]
    if (next === 0) return { length, end: at }
    if (next !== 0xff) throw corruptionError('packed-key', `a packed key has ${next ?? 'its end'} behind a 0 in a text`)
  }
}

/** The time with which packed values begin. @throws corruption `packed-key` when they begin with something else */
export const packedTime = (packed: Uint8Array): number => unpackPrefix(packed, ['time']).values[0] as number

/** Routing hashes of the rows over some columns, into `into[0..length)`. Part of the format: see `base/hash.ts`. */
export function hashRows(batch: Batch, columns: readonly number[], into: Uint32Array): void {
  columns.forEach((c, nth) => hashColumn(batch.columns[c]!, batch.length, into, nth === 0))
}

/** The routing hashes of keys whose columns are these. */
export function hashColumns(columns: readonly Column[], length: number): Uint32Array {
  const hashes = new Uint32Array(length)
  columns.forEach((column, nth) => hashColumn(column, length, hashes, nth === 0))
  return hashes
}

const NULL_HASH = 0x6e756c6c

function hashColumn(column: Column, length: number, into: Uint32Array, first: boolean): void {
  if (column.type === 'string') {
    const hashes = new Uint32Array(column.values.length + 1)
    hashes[0] = NULL_HASH
    for (let v = 0; v < column.values.length; v++) hashes[v + 1] = hashString(column.values[v]!)
    const { codes } = column
    if (first) for (let i = 0; i < length; i++) into[i] = hashes[codes[i]! + 1]!
    else for (let i = 0; i < length; i++) into[i] = combineHash(into[i]!, hashes[codes[i]! + 1]!)
  } else if (column.type === 'number') {
    const { data, valid } = column
    for (let i = 0; i < length; i++) {
      const hash = valid !== null && valid[i] === 0 ? NULL_HASH : hashNumber(data[i]!)
      into[i] = first ? hash : combineHash(into[i]!, hash)
    }
  } else {
    for (let i = 0; i < length; i++) {
      const value = column.values[i]!
      const hash = value === null ? NULL_HASH : hashBytes(value)
      into[i] = first ? hash : combineHash(into[i]!, hash)
    }
  }
}

function hashNumber(value: number): number {
  if (Number.isSafeInteger(value)) return hashInteger(value)
  float[0] = Number.isNaN(value) ? Number.NaN : value
  return combineHash(words[0]!, words[1]!)
}
