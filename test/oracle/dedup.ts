/** What is left of rows that are alike, by brute force: each is compared with all others. */
import type { OracleUpdate } from './folds.ts'

export interface DedupOracle {
  readonly time: string
  readonly keys: readonly string[]
  /** 0 where rows of one time are alike. */
  readonly span: number
  /** Instead: rows are alike that are in one session. */
  readonly gap?: number | undefined
}

/** @param rows those that hold in the end, each once */
export function dedupOf(rows: readonly OracleUpdate[], { time, keys, span, gap }: DedupOracle): OracleUpdate[] {
  const timeOf = ({ row }: OracleUpdate) => row[time] as number
  const spanOf = (one: OracleUpdate) => (span === 0 ? timeOf(one) : Math.floor(timeOf(one) / span))
  const isOfKey = (a: OracleUpdate, b: OracleUpdate) => keys.every((key) => a.row[key] === b.row[key])
  /** No row of the key stands alone between the two: from one to the next it is never further than the gap. */
  const areInSession = (a: OracleUpdate, b: OracleUpdate) => {
    const [from, to] = [Math.min(timeOf(a), timeOf(b)), Math.max(timeOf(a), timeOf(b))]
    const times = rows
      .filter((one) => isOfKey(one, a))
      .map(timeOf)
      .filter((at) => at >= from && at <= to)
    times.sort((one, other) => one - other)
    return times.every((at, i) => i === 0 || at - times[i - 1]! <= gap!)
  }
  const areAlike = (a: OracleUpdate, b: OracleUpdate) =>
    isOfKey(a, b) && (gap === undefined ? spanOf(a) === spanOf(b) : areInSession(a, b))
  const isAhead = (a: OracleUpdate, b: OracleUpdate) =>
    timeOf(a) > timeOf(b) || (timeOf(a) === timeOf(b) && Buffer.compare(a.origin, b.origin) > 0)
  return rows.filter((one) => !rows.some((other) => areAlike(one, other) && isAhead(other, one)))
}
