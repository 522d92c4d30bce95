/** Aggregates over the last so many rows of a key. */
import type { Value } from '../records/column.ts'
import type { Schema } from '../records/schema.ts'
import { openGroups } from './fold/aggregate-group.ts'
import type { FoldRow } from './fold/fold-row.ts'
import { ScratchTable } from './scratch-table.ts'
import type { Spanned } from './spans.ts'

/** An aggregate over a span, or over the last `rows`. */
export interface Windowed extends Spanned {
  readonly rows?: number
}

export interface RowAggregates {
  /** The most rows that any of them is over. */
  readonly longest: number
  /** @param back rows from that of the results back @returns results by aggregate */
  resultsOf(back: Iterable<FoldRow>): Value[]
}

/** @param names of the columns whose values a row has, in their order */
export function rowAggregates(input: Schema, names: readonly string[], aggregates: readonly Windowed[]): RowAggregates {
  const lengths = [...new Set(aggregates.map(({ rows }) => rows!))].sort((a, b) => a - b)
  const groups = lengths.map((length) => {
    const own = aggregates.filter(({ rows }) => rows === length)
    return { length, places: own.map((one) => aggregates.indexOf(one)), open: openGroups(input, names, own, true) }
  })
  const longest = lengths.at(-1) ?? 0
  return {
    longest,
    resultsOf(back) {
      const rows = firstRows(back, longest)
      const results: Value[] = []
      for (const { length, places, open } of groups) {
        const group = open({ key: new Uint8Array(0), saved: null, members: new ScratchTable() })
        for (const row of firstRows(rows, length)) group.apply(row, row.diff)
        const own = group.results()
        places.forEach((place, i) => {
          results[place] = own[i]!
        })
      }
      return results
    },
  }
}

/** As many as there are, each as often as it is there. */
function firstRows(rows: Iterable<FoldRow>, most: number): FoldRow[] {
  const first: FoldRow[] = []
  let left = most
  if (left === 0) return first
  for (const row of rows) {
    if (row.diff <= 0) continue
    first.push({ ...row, diff: Math.min(left, row.diff) })
    left -= row.diff
    if (left <= 0) break
  }
  return first
}
