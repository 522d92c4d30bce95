/** What DuckDB makes of some rows, and what an output comes to, in lines that can be compared. */
import { DuckDBInstance } from '@duckdb/node-api'
import type { Test } from 'tap'
import { type Output, start, topology } from '../../src/index.ts'

type Row = Readonly<Record<string, unknown>>

const literal = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : `${value}`)
const textOf = (value: unknown): string => (typeof value === 'bigint' ? `${Number(value)}` : `${value}`)

/** A row in these columns. */
export const lineOf = (row: Row, names: readonly string[]): string =>
  names.map((name) => `${name}=${textOf(row[name])}`).join(' ')

/** A database in memory that ends with the test. */
export async function openDuckDb(t: Pick<Test, 'teardown'>) {
  const database = await (await DuckDBInstance.create(':memory:')).connect()
  t.teardown(() => database.closeSync())
  return {
    /** A table of these rows, in the place of one of its name. @param columns their types, by name */
    async table(name: string, columns: Readonly<Record<string, 'BIGINT' | 'VARCHAR'>>, rows: readonly Row[]) {
      const names = Object.keys(columns)
      const declared = Object.entries(columns).map(([column, type]) => `"${column}" ${type}`)
      await database.run(`CREATE OR REPLACE TABLE ${name} (${declared.join(', ')})`)
      const values = rows.map((row) => `(${names.map((column) => literal(row[column])).join(', ')})`)
      if (rows.length > 0) await database.run(`INSERT INTO ${name} VALUES ${values.join(', ')}`)
    },
    async query(sql: string): Promise<{ names: string[]; lines: string[] }> {
      const reader = await database.runAndReadAll(sql)
      const names = reader.columnNames()
      const lines = reader.getRowObjects().map((row) => lineOf(row, names))
      return { names, lines: lines.sort() }
    },
  }
}

/** What a stream or a table comes to in the end, in these columns. */
export async function comesTo(t: Test, stream: { output(name: string): Output }, names: readonly string[]) {
  const running = await start(topology('sql', stream.output('o')), { dir: t.testdir(), host: 'inline', shards: 2 })
  const sums = new Map<string, number>()
  for await (const { row, diff } of running.output('o')) {
    const line = lineOf(row, names)
    sums.set(line, (sums.get(line) ?? 0) + diff)
  }
  await running.ended
  return [...sums].flatMap(([line, diff]) => new Array<string>(diff).fill(line)).sort()
}
