/** What a join of rows that are near each other in time comes to, by brute force: every row with every other. */
import type { OracleUpdate } from './folds.ts'
import type { OracleRow } from './windows.ts'

/** Right rows so much older or newer than the left one, or such as are in its window. */
export type NearSpan =
  | { readonly older: number; readonly newer: number }
  | { readonly size: number; readonly offset: number }

export interface NearOracle {
  readonly leftTime: string
  readonly rightTime: string
  readonly leftKeys: readonly string[]
  readonly rightKeys: readonly string[]
  /** Columns of the left side. */
  readonly plain: readonly string[]
  readonly fields: readonly string[]
  readonly how: 'inner' | 'left' | 'right' | 'full'
  readonly span: NearSpan
}

export function nearOf(left: readonly OracleUpdate[], right: readonly OracleUpdate[], oracle: NearOracle): OracleRow[] {
  const { leftKeys, rightKeys, leftTime, rightTime, fields, plain, how, span } = oracle
  const matches = (one: OracleRow, other: OracleRow): boolean =>
    leftKeys.every((key, i) => one[key] !== null && one[key] === other[rightKeys[i]!]) &&
    isNear(one[leftTime] as number, other[rightTime] as number, span)
  const added = (row: OracleRow | null) => Object.fromEntries(fields.map((name) => [name, row?.[name] ?? null]))
  const rows = left.flatMap(({ row }) => {
    const found = right.filter((other) => matches(row, other.row)).map((other) => ({ ...row, ...added(other.row) }))
    return found.length > 0 || how === 'inner' || how === 'right' ? found : [{ ...row, ...added(null) }]
  })
  if (how === 'inner' || how === 'left') return rows
  const alone = right.filter((other) => !left.some(({ row }) => matches(row, other.row)))
  const nothing = Object.fromEntries(plain.map((name) => [name, null]))
  return [
    ...rows,
    ...alone.map(({ row }) => ({
      ...{ ...nothing, [leftTime]: row[rightTime], ...added(row) },
      ...Object.fromEntries(leftKeys.map((name, i) => [name, row[rightKeys[i]!]])),
    })),
  ]
}

function isNear(left: number, right: number, span: NearSpan): boolean {
  if (!('size' in span)) return right >= left - span.older && right <= left + span.newer
  const window = (time: number) => Math.floor((time - span.offset) / span.size)
  return window(left) === window(right)
}
