/** The order of values, and the first rows in an order. */
import type { OracleUpdate } from './folds.ts'

/** Null first, then numbers, texts by their UTF-8 bytes, false before true. */
export function rankOf(a: unknown, b: unknown): number {
  if (a === null || b === null) return Number(b === null) - Number(a === null)
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string))
  return Number(a) - Number(b)
}

export interface OracleRanking {
  readonly which: 'first' | 'latest' | 'top'
  readonly by: readonly (readonly [column: string, order: 'ascending' | 'descending'])[]
  readonly limit: number
  /** How long rows count, in the case's units. */
  readonly within?: number
}

/** The first rows, nulls last in each column, then by time and origin. */
export function firstOf(updates: readonly OracleUpdate[], ranking: OracleRanking, time: string): OracleUpdate[] {
  const ties = ranking.which === 'latest' ? -1 : 1
  const compare = (a: OracleUpdate, b: OracleUpdate): number => {
    for (const [column, order] of ranking.by) {
      const [x, y] = [a.row[column], b.row[column]]
      const isNull = Number(x === null) - Number(y === null)
      const by = isNull !== 0 ? isNull : rankOf(x, y) * (order === 'descending' ? -1 : 1)
      if (by !== 0) return by
    }
    const later = (a.row[time] as number) - (b.row[time] as number) || Buffer.compare(a.origin, b.origin)
    return later * ties
  }
  return updates.toSorted(compare).slice(0, ranking.limit)
}
