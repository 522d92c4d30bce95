/** Aggregates over the rows up to each, by brute force: for each row all rows of its key are gone through. */
import type { OracleUpdate } from './folds.ts'
import { firstOf } from './ranks.ts'
import { aggregate, type OracleAggregates } from './windows.ts'

export interface OverOracle {
  readonly time: string
  readonly keys: readonly string[]
  readonly aggregates: OracleAggregates
  /** Microseconds of a span's unit. */
  readonly unit: number
}

export function overRowsOf(updates: readonly OracleUpdate[], oracle: OverOracle): OracleUpdate[] {
  const { time, keys, aggregates, unit } = oracle
  const keyOf = ({ row }: OracleUpdate) => JSON.stringify(keys.map((name) => row[name]))
  const timeOf = ({ row }: OracleUpdate) => row[time] as number
  return updates.map((one) => {
    const own = updates.filter((other) => keyOf(other) === keyOf(one))
    const inOrder = firstOf(own, { which: 'first', by: [], limit: own.length }, time)
    const place = inOrder.indexOf(one)
    const results = Object.entries(aggregates).map(([name, [kind, column, { over = null, rows, ...options } = {}]]) => {
      const before =
        rows === undefined
          ? inOrder.filter(
              (other) => timeOf(other) <= timeOf(one) && (over === null || timeOf(other) > timeOf(one) - over * unit),
            )
          : inOrder.slice(Math.max(0, place + 1 - rows), place + 1)
      return [
        name,
        aggregate(
          before.map(({ row }) => row),
          [kind, column ?? null, options],
          { time, at: timeOf(one), unit },
        ),
      ]
    })
    return { ...one, row: { ...one.row, ...Object.fromEntries(results) } }
  })
}
