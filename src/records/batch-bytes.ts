/**
 * How large rows are: each with all its values, as they would stand one by one. In memory and in a frame equal texts of a
 * batch stand once; but where rows are written out, or kept one by one, they do not, and that is what a budget is for.
 */

import type { Batch } from './batch.ts'
import type { Column, UserValue } from './column.ts'
import { rowNumbers } from './row-numbers.ts'

/** Of a number; of the place of any other value. */
const SLOT = 8

/** Bytes of all rows. Characters count as one. */
export function batchBytes(batch: Batch): number {
  let bytes = 0
  for (const column of batch.columns) bytes += columnBytes(column, batch.length)
  return bytes
}

/** Bytes of each row: over all rows they add up to `batchBytes`. */
export function rowBytesOf({ columns }: Batch): (row: number) => number {
  const fixed = columns.length * SLOT
  const wide = columns.filter((column) => column.type !== 'number')
  if (wide.length === 0) return () => fixed
  return (row) => {
    let bytes = fixed
    for (const column of wide) bytes += valueBytes(column, row)
    return bytes
  }
}

/** Bytes of one row. */
export const rowBytes = (batch: Batch, row: number): number => rowBytesOf(batch)(row)

/**
 * The end of the longest run of rows from `from` on that is within `bytesMax`: one row at least, however large.
 * @param columns those that count
 */
export function rowsWithin(batch: Batch, from: number, bytesMax: number, columns = batch.columns): number {
  const wide = columns.filter((column) => column.type !== 'number')
  const fixed = columns.length * SLOT
  if (wide.length === 0) return Math.min(batch.length, from + Math.max(1, Math.floor(bytesMax / Math.max(1, fixed))))
  let bytes = 0
  for (let row = from; row < batch.length; row++) {
    bytes += fixed
    for (const column of wide) bytes += valueBytes(column, row)
    if (bytes > bytesMax && row > from) return row
  }
  return batch.length
}

/** The rows of a batch in pieces, each within `bytesMax` or of a single row. */
export function* piecesOf(batch: Batch, bytesMax: number): Iterable<Batch> {
  for (let from = 0; from < batch.length; ) {
    const to = rowsWithin(batch, from, bytesMax)
    yield pieceOf(batch, from, to)
    from = to
  }
}

/** Rows `from` to `to`. */
export function pieceOf(batch: Batch, from: number, to: number): Batch {
  if (from === 0 && to === batch.length) return batch
  const rows = rowNumbers(to - from, from)
  return batch.gather(rows, rows.length)
}

/** Bytes of the values of one row; of lists, maps and structs that are not packed, those of their parts. */
export function valuesBytes(values: readonly UserValue[]): number {
  let bytes = 0
  for (const value of values) {
    bytes += SLOT
    if (typeof value === 'string' || value instanceof Uint8Array) bytes += value.length
    else if (typeof value === 'object' && value !== null) bytes += valuesBytes(Object.values(value))
  }
  return bytes
}

function columnBytes(column: Column, length: number): number {
  let bytes = length * SLOT
  if (column.type === 'string') {
    const { codes, values } = column
    for (let i = 0; i < length; i++) if (codes[i]! >= 0) bytes += values[codes[i]!]!.length
  } else if (column.type === 'bytes') for (let i = 0; i < length; i++) bytes += column.values[i]?.length ?? 0
  return bytes
}

function valueBytes(column: Column, row: number): number {
  if (column.type === 'number') return 0
  if (column.type === 'bytes') return column.values[row]?.length ?? 0
  const code = column.codes[row]!
  return code < 0 ? 0 : column.values[code]!.length
}
