/** Writes the number columns of a frame, bools among them; see `frame-layout.ts`. */
import type { NumberColumn } from './column.ts'
import type { Slice } from './frame-encoder.ts'
import type { FrameTarget } from './frame-target.ts'
import type { FieldKind } from './schema.ts'

export function putNumbers(
  target: FrameTarget,
  slices: readonly Slice<NumberColumn>[],
  kind: FieldKind,
  count: number,
): void {
  const flags = collectFlags(slices, count)
  target.u32(kind === 'bool' ? 1 : 0)
  target.u32(flags === null ? 0 : 1)
  if (flags !== null) target.put(flags)
  let at = 0
  if (kind === 'bool') {
    const block = target.bytesBlock(count)
    for (const { column, rows, count: n } of slices) {
      for (let i = 0; i < n; i++) block[at++] = column.data[rows === null ? i : rows[i]!]!
    }
    clearNulls(block, flags)
  } else {
    const block = target.floats(count)
    for (const { column, rows, count: n } of slices) {
      if (rows === null) block.set(column.data.subarray(0, n), at)
      else gatherInto(block, at, column.data, rows, n)
      at += n
    }
    clearNulls(block, flags)
    if (kind === 'float') unifyNaN(block)
  }
}

/** Validity flags if there is a null among the rows. */
function collectFlags(slices: readonly Slice<NumberColumn>[], count: number): Uint8Array | null {
  if (slices.every(({ column }) => column.valid === null)) return null
  const flags = new Uint8Array(count)
  let at = 0
  let nulls = 0
  for (const { column, rows, count: n } of slices) {
    for (let i = 0; i < n; i++) {
      const flag = column.valid === null ? 1 : column.valid[rows === null ? i : rows[i]!]!
      flags[at++] = flag
      if (flag === 0) nulls++
    }
  }
  return nulls > 0 ? flags : null
}

/** What a null hides is not part of the value. */
function clearNulls(block: Float64Array | Uint8Array, flags: Uint8Array | null): void {
  if (flags !== null) for (let i = 0; i < flags.length; i++) if (flags[i] === 0) block[i] = 0
}

/**
 * Nor are the bits of a NaN, which differ by how it was computed. Four sums first, which a NaN would spoil: 0.4 ns a
 * value where there is none, a third of looking at each.
 */
function unifyNaN(block: Float64Array): void {
  const { length } = block
  let [a, b, c, d] = [0, 0, 0, 0]
  let i = 0
  for (; i + 3 < length; i += 4) {
    a += block[i]!
    b += block[i + 1]!
    c += block[i + 2]!
    d += block[i + 3]!
  }
  for (; i < length; i++) a += block[i]!
  if (!Number.isNaN(a + b + c + d)) return
  for (i = 0; i < length; i++) if (Number.isNaN(block[i]!)) block[i] = Number.NaN
}

function gatherInto(to: Float64Array, at: number, from: Float64Array, rows: Int32Array, count: number): void {
  for (let i = 0; i < count; i++) to[at + i] = from[rows[i]!]!
}
