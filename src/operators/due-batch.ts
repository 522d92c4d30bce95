/** Rows that are due, in one batch. */
import type { Batch } from '../records/batch.ts'
import { concat } from '../records/concat.ts'
import type { DueRow } from './due-rows.ts'

/** The rows in their order, at least one. */
export function batchOfDue(rows: readonly DueRow[]): Batch {
  const chosen = new Map<Batch, number[]>()
  const places = new Int32Array(rows.length)
  rows.forEach(({ batch, row }, i) => {
    const of = chosen.get(batch)
    if (of === undefined) chosen.set(batch, [row])
    else places[i] = of.push(row) - 1
  })
  const starts = new Map<Batch, number>()
  let start = 0
  const parts = [...chosen].map(([batch, of]) => {
    starts.set(batch, start)
    start += of.length
    return batch.gather(Int32Array.from(of), of.length)
  })
  for (let i = 0; i < rows.length; i++) places[i]! += starts.get(rows[i]!.batch)!
  return concat(parts).gather(places, rows.length)
}
