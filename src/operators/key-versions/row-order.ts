/** The order of rows in blocks: by the hash of the key, then by event time, then by origin. */

import type { Batch } from '../../records/batch.ts'
import { compareOrigins } from '../../records/origin.ts'
import { rowNumbers } from '../../records/row-numbers.ts'
import { sortByNumber } from '../radix-sort.ts'

/** The column of the hashes of keys: whole numbers of 32 bits. */
export const HASH = 'hash'

export const hashesOf = (rows: Batch): Float64Array => (rows.column(HASH) as { data: Float64Array }).data

/** The rows in order; those of one place as they stand. */
export const blockOrder = (rows: Batch): Int32Array =>
  orderByHash(hashesOf(rows), (a, b) => comparePlaces(rows, a, rows, b))

/** Rows in order of their hashes, and of what else tells two of one hash apart. */
export function orderByHash(hashes: Float64Array, before: (a: number, b: number) => number): Int32Array {
  const order = rowNumbers(hashes.length)
  if (!isAscending(hashes)) sortByNumber(order, hashes)
  for (let from = 0, to = 1; from < order.length; from = to++) {
    const hash = hashes[order[from]!]!
    let isOrdered = true
    for (; to < order.length && hashes[order[to]!] === hash; to++)
      if (before(order[to - 1]!, order[to]!) > 0) isOrdered = false
    if (!isOrdered) order.subarray(from, to).sort(before)
  }
  return order
}

/** Of rows that have origins, or none of them has. */
export const comparePlaces = (a: Batch, i: number, b: Batch, j: number): number =>
  a.times[i]! - b.times[j]! || (a.origins === null ? 0 : compareOrigins(a.origins, i, b.origins!, j))

function isAscending(numbers: Float64Array): boolean {
  for (let i = 1; i < numbers.length; i++) if (numbers[i]! < numbers[i - 1]!) return false
  return true
}
