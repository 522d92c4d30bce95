/**
 * Origins: where a row comes from, the tie-break of equal event times. An origin is a byte string, `head ++ be64(seq)`,
 * compared bytewise; rows of one split share the head and count in `seq`, so a batch costs a run, not a string a row.
 */
import { copyOf } from '../base/bytes.ts'

export interface OriginColumn {
  readonly heads: readonly Uint8Array[]
  /** Which head each row has. */
  readonly head: Int32Array
  /** Whole numbers from 0: the offset within the split, or an ordinal. */
  readonly seq: Float64Array
}

/** Origins of consecutive rows of one split, the first at `offset`. */
export function consecutiveOrigins(head: Uint8Array, offset: number, length: number): OriginColumn {
  const seq = new Float64Array(length)
  for (let i = 0; i < length; i++) seq[i] = offset + i
  return { heads: [head], head: new Int32Array(length), seq }
}

/** The head of a source's split: (source, split), each a big-endian 32-bit number. */
export function splitHead(source: number, split: number): Uint8Array {
  const head = new Uint8Array(8)
  new DataView(head.buffer).setUint32(0, source)
  new DataView(head.buffer).setUint32(4, split)
  return head
}

/**
 * Where a row stands in its split, or the row that it was made of: what makes rows of one adds ordinals of 8 bytes behind
 * its origin. Null for other origins.
 */
export function placeInSplit(origin: Uint8Array): { source: number; split: number; offset: number } | null {
  if (origin.length < 16 || origin.length % 8 !== 0) return null
  const view = new DataView(origin.buffer, origin.byteOffset, origin.length)
  const offset = view.getUint32(8) * 4294967296 + view.getUint32(12)
  return { source: view.getUint32(0), split: view.getUint32(4), offset }
}

/** The whole origin of one row. */
export function originBytes(column: OriginColumn, row: number): Uint8Array {
  const head = column.heads[column.head[row]!]!
  const bytes = new Uint8Array(head.length + 8)
  bytes.set(head)
  const seq = column.seq[row]!
  const view = new DataView(bytes.buffer)
  view.setUint32(head.length, Math.floor(seq / 4294967296))
  view.setUint32(head.length + 4, seq >>> 0)
  return bytes
}

/** Order of two rows' origins: below, equal or above 0. */
export function compareOrigins(a: OriginColumn, i: number, b: OriginColumn, j: number): number {
  const left = a.heads[a.head[i]!]!
  const right = b.heads[b.head[j]!]!
  if (left === right) return a.seq[i]! - b.seq[j]!
  return Buffer.compare(originBytes(a, i), originBytes(b, j))
}

/** Takes whole origins apart into a column, as they come back from a table. */
export function originsOf(origins: readonly Uint8Array[]): OriginColumn {
  const heads: Uint8Array[] = []
  const codes = new Map<string, number>()
  const head = new Int32Array(origins.length)
  const seq = new Float64Array(origins.length)
  origins.forEach((origin, i) => {
    const cut = origin.length - 8
    const text = Buffer.from(origin.buffer, origin.byteOffset, cut).toString('latin1')
    let code = codes.get(text)
    if (code === undefined) {
      code = heads.length
      codes.set(text, code)
      heads.push(copyOf(origin, 0, cut))
    }
    head[i] = code
    const view = new DataView(origin.buffer, origin.byteOffset + cut, 8)
    seq[i] = view.getUint32(0) * 4294967296 + view.getUint32(4)
  })
  return { heads, head, seq }
}

export function gatherOrigins(column: OriginColumn, rows: Int32Array, count: number): OriginColumn {
  const head = new Int32Array(count)
  const seq = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    head[i] = column.head[rows[i]!]!
    seq[i] = column.seq[rows[i]!]!
  }
  return { heads: column.heads, head, seq }
}
