/** What a join of two tables comes to, by brute force: at each time of a key all rows of both sides that hold then. */
import type { OracleUpdate } from './folds.ts'
import type { OracleRow } from './windows.ts'

export interface TableJoinOracle {
  readonly leftTime: string
  readonly rightTime: string
  readonly leftKeys: readonly string[]
  readonly rightKeys: readonly string[]
  /** Columns of the left side. */
  readonly plain: readonly string[]
  readonly fields: readonly string[]
  readonly how: 'inner' | 'left' | 'full' | 'semi' | 'anti'
}

export function tableJoinOf(
  left: readonly OracleUpdate[],
  right: readonly OracleUpdate[],
  oracle: TableJoinOracle,
): { row: OracleRow; diff: number }[] {
  const { leftKeys, rightKeys, leftTime, rightTime } = oracle
  const names = [
    ...left.map(({ row }) => leftKeys.map((key) => row[key])),
    ...right.map(({ row }) => rightKeys.map((key) => row[key])),
  ]
  const groups = new Map(names.map((key) => [JSON.stringify(key), key]))
  return [...groups.entries()].flatMap(([name, key]) => {
    const of = (updates: readonly OracleUpdate[], keys: readonly string[]) =>
      updates.filter(({ row }) => JSON.stringify(keys.map((one) => row[one])) === name)
    const [ofLeft, ofRight] = [of(left, leftKeys), of(right, rightKeys)]
    const times = [...ofLeft.map(({ row }) => row[leftTime]), ...ofRight.map(({ row }) => row[rightTime])] as number[]
    let before: readonly OracleRow[] = []
    return [...new Set(times)]
      .sort((a, b) => a - b)
      .flatMap((time) => {
        const now = matched(holding(ofLeft, leftTime, time), holding(ofRight, rightTime, time), key, oracle)
        const at = (rows: readonly OracleRow[], diff: number) =>
          rows.map((row) => ({ row: { ...row, [leftTime]: time }, diff }))
        const changes = [...at(before, -1), ...at(now, 1)]
        before = now
        return changes
      })
  })
}

/** Rows that hold at a time, without their own times. */
function holding(updates: readonly OracleUpdate[], timeName: string, time: number): OracleRow[] {
  const counts = new Map<string, { row: OracleRow; count: number }>()
  for (const { row, diff } of updates) {
    if ((row[timeName] as number) > time) continue
    const plain = Object.fromEntries(Object.entries(row).filter(([name]) => name !== timeName))
    const text = JSON.stringify(Object.entries(plain).sort())
    counts.set(text, { row: plain, count: (counts.get(text)?.count ?? 0) + diff })
  }
  return [...counts.values()].flatMap(({ row, count }) => Array.from({ length: Math.max(0, count) }, () => row))
}

function matched(
  left: readonly OracleRow[],
  right: readonly OracleRow[],
  key: readonly unknown[],
  { how, plain, fields, leftKeys }: TableJoinOracle,
): OracleRow[] {
  const isMatch = !key.includes(null) && left.length > 0 && right.length > 0
  const added = (row: OracleRow | null) => Object.fromEntries(fields.map((name) => [name, row?.[name] ?? null]))
  if (how === 'semi') return isMatch ? [...left] : []
  if (how === 'anti') return isMatch ? [] : [...left]
  if (isMatch) return left.flatMap((one) => right.map((other) => ({ ...one, ...added(other) })))
  if (how === 'inner') return []
  const alone = left.map((one) => ({ ...one, ...added(null) }))
  if (how === 'left') return alone
  const nothing = Object.fromEntries(plain.map((name) => [name, null]))
  const keys = Object.fromEntries(leftKeys.map((name, i) => [name, key[i]]))
  return [...alone, ...right.map((other) => ({ ...nothing, ...keys, ...added(other) }))]
}
