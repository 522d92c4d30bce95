/**
 * Writes updates as one frame; see `frame-layout.ts`. The rows may come from several batches and be picked from each: a
 * partition's rows are copied once. The bytes depend on the rows and their order alone, never on how they were batched
 * (FR-1), so that a replay can be compared by hash.
 */
import { latin1 } from '../base/bytes.ts'
import { checksum } from '../base/hash.ts'
import type { Batch } from './batch.ts'
import type { BytesColumn, Column, NumberColumn, StringColumn } from './column.ts'
import {
  ASCII,
  align8,
  describeSchema,
  FRAME_HEADER,
  FRAME_LAYOUT,
  FRAME_MAGIC,
  HAS_DIFFS,
  HAS_ORIGINS,
} from './frame-layout.ts'
import { putNumbers } from './frame-numbers.ts'
import { FrameTarget } from './frame-target.ts'
import type { OriginColumn } from './origin.ts'
import type { FieldKind } from './schema.ts'

/** The rows `rows[0..count)` of a batch, or the first `count` where `rows` is null. */
export interface FramePart {
  readonly batch: Batch
  readonly rows: Int32Array | null
  readonly count: number
}

/** A part, seen as one of its columns. */
export interface Slice<C> {
  readonly column: C
  readonly rows: Int32Array | null
  readonly count: number
}

/**
 * Encodes parts of one schema, at least one, as one frame.
 * @returns bytes that start at offset 0 of their own buffer and whose length is a multiple of 8
 */
export function encodeParts(parts: readonly FramePart[]): Uint8Array {
  const { schema } = parts[0]!.batch
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  const description = describeSchema(schema)
  const target = new FrameTarget(FRAME_HEADER + description.length + count * 8 * (schema.names.length + 1) + 256)
  target.skip(FRAME_HEADER)
  target.put(description)
  schema.names.forEach((name, c) => {
    const slices = parts.map(({ batch, rows, count: n }) => ({ column: batch.columns[c]!, rows, count: n }))
    putColumn(target, slices, schema.fields[name]!.kind, count)
  })
  const flags = putDiffs(target, parts, count) | putOrigins(target, parts, count)
  const frame = target.finish()
  frame.writeUInt32LE(FRAME_MAGIC, 0)
  frame.writeUInt32LE(frame.length, 8)
  frame.writeUInt16LE(FRAME_LAYOUT, 12)
  frame.writeUInt16LE(flags, 14)
  frame.writeUInt32LE(count, 16)
  frame.writeUInt16LE(schema.names.length, 20)
  frame.writeUInt16LE(description.length, 22)
  frame.writeUInt32LE(checksum(frame.subarray(8)), 4)
  return frame
}

/** Encodes one whole batch. */
export const encodeFrame = (batch: Batch): Uint8Array => encodeParts([{ batch, rows: null, count: batch.length }])

function putColumn(target: FrameTarget, slices: Slice<Column>[], kind: FieldKind, count: number): void {
  const { type } = slices[0]!.column
  if (type === 'number') putNumbers(target, slices as Slice<NumberColumn>[], kind, count)
  else if (type === 'string') putStrings(target, slices as Slice<StringColumn>[], count)
  else putBytes(target, slices as Slice<BytesColumn>[], count)
}

/** Codes over all slices, numbered by first use; `values[v]` is the text of code v. */
function collectCodes(slices: readonly Slice<StringColumn>[], count: number) {
  const codes = new Int32Array(count)
  const values: string[] = []
  const codeOf = slices.length > 1 ? new Map<string, number>() : null
  let at = 0
  for (const { column, rows, count: n } of slices) {
    const renumbered = new Int32Array(column.values.length).fill(-1)
    for (let i = 0; i < n; i++) {
      const code = column.codes[rows === null ? i : rows[i]!]!
      if (code < 0) {
        codes[at++] = -1
        continue
      }
      let next = renumbered[code]!
      if (next < 0) {
        const value = column.values[code]!
        next = codeOf?.get(value) ?? -1
        if (next < 0) {
          next = values.push(value) - 1
          codeOf?.set(value, next)
        }
        renumbered[code] = next
      }
      codes[at++] = next
    }
  }
  return { codes, values }
}

function putStrings(target: FrameTarget, slices: readonly Slice<StringColumn>[], count: number): void {
  const { codes, values } = collectCodes(slices, count)
  const unique = values.length === count && (count === 0 || codes[count - 1] === count - 1)
  // The highest code of a width means null.
  const width = unique ? 0 : values.length < 255 ? 1 : values.length < 65535 ? 2 : 4
  const head = target.skip(16 + values.length * 4)
  const start = target.at
  let ascii = true
  values.forEach((value, v) => {
    if (target.text(value) !== value.length) ascii = false
    target.setU32(head + 16 + v * 4, target.at - start)
  })
  target.setU32(head, values.length)
  target.setU32(head + 4, width | (ascii ? ASCII : 0))
  target.setU32(head + 8, target.at - start)
  target.setU32(head + 12, 0)
  target.pad()
  if (width > 0) target.codes(codes, width)
}

function putBytes(target: FrameTarget, slices: readonly Slice<BytesColumn>[], count: number): void {
  const values: (Uint8Array | null)[] = []
  for (const { column, rows, count: n } of slices) {
    for (let i = 0; i < n; i++) values.push(column.values[rows === null ? i : rows[i]!]!)
  }
  const flags = Uint8Array.from(values, (value) => (value === null ? 0 : 1))
  const nulls = flags.includes(0)
  const head = target.skip(align8(16 + count * 4))
  let end = 0
  values.forEach((value, i) => target.setU32(head + 16 + i * 4, (end += value?.length ?? 0)))
  if (count % 2 === 1) target.setU32(head + 16 + count * 4, 0)
  target.setU32(head, 0)
  target.setU32(head + 4, 0)
  target.setU32(head + 8, end)
  target.setU32(head + 12, nulls ? 1 : 0)
  if (nulls) target.put(flags)
  const block = target.bytesBlock(end)
  let at = 0
  for (const value of values) {
    if (value === null) continue
    block.set(value, at)
    at += value.length
  }
}

function putDiffs(target: FrameTarget, parts: readonly FramePart[], count: number): number {
  if (parts.every(({ batch }) => batch.diffs === null)) return 0
  const diffs = new Int8Array(count)
  let at = 0
  for (const { batch, rows, count: n } of parts) {
    for (let i = 0; i < n; i++) diffs[at++] = batch.diff(rows === null ? i : rows[i]!)
  }
  if (diffs.every((diff) => diff === 1)) return 0
  target.put(new Uint8Array(diffs.buffer))
  return HAS_DIFFS
}

/** Origins over all parts, heads numbered by first use; null where a row has none. A part without rows says nothing. */
function collectOrigins(parts: readonly FramePart[], count: number): OriginColumn | null {
  if (count === 0 || parts.some(({ batch, count: n }) => n > 0 && batch.origins === null)) return null
  const heads: Uint8Array[] = []
  const codeOf = new Map<string, number>()
  const head = new Int32Array(count)
  const seq = new Float64Array(count)
  let at = 0
  for (const { batch, rows, count: n } of parts) {
    if (n === 0) continue
    const from = batch.origins!
    const renumbered = new Int32Array(from.heads.length).fill(-1)
    for (let i = 0; i < n; i++) {
      const row = rows === null ? i : rows[i]!
      const code = from.head[row]!
      if (renumbered[code]! < 0) {
        const bytes = from.heads[code]!
        const text = latin1(bytes)
        let next = codeOf.get(text)
        if (next === undefined) {
          next = heads.push(bytes) - 1
          codeOf.set(text, next)
        }
        renumbered[code] = next
      }
      head[at] = renumbered[code]!
      seq[at++] = from.seq[row]!
    }
  }
  return { heads, head, seq }
}

function putOrigins(target: FrameTarget, parts: readonly FramePart[], count: number): number {
  const origins = collectOrigins(parts, count)
  if (origins === null) return 0
  const { heads, head, seq } = origins
  const consecutive = seq.every((value, i) => i === 0 || value === seq[i - 1]! + 1)
  target.u32(heads.length)
  target.u32(consecutive ? 1 : 0)
  target.u32(heads.reduce((sum, bytes) => sum + bytes.length, 0))
  target.u32(heads.length > 1 ? 1 : 0)
  let end = 0
  for (const bytes of heads) target.u32((end += bytes.length))
  for (const bytes of heads) target.put(bytes, false)
  target.pad()
  if (heads.length > 1) target.codes(head, 4)
  target.floats(consecutive ? 1 : count).set(consecutive ? [seq[0]!] : seq)
  return HAS_ORIGINS
}
