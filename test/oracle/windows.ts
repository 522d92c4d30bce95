/** What windows come to, by brute force: every row into every window that holds it, every window over all its rows. */

import { add, fractionOf, minus, nearest, over, times, total } from './exact.ts'
import { rankOf } from './ranks.ts'

export type OracleRow = Readonly<Record<string, unknown>>

/** What an aggregate may be given; see the functions of these names. */
export interface OracleOptions {
  readonly where?: string
  readonly default?: number
  readonly p?: number
  readonly limit?: number
  readonly isDistinct?: true
  readonly dropsNull?: true
  /** In the case's units. */
  readonly halfLife?: number
  /** How long ago rows may be, in the case's units; null for ever. */
  readonly over?: number | null
  /** How many rows up to each. */
  readonly rows?: number
}
export type OracleAggregates = Readonly<
  Record<string, readonly [kind: string, column?: string | null, options?: OracleOptions]>
>

export interface WindowOracle {
  readonly size: number
  readonly hop: number
  readonly offset?: number
  /** Of windows that grow; null for others. */
  readonly step?: number | null
  readonly time: string
  readonly keys: readonly string[]
  /** Result field: [kind, column]. */
  readonly aggregates: OracleAggregates
}

/** @param rows those that hold in the end: what was taken back is not among them */
export function windowsOf(rows: readonly OracleRow[], oracle: WindowOracle): OracleRow[] {
  const { size, hop, keys, offset = 0, step = null } = oracle
  const groups = new Map<string, { start: number; end: number; rows: OracleRow[] }>()
  for (const row of rows) {
    const at = row[oracle.time] as number
    for (let start = Math.floor((at - offset) / hop) * hop + offset; start > at - size; start -= hop) {
      for (let end = start + (step ?? size); end <= start + size; end += step ?? size) {
        if (at >= end) continue
        const name = JSON.stringify([start, end, ...keys.map((key) => row[key])])
        const group = groups.get(name) ?? { start, end, rows: [] }
        group.rows.push(row)
        groups.set(name, group)
      }
    }
  }
  return [...groups.values()].map((group) => windowOf(group, oracle))
}

const windowOf = (
  { start, end, rows }: { start: number; end: number; rows: readonly OracleRow[] },
  { keys, aggregates }: Pick<WindowOracle, 'keys' | 'aggregates'>,
): OracleRow => ({
  ...Object.fromEntries(keys.map((key) => [key, rows[0]![key]])),
  window_start: start,
  window_end: end,
  ...Object.fromEntries(
    Object.entries(aggregates).map(([field, aggregation]) => [field, aggregate(rows, aggregation)]),
  ),
})

/** Sessions: of each key, rows in order of time, parted where they are further apart than the gap. */
export function sessionsOf(
  rows: readonly OracleRow[],
  oracle: { gap: number } & Omit<WindowOracle, 'size' | 'hop'>,
): OracleRow[] {
  const groups = new Map<string, OracleRow[][]>()
  for (const row of rows.toSorted((a, b) => (a[oracle.time] as number) - (b[oracle.time] as number))) {
    const name = JSON.stringify(oracle.keys.map((key) => row[key]))
    const sessions = groups.get(name) ?? []
    groups.set(name, sessions)
    const last = sessions.at(-1)
    const isNext =
      last !== undefined && (row[oracle.time] as number) - (last.at(-1)![oracle.time] as number) <= oracle.gap
    if (isNext) last.push(row)
    else sessions.push([row])
  }
  return [...groups.values()].flat().map((session) => {
    const [start, last] = [session[0]![oracle.time] as number, session.at(-1)![oracle.time] as number]
    return windowOf({ start, end: last + 1, rows: session }, oracle)
  })
}

/** When the result is asked for, and which column has the times of rows. */
export interface AsOf {
  readonly time: string
  readonly at: number
  readonly unit: number
}

/** @param all in order of (event time, origin), where that counts */
export function aggregate(
  all: readonly OracleRow[],
  [kind, column, options = {}]: OracleAggregates[string],
  asOf?: AsOf,
): unknown {
  const rows = options.where === undefined ? all : all.filter((row) => row[options.where!] === true)
  if (kind === 'count') return rows.length
  const given = rows.map((row) => row[column!])
  const values = given.filter((value) => value !== null)
  const listed = options.dropsNull ? values : given
  const once = (from: readonly unknown[]) => (options.isDistinct ? [...new Set(from)] : from)
  switch (kind) {
    case 'decayedSum': {
      const there = rows.filter((row) => row[column!] !== null)
      return there.length === 0 ? (options.default ?? null) : decayed(there, column!, options.halfLife!, asOf!)
    }
    case 'countDistinct':
      return new Set(values).size
    case 'distinct':
      return [...new Set(listed)].sort(rankOf)
    case 'firstK':
      return once(listed).slice(0, options.limit)
    case 'lastK':
      return once(listed.toReversed()).slice(0, options.limit)
    default:
      return values.length === 0 ? (options.default ?? null) : numeric(kind, values.map(Number), options)
  }
}

function numeric(kind: string, numbers: readonly number[], { p = 0 }: OracleOptions): number {
  switch (kind) {
    case 'quantile': {
      const sorted = numbers.toSorted((a, b) => a - b)
      return sorted.find((x) => sorted.filter((y) => y <= x).length >= p * sorted.length)!
    }
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

/** Values are rounded once where they are less than a half-life before a whole number of them; all else is exact. */
function decayed(rows: readonly OracleRow[], column: string, halfLife: number, { time, at, unit }: AsOf): number {
  const length = halfLife * unit
  const steps = Math.ceil(at / length)
  const parts = rows.map((row) => {
    const since = row[time] as number
    const own = Math.ceil(since / length)
    const value = Number(row[column]) * 2 ** ((since - own * length) / length)
    return times(fractionOf(value), { top: 1n, bottom: 2n ** BigInt(steps - own) })
  })
  return nearest(total(parts)) * 2 ** ((steps * length - at) / length)
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
