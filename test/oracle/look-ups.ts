/** What look-ups come to, by brute force: everything that is known of a key is gone through, for each time. */
import type { OracleUpdate } from './folds.ts'
import { firstOf } from './ranks.ts'
import { aggregate, type OracleAggregates, type OracleRow } from './windows.ts'

export interface Span {
  readonly row: OracleRow
  readonly until?: number
}

/** Rows that may be found at a time: those that hold and began last. None where no row holds. */
export function heldAt(spans: readonly Span[], timeOf: (row: OracleRow) => number, at: number): OracleRow[] {
  const held = spans.filter(({ row, until }) => timeOf(row) <= at && (until === undefined || until > at))
  const last = Math.max(...held.map(({ row }) => timeOf(row)))
  return held.filter(({ row }) => timeOf(row) === last).map(({ row }) => row)
}

/** Results by name; `default` where nothing is within the spans, and null where nothing of the key has come up to the time. */
export function spansAt(
  rows: readonly OracleUpdate[],
  aggregates: OracleAggregates,
  { time, at, unit }: { time: string; at: number; unit: number },
): { state: 'found' | 'default'; row: OracleRow } | null {
  const timeOf = ({ row }: OracleUpdate) => row[time] as number
  const known = firstOf(rows, { which: 'first', by: [], limit: rows.length }, time).filter((one) => timeOf(one) <= at)
  if (known.length === 0) return null
  let state: 'found' | 'default' = 'default'
  const results = Object.entries(aggregates).map(([name, [kind, column, { over = null, ...options } = {}]]) => {
    const within = known.filter((one) => over === null || timeOf(one) > at - over * unit)
    if (within.length > 0) state = 'found'
    const inOrder = within.map(({ row }) => row)
    return [name, aggregate(inOrder, [kind, column ?? null, options], { time, at, unit })]
  })
  return { state, row: Object.fromEntries(results) }
}
