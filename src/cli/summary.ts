/** A table that a module may show when its topology has finished: it exports `summary(out)`. */
import { makeTable } from './table.ts'

export interface Summary {
  readonly title: string
  readonly rows: readonly Readonly<Record<string, string | number>>[]
}

export const isSummary = (value: unknown): value is Summary =>
  typeof value === 'object' && value !== null && 'title' in value && 'rows' in value && Array.isArray(value.rows)

export function summaryTable({ rows }: Summary): string {
  const titles = Object.keys(rows[0] ?? {})
  const columns = titles.map(
    (title) => ({ title, align: typeof rows[0]![title] === 'number' ? 'right' : 'left' }) as const,
  )
  return makeTable(
    columns,
    rows.map((row) => titles.map((title) => row[title] ?? '')),
  )
}
