/** Reads frames back; see `frame-layout.ts`. Number columns are views on the frame's own bytes where they are aligned. */
import { copyOf } from '../base/bytes.ts'
import { corruptionError } from '../base/errors.ts'
import { checksum } from '../base/hash.ts'
import { Batch } from './batch.ts'
import type { Column } from './column.ts'
import {
  ASCII,
  align8,
  describeSchema,
  FRAME_HEADER,
  FRAME_LAYOUT,
  FRAME_MAGIC,
  HAS_DIFFS,
  HAS_ORIGINS,
  readDescription,
} from './frame-layout.ts'
import type { OriginColumn } from './origin.ts'
import { columnTypeOf, type FieldKind, makeSchema, type Schema } from './schema.ts'

/** Bytes of the frame that starts at `at`, from its header. */
export const frameBytes = (bytes: Uint8Array, at = 0): number =>
  bytes[at + 8]! | (bytes[at + 9]! << 8) | (bytes[at + 10]! << 16) | (bytes[at + 11]! << 24)

/**
 * Checks a frame's magic, layout, length and checksum.
 * @throws corruption `frame` that says which of them is wrong
 */
export function checkFrame(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < FRAME_HEADER || view.getUint32(0, true) !== FRAME_MAGIC) {
    throw corruptionError('frame', 'these bytes are not a frame: the magic is missing')
  }
  const layout = view.getUint16(12, true)
  if (layout !== FRAME_LAYOUT) throw corruptionError('frame', `frame layout ${layout} is not ${FRAME_LAYOUT}`)
  const length = view.getUint32(8, true)
  if (length !== bytes.length) throw corruptionError('frame', `a frame of ${length} bytes has only ${bytes.length}`)
  if (view.getUint32(4, true) !== checksum(bytes.subarray(8))) {
    throw corruptionError('frame', 'the checksum of a frame does not match its bytes')
  }
}

/**
 * Decodes one frame that `checkFrame` has passed.
 * @param schema what the frame must hold; without it, the schema is read from the frame
 * @throws corruption `frame-schema` when the frame describes other columns
 */
export function decodeFrame(frame: Uint8Array, schema?: Schema): Batch {
  const bytes = frame.byteOffset % 8 === 0 ? frame : copyOf(frame)
  const reader = new Reader(bytes)
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const flags = view.getUint16(14, true)
  const rows = view.getUint32(16, true)
  const columns = view.getUint16(20, true)
  const description = bytes.subarray(FRAME_HEADER, FRAME_HEADER + view.getUint16(22, true))
  if (schema !== undefined && Buffer.compare(description, describeSchema(schema)) !== 0) {
    const found = Object.keys(readDescription(description, columns))
    throw corruptionError('frame-schema', `a frame holds ${found.join(', ')} and not ${schema.names.join(', ')}`)
  }
  const of = schema ?? makeSchema(readDescription(description, columns))
  reader.at = FRAME_HEADER + description.length
  const decoded = of.names.map((name) => reader.column(of.fields[name]!.kind, rows))
  let diffs: Int32Array | null = null
  if (flags & HAS_DIFFS) {
    diffs = Int32Array.from(new Int8Array(bytes.buffer, bytes.byteOffset + reader.at, rows))
    reader.at = align8(reader.at + rows)
  }
  return new Batch(of, rows, decoded, diffs, flags & HAS_ORIGINS ? reader.origins(rows) : null)
}

class Reader {
  at = 0
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  column(kind: FieldKind, rows: number): Column {
    switch (columnTypeOf(kind)) {
      case 'number':
        return this.#numbers(rows)
      case 'string':
        return this.#strings(rows)
      case 'bytes':
        return this.#blobs(rows)
    }
  }

  origins(rows: number): OriginColumn {
    const [count, consecutive, , manyHeads] = this.#u32s(4) as unknown as [number, number, number, number]
    const ends = this.#u32s(count)
    const start = this.at
    const heads = Array.from(ends, (end, i) => copyOf(this.#bytes, start + (i ? ends[i - 1]! : 0), start + end))
    this.at = align8(start + (count ? ends[count - 1]! : 0))
    const head = manyHeads ? this.#codes(4, rows) : new Int32Array(rows)
    if (!consecutive) return { heads, head, seq: this.#floats(rows) }
    const first = this.#floats(1)[0]!
    const seq = new Float64Array(rows)
    for (let i = 0; i < rows; i++) seq[i] = first + i
    return { heads, head, seq }
  }

  #u32s(count: number): Uint32Array {
    const block = new Uint32Array(this.#bytes.buffer, this.#bytes.byteOffset + this.at, count)
    this.at += count * 4
    return block
  }

  #floats(count: number): Float64Array {
    const block = new Float64Array(this.#bytes.buffer, this.#bytes.byteOffset + this.at, count)
    this.at += count * 8
    return block
  }

  #u8s(count: number): Uint8Array {
    const block = this.#bytes.subarray(this.at, this.at + count)
    this.at = align8(this.at + count)
    return block
  }

  #numbers(rows: number): Column {
    const [encoding, nulls] = this.#u32s(2)
    const valid = nulls ? this.#u8s(rows) : null
    const data = encoding === 1 ? Float64Array.from(this.#u8s(rows)) : this.#floats(rows)
    return { type: 'number', data, valid }
  }

  #codes(width: number, rows: number): Int32Array {
    const start = this.#bytes.byteOffset + this.at
    this.at = align8(this.at + rows * width)
    if (width === 4) return new Int32Array(this.#bytes.buffer, start, rows)
    const codes = new Int32Array(rows)
    if (width === 0) {
      for (let i = 0; i < rows; i++) codes[i] = i
      return codes
    }
    const narrow =
      width === 1 ? new Uint8Array(this.#bytes.buffer, start, rows) : new Uint16Array(this.#bytes.buffer, start, rows)
    const none = width === 1 ? 255 : 65535
    for (let i = 0; i < rows; i++) codes[i] = narrow[i] === none ? -1 : narrow[i]!
    return codes
  }

  #strings(rows: number): Column {
    const [count, widthAndFlags, blob] = this.#u32s(4) as unknown as [number, number, number]
    const ends = this.#u32s(count)
    const text = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + this.at, blob)
    const values = new Array<string>(count)
    if (widthAndFlags & ASCII) {
      const all = text.toString('latin1', 0, blob)
      for (let v = 0, from = 0; v < count; from = ends[v++]!) values[v] = all.slice(from, ends[v])
    } else {
      for (let v = 0, from = 0; v < count; from = ends[v++]!) values[v] = text.toString('utf8', from, ends[v])
    }
    this.at = align8(this.at + blob)
    return { type: 'string', codes: this.#codes(widthAndFlags & 255, rows), values }
  }

  #blobs(rows: number): Column {
    const [, , blob, nulls] = this.#u32s(4) as unknown as [number, number, number, number]
    const ends = this.#u32s(rows)
    this.at = align8(this.at)
    const valid = nulls ? this.#u8s(rows) : null
    const start = this.at
    this.at = align8(start + blob)
    const values = Array.from({ length: rows }, (_, i) =>
      valid !== null && valid[i] === 0 ? null : copyOf(this.#bytes, start + (i ? ends[i - 1]! : 0), start + ends[i]!),
    )
    return { type: 'bytes', values }
  }
}
