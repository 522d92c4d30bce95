/** Takes rows out of what a source's reader gave, by their offsets. */
import { chosenRows, rowNumbers } from '../records/row-numbers.ts'
import type { SplitRows } from '../topology/connector.ts'

/** The offsets of the rows, in order. */
export const offsetsOf = ({ batch, offsets }: SplitRows): number[] =>
  typeof offsets === 'number' ? Array.from({ length: batch.length }, (_, i) => offsets + i) : [...offsets]

/**
 * @param isKept by offset and row
 * @returns the rows that are kept; the same object where all are
 */
export function keepRows(rows: SplitRows, isKept: (offset: number, row: number) => boolean): SplitRows {
  const offsets = offsetsOf(rows)
  const kept = chosenRows(rowNumbers(offsets.length), (i) => isKept(offsets[i]!, i))
  if (kept.length === offsets.length) return rows
  return { ...rows, batch: rows.batch.gather(kept, kept.length), offsets: Float64Array.from(kept, (i) => offsets[i]!) }
}
