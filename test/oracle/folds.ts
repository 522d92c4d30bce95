/**
 * What a fold comes to, by brute force: at each time of a key all its updates up to then are looked at again, and what
 * they come to is compared with what they came to before.
 */
import { firstOf, type OracleRanking } from './ranks.ts'
import { aggregate, type OracleAggregates, type OracleRow } from './windows.ts'

/** An update of a stream or a table, as it is in the end. */
export interface OracleUpdate {
  readonly row: OracleRow
  /** Compared bytewise. */
  readonly origin: Uint8Array
  readonly diff: number
}

export interface FoldOracle {
  readonly time: string
  readonly keys: readonly string[]
  /** Of a table rows are taken back as of another time than they came. */
  readonly isTable?: boolean
  /** Versions at multiples of this alone, in units: of the rows before it. */
  readonly every?: number | undefined
  /** Microseconds of a span's unit. */
  readonly unit?: number
  readonly fold: OracleRanking | { readonly aggregates: OracleAggregates }
}

/** Updates of the table, an entry each. */
export function foldOf(updates: readonly OracleUpdate[], oracle: FoldOracle): { row: OracleRow; diff: number }[] {
  const groups = new Map<string, OracleUpdate[]>()
  for (const update of updates) {
    const name = JSON.stringify(oracle.keys.map((key) => update.row[key]))
    groups.set(name, [...(groups.get(name) ?? []), update])
  }
  return [...groups.values()].flatMap((group) => versionsOf(group, oracle))
}

function versionsOf(group: readonly OracleUpdate[], oracle: FoldOracle): { row: OracleRow; diff: number }[] {
  const timeOf = ({ row }: OracleUpdate) => row[oracle.time] as number
  const spans = spansOf(oracle)
  const { every, unit = 1 } = oracle
  const said = (time: number) => (every === undefined ? time : (Math.floor(time / (every * unit)) + 1) * every * unit)
  const changes = group.flatMap((one) => [0, ...spans].map((span) => said(timeOf(one) + span)))
  const times = [...new Set(changes)].sort((a, b) => a - b)
  // A version at a multiple does not have the rows of its own time.
  const last = (time: number) => (every === undefined ? time : time - 1)
  let before: readonly OracleRow[] = []
  return times.flatMap((time) => {
    const now = stateOf(
      group.filter((update) => timeOf(update) <= last(time)),
      oracle,
      last(time),
    )
    const at = (rows: readonly OracleRow[], diff: number) =>
      rows.map((row) => ({ row: { ...row, [oracle.time]: time }, diff }))
    const changes = [...at(before, -1), ...at(now, 1)]
    before = now
    return changes
  })
}

/** Where there are spans, in microseconds. */
const spansOf = ({ fold, unit = 1 }: FoldOracle): number[] =>
  'which' in fold
    ? [(fold.within ?? 0) * unit]
    : Object.values(fold.aggregates).flatMap(([, , options]) => (options?.over ?? 0) * unit)

function stateOf(
  updates: readonly OracleUpdate[],
  { fold, time, keys, isTable, unit = 1 }: FoldOracle,
  at: number,
): OracleRow[] {
  const present = rowsLeft(updates, isTable === true ? [time] : [])
  if (present.length === 0) return []
  if ('which' in fold) {
    const { within = Number.POSITIVE_INFINITY } = fold
    const still = present.filter(({ row }) => (row[time] as number) > at - within * unit)
    return firstOf(still, fold, time).map(({ row }, i) => (fold.which === 'top' ? { ...row, rank: i + 1 } : row))
  }
  const inOrder = firstOf(present, { which: 'first', by: [], limit: present.length }, time).map(({ row }) => row)
  let isEmpty = true
  const results = Object.entries(fold.aggregates).map(([name, [kind, column, { over = null, ...options } = {}]]) => {
    const within = inOrder.filter((row) => over === null || (row[time] as number) > at - over * unit)
    if (within.length > 0) isEmpty = false
    return [name, aggregate(within, [kind, column ?? null, options])]
  })
  if (isEmpty) return []
  return [{ ...Object.fromEntries(keys.map((key) => [key, inOrder[0]![key]])), ...Object.fromEntries(results) }]
}

/** Each retraction takes away one insertion with the same values, but for these. */
function rowsLeft(updates: readonly OracleUpdate[], but: readonly string[]): OracleUpdate[] {
  const left = updates.filter(({ diff }) => diff > 0)
  const textOf = (row: OracleRow) => JSON.stringify(Object.entries(row).filter(([name]) => !but.includes(name)))
  for (const { row } of updates.filter(({ diff }) => diff < 0)) {
    const at = left.findIndex((other) => textOf(other.row) === textOf(row))
    if (at >= 0) left.splice(at, 1)
  }
  return left
}
