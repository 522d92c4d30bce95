/** What is kept of the versions of a key. */

import type { Batch } from '../../records/batch.ts'
import type { Column } from '../../records/column.ts'
import { hashColumns } from '../../records/key.ts'
import { chosenRows } from '../../records/row-numbers.ts'
import { areSame } from './key-columns.ts'
import { comparePlaces, hashesOf } from './row-order.ts'

/**
 * `last`: from the last one before the horizon on, and of two at one place the later one; `all`: those that are not before
 * the horizon; `net`: but for those up to the horizon of which one takes the other back.
 */
export type Retention = 'last' | 'all' | 'net'

/**
 * Of rows in order, as blocks have them, those that can still be asked for.
 * @param keys their columns of these rows
 */
export function keptRows(
  rows: Batch,
  order: Int32Array,
  { retention, horizon, keys }: { retention: Retention; horizon: number; keys: readonly Column[] },
): Int32Array {
  const { times } = rows
  if (retention === 'all') return chosenRows(order, (row) => times[row]! >= horizon)
  if (retention === 'net') return netRows(rows, order, horizon)
  const hashes = hashesOf(rows)
  return chosenRows(order, (row, i) => {
    // Rows of another key of the same hash may stand between.
    let n = i + 1
    while (n < order.length && hashes[order[n]!] === hashes[row] && !areSame(keys, row, keys, order[n]!)) n++
    if (n === order.length || hashes[order[n]!] !== hashes[row]) return true
    return times[order[n]!]! >= horizon && comparePlaces(rows, row, rows, order[n]!) !== 0
  })
}

function netRows(rows: Batch, order: Int32Array, horizon: number): Int32Array {
  const { times, diffs, schema } = rows
  if (diffs === null) return order
  const content = rows.columns.filter((_, c) => schema.names[c] !== schema.time)
  const hashes = hashesOf(rows)
  const gone = new Uint8Array(order.length)
  let contents: Uint32Array | null = null
  for (let from = 0, to = 1; from < order.length; from = to++) {
    const hash = hashes[order[from]!]
    while (to < order.length && hashes[order[to]!] === hash) to++
    const old = order.subarray(from, to).filter((row) => times[row]! <= horizon)
    if (old.length < 2 || old.every((row) => diffs[row]! > 0)) continue
    contents ??= hashColumns(content, rows.length)
    const of = contents
    const updates = {
      hash: (i: number) => of[old[i]!]!,
      diff: (i: number) => diffs[old[i]!]!,
      areSame: (i: number, j: number) => areSame(content, old[i]!, content, old[j]!),
    }
    // The old ones of a hash come first.
    gone.set(takenBack(old.length, updates), from)
  }
  return chosenRows(order, (_, i) => gone[i] === 0)
}

/** Updates by their numbers. */
interface Updates {
  /** Of what is the same, the same. */
  hash(i: number): number
  diff(i: number): number
  areSame(i: number, j: number): boolean
}

/** Which of some updates go, since one takes the other back: 1 for those. */
export function takenBack(count: number, updates: Updates): Uint8Array {
  const gone = new Uint8Array(count)
  const left = new Map<number, number[]>()
  for (let i = 0; i < count; i++) {
    const hash = updates.hash(i)
    const alike = left.get(hash)
    if (alike === undefined) {
      left.set(hash, [i])
      continue
    }
    const at = alike.findIndex((j) => updates.diff(j) !== updates.diff(i) && updates.areSame(j, i))
    if (at < 0) alike.push(i)
    else {
      gone[i] = 1
      gone[alike[at]!] = 1
      alike.splice(at, 1)
    }
  }
  return gone
}
