/** Takes rows out of what a source's reader gave, by their offsets. */
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
  const kept = Int32Array.from({ length: offsets.length }, (_, i) => i).filter((i) => isKept(offsets[i]!, i))
  if (kept.length === offsets.length) return rows
  return { ...rows, batch: rows.batch.gather(kept, kept.length), offsets: Float64Array.from(kept, (i) => offsets[i]!) }
}
