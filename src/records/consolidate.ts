/**
 * Consolidation: the sum of diffs of equal rows, zeros dropped. The equality of tests, oracles and sinks: two batches
 * of updates mean the same if they consolidate to the same.
 */
import { latin1 } from '../base/bytes.ts'
import type { Batch } from './batch.ts'
import { packKey } from './key.ts'

export interface ConsolidatedRow {
  readonly row: Readonly<Record<string, unknown>>
  /** Never 0. */
  readonly diff: number
}

/** Consolidates updates, in the order of their packed bytes. */
export function consolidate(batches: Iterable<Batch>): ConsolidatedRow[] {
  const sums = new Map<string, { row: Record<string, unknown>; diff: number }>()
  for (const batch of batches) {
    const columns = batch.schema.names.map((_, c) => c)
    for (let i = 0; i < batch.length; i++) {
      const key = latin1(packKey(batch, columns, i))
      const known = sums.get(key)
      if (known === undefined) sums.set(key, { row: batch.row(i), diff: batch.diff(i) })
      else known.diff += batch.diff(i)
    }
  }
  return [...sums.entries()]
    .filter(([, { diff }]) => diff !== 0)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([, entry]) => entry)
}
