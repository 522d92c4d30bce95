/** What windows come to, by brute force: every row into every window that holds it, every window over all its rows. */
import { add, fractionOf, minus, nearest, over, times, total } from './exact.ts'

export type OracleRow = Readonly<Record<string, unknown>>

export interface WindowOracle {
  readonly size: number
  readonly hop: number
  readonly time: string
  readonly keys: readonly string[]
  /** Result field: [kind, column]. */
  readonly aggregates: Readonly<Record<string, readonly [kind: string, column?: string]>>
}

/** @param rows those that hold in the end: what was taken back is not among them */
export function windowsOf(rows: readonly OracleRow[], oracle: WindowOracle): OracleRow[] {
  const { size, hop, keys } = oracle
  const groups = new Map<string, { start: number; rows: OracleRow[] }>()
  for (const row of rows) {
    const at = row[oracle.time] as number
    for (let start = Math.floor(at / hop) * hop; start > at - size; start -= hop) {
      const name = JSON.stringify([start, ...keys.map((key) => row[key])])
      const group = groups.get(name) ?? { start, rows: [] }
      group.rows.push(row)
      groups.set(name, group)
    }
  }
  return [...groups.values()].map(({ start, rows: members }) => ({
    ...Object.fromEntries(keys.map((key) => [key, members[0]![key]])),
    window_start: start,
    window_end: start + size,
    ...Object.fromEntries(
      Object.entries(oracle.aggregates).map(([field, [kind, column]]) => [field, aggregate(kind, members, column)]),
    ),
  }))
}

export function aggregate(kind: string, rows: readonly OracleRow[], column?: string): number | null {
  if (kind === 'count') return rows.length
  const values = rows.map((row) => row[column!]).filter((value) => value !== null) as (number | boolean)[]
  if (values.length === 0) return null
  const numbers = values.map(Number)
  switch (kind) {
    case 'min':
      return numbers.reduce((a, b) => (b < a ? b : a))
    case 'max':
      return numbers.reduce((a, b) => (b > a ? b : a))
    case 'sum':
      return nearest(total(numbers.map(fractionOf)))
    case 'mean':
      return nearest(over(total(numbers.map(fractionOf)), numbers.length))
    case 'variance':
      return nearest(variance(numbers))
    case 'stddev':
      return Math.sqrt(nearest(variance(numbers)))
    default:
      throw new Error(kind)
  }
}

/** The mean squared distance from the mean. */
function variance(numbers: readonly number[]) {
  const mean = over(total(numbers.map(fractionOf)), numbers.length)
  const squares = numbers.map((x) => {
    const distance = add(fractionOf(x), minus(mean))
    return times(distance, distance)
  })
  return over(total(squares), numbers.length)
}
