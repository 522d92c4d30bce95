/** What is left of rows that are alike, by brute force: each is compared with all others. */
import type { OracleUpdate } from './folds.ts'

export interface DedupOracle {
  readonly time: string
  readonly keys: readonly string[]
  /** 0 where rows of one time are alike. */
  readonly span: number
}

/** @param rows those that hold in the end, each once */
export function dedupOf(rows: readonly OracleUpdate[], { time, keys, span }: DedupOracle): OracleUpdate[] {
  const timeOf = ({ row }: OracleUpdate) => row[time] as number
  const spanOf = (one: OracleUpdate) => (span === 0 ? timeOf(one) : Math.floor(timeOf(one) / span))
  const areAlike = (a: OracleUpdate, b: OracleUpdate) =>
    spanOf(a) === spanOf(b) && keys.every((key) => a.row[key] === b.row[key])
  const isAhead = (a: OracleUpdate, b: OracleUpdate) =>
    timeOf(a) > timeOf(b) || (timeOf(a) === timeOf(b) && Buffer.compare(a.origin, b.origin) > 0)
  return rows.filter((one) => !rows.some((other) => areAlike(one, other) && isAhead(other, one)))
}
