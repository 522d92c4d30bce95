/** What an as-of join comes to, by brute force: for each left row, all versions are looked at. */
import type { OracleRow } from './windows.ts'

export interface VersionRow {
  readonly row: OracleRow
  /** Compared bytewise. */
  readonly origin: Uint8Array
}

export interface AsOfOracle {
  readonly leftTime: string
  readonly rightTime: string
  readonly leftKeys: readonly string[]
  readonly rightKeys: readonly string[]
  readonly fields: readonly string[]
  readonly how: 'inner' | 'left'
}

/** @param left and @param right hold what holds in the end: what was taken back is not among them */
export function asOfJoin(left: readonly OracleRow[], right: readonly VersionRow[], oracle: AsOfOracle): OracleRow[] {
  return left.flatMap((row) => {
    let best: VersionRow | null = null
    for (const version of right) {
      const isSameKey = oracle.leftKeys.every((key, i) => {
        const [a, b] = [row[key], version.row[oracle.rightKeys[i]!]]
        return a !== null && b !== null && a === b
      })
      if (!isSameKey || (version.row[oracle.rightTime] as number) > (row[oracle.leftTime] as number)) continue
      if (best === null || isLater(version, best, oracle.rightTime)) best = version
    }
    if (best === null && oracle.how === 'inner') return []
    const found = best?.row
    return [{ ...row, ...Object.fromEntries(oracle.fields.map((name) => [name, found?.[name] ?? null])) }]
  })
}

function isLater(a: VersionRow, b: VersionRow, time: string): boolean {
  const [left, right] = [a.row[time] as number, b.row[time] as number]
  return left > right || (left === right && Buffer.compare(a.origin, b.origin) > 0)
}
