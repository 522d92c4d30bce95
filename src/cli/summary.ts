/** A table that a module may show when its topology has finished: it exports `summary(out)`. */
import Table from 'cli-table3'

export interface Summary {
  readonly title: string
  readonly rows: readonly Readonly<Record<string, string | number>>[]
}

export const isSummary = (value: unknown): value is Summary =>
  typeof value === 'object' && value !== null && 'title' in value && 'rows' in value && Array.isArray(value.rows)

export function summaryTable({ rows }: Summary): string {
  const head = Object.keys(rows[0] ?? {})
  const table = new Table({ head, style: { head: ['bold'], border: ['dim'] }, colAligns: head.map(alignOf(rows)) })
  for (const row of rows) table.push(head.map((name) => row[name] ?? ''))
  return table.toString()
}

const alignOf =
  (rows: Summary['rows']) =>
  (name: string): 'left' | 'right' =>
    typeof rows[0]?.[name] === 'number' ? 'right' : 'left'
