/** What an as-of join comes to, by brute force: for each left row, all versions are looked at. */
import type { OracleRow } from './windows.ts'

export interface VersionRow {
  readonly row: OracleRow
  /** Compared bytewise. */
  readonly origin: Uint8Array
  /** Of a table: when it ended. */
  readonly until?: number
}

export interface AsOfOracle {
  readonly leftTime: string
  readonly rightTime: string
  readonly leftKeys: readonly string[]
  readonly rightKeys: readonly string[]
  readonly fields: readonly string[]
  readonly how: 'inner' | 'left'
  /** Rows of a table that began at one time are told apart by the fields that are asked for, not by their origins. */
  readonly isTable?: boolean
  /** How much older and newer than the row a version may be. */
  readonly older?: number
  readonly newer?: number
}

/** @param left and @param right hold what holds in the end: what was taken back is not among them */
export function asOfJoin(left: readonly OracleRow[], right: readonly VersionRow[], oracle: AsOfOracle): OracleRow[] {
  return left.flatMap((row) => {
    let best = null as VersionRow | null
    for (const version of right) {
      const isSameKey = oracle.leftKeys.every((key, i) => {
        const [a, b] = [row[key], version.row[oracle.rightKeys[i]!]]
        return a !== null && b !== null && a === b
      })
      const at = (row[oracle.leftTime] as number) + (oracle.newer ?? 0)
      if (!isSameKey || (version.row[oracle.rightTime] as number) > at) continue
      if (version.until !== undefined && version.until <= at) continue
      if (best === null || isLater(version, best, oracle)) best = version
    }
    const oldest = (row[oracle.leftTime] as number) - (oracle.older ?? Number.POSITIVE_INFINITY)
    if (best !== null && (best.row[oracle.rightTime] as number) < oldest) best = null
    if (best === null && oracle.how === 'inner') return []
    const found = best?.row
    return [{ ...row, ...Object.fromEntries(oracle.fields.map((name) => [name, found?.[name] ?? null])) }]
  })
}

function isLater(a: VersionRow, b: VersionRow, { rightTime, isTable, fields }: AsOfOracle): boolean {
  const [left, right] = [a.row[rightTime] as number, b.row[rightTime] as number]
  if (left === right && isTable === true)
    return isGreater(
      fields.map((name) => a.row[name]),
      fields.map((name) => b.row[name]),
    )
  return left > right || (left === right && Buffer.compare(a.origin, b.origin) > 0)
}

/** Nulls first, texts bytewise. */
function isGreater(a: readonly unknown[], b: readonly unknown[]): boolean {
  for (let i = 0; i < a.length; i++) {
    const [one, other] = [a[i], b[i]]
    if (one === other) continue
    if (one === null || other === null) return other === null
    return typeof one === 'string'
      ? Buffer.compare(Buffer.from(one), Buffer.from(other as string)) > 0
      : (one as number) > (other as number)
  }
  return false
}
