/**
 * Compares the files that the flights job wrote with what DuckDB makes of the same data, group by group:
 * `node test/verify/flights.mjs [--rows N] [--out out/flights] [--json]`. Exits 1 on any difference.
 */
import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DuckDBInstance } from '@duckdb/node-api'
import { expectedFlights, literal } from './expected.mjs'

const measures = ['departures', 'delay_mean', 'delay_max', 'delay_stddev']
const files = [
  { table: 'hourly', keys: ['origin', 'window_start'], values: measures },
  { table: 'late_share', keys: ['origin', 'window_start'], values: ['flights', 'late', 'share'] },
  { table: 'routes_daily', keys: ['origin', 'destination', 'day'], values: measures },
  { table: 'states_daily', keys: ['state', 'day'], values: ['departures'] },
]
const quotients = ['delay_mean', 'share']
const approximate = [...quotients, 'delay_stddev']

// Null equals null; a text that is no number equals nothing. All numbers compare as doubles, exact for the counts.
const differs = (column) => {
  const [ours, theirs] = [`e.${column}::DOUBLE`, `try_cast(a.${column} AS DOUBLE)`]
  const tolerance = approximate.includes(column) ? `1e-9 * greatest(1, abs(${ours}))` : '0'
  return `NOT (e.${column} IS NULL AND a.${column} IS NULL OR coalesce(abs(${theirs} - ${ours}) <= ${tolerance}, false))`
}

/** Loads a CSV as text, whatever it holds; `copy` numbers the rows of one group in file order. */
async function load(connection, path, { table, keys, values }) {
  const columns = [...keys, ...values]
  const types = columns.map((_, index) => `c${index}: 'VARCHAR'`).join(', ')
  const format = `auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', nullstr = ''`
  await connection.run(
    `CREATE TABLE raw AS SELECT * FROM read_csv(${literal(path)}, ${format}, columns = {${types}}, parallel = false)`,
  )
  const header = (await connection.runAndReadAll('SELECT * FROM raw WHERE rowid = 0')).getRowsJson()[0]
  if (String(header) !== String(columns)) throw new Error(`the header is ${header ?? 'missing'}, not ${columns}`)
  const named = columns.map((name, at) =>
    keys.includes(name) ? `coalesce(c${at}, '') AS ${name}` : `c${at} AS ${name}`,
  )
  await connection.run(`CREATE TABLE ${table}_file AS
    SELECT *, row_number() OVER (PARTITION BY ${keys} ORDER BY line) AS copy
    FROM (SELECT ${named}, rowid + 1 AS line FROM raw WHERE rowid > 0)`)
  await connection.run('DROP TABLE raw')
}

async function compare(connection, { table, keys, values }) {
  const same = keys.map((key) => `e.${key} = a.${key}`).join(' AND ')
  const wrong = values.map((name) => `CASE WHEN ${differs(name)} THEN ${literal(name)} END`)
  const words = (side) =>
    `concat_ws(', ', ${values.map((name) => `${literal(`${name} `)} || ${side}.${name}::VARCHAR`)})`
  await connection.run(`CREATE TABLE ${table}_differences AS
    SELECT ${keys.map((key) => `coalesce(e.${key}, a.${key}) AS ${key}`)}, line, ${words('e')} expected, ${words('a')} found,
      CASE WHEN a.copy IS NULL THEN 'missing' WHEN a.copy > 1 THEN 'duplicated' WHEN e.${keys[0]} IS NULL THEN 'extra'
        ELSE nullif(concat_ws(', ', ${wrong}), '') END AS difference
    FROM (SELECT *, 1 AS copy FROM ${table}) e FULL JOIN ${table}_file a ON ${same} AND e.copy = a.copy
    WHERE difference IS NOT NULL`)
  const rows = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson()
  const number = async (what) => Number((await rows(`SELECT count(*) n FROM ${what}`))[0].n)
  const means = values.filter((name) => quotients.includes(name))
  const inexact = means.map((name) => `try_cast(a.${name} AS DOUBLE) IS DISTINCT FROM e.${name}`)
  return {
    file: `${table}.csv`,
    groups: await number(table),
    differences: await number(`${table}_differences`),
    quotients: means.length * (await number(table)),
    inexact: means.length && (await number(`${table} e JOIN ${table}_file a ON ${same} AND copy = 1 WHERE ${inexact}`)),
    first: await rows(`FROM ${table}_differences ORDER BY ${keys}, line LIMIT 5`),
  }
}

/**
 * Compares the four files in `out` with DuckDB's own results over the first `rows` flights (all, if not given). Counts
 * groups and differences, by file and in total, and of the quotients (means and shares) those not equal to the last bit.
 */
export async function verifyFlights({ out = 'out/flights', rows } = {}) {
  const make = `${rows === undefined ? '' : `FLIGHTS_ROWS=${rows} `}npm run flights -- --fresh --out ${out}`
  const missing = files.map(({ table }) => join(out, `${table}.csv`)).filter((path) => !existsSync(path))
  if (missing.length > 0) throw new Error(`${missing.join(', ')}: no such file; make it with: ${make}`)
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  try {
    await expectedFlights({ rows, into: connection })
    const compared = []
    for (const file of files) {
      const path = join(out, `${file.table}.csv`)
      await load(connection, path, file).catch((error) => {
        const [reason] = error.message.split('\nPossible fixes')
        throw new Error(`${path}: ${reason.trim()}; make it with: ${make}`, { cause: error })
      })
      compared.push(await compare(connection, file))
    }
    const total = (count) => compared.reduce((sum, file) => sum + file[count], 0)
    const [groups, differences] = [total('groups'), total('differences')]
    return { groups, differences, quotients: total('quotients'), inexact: total('inexact'), files: compared }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

function describe({ groups, differences, quotients, inexact, files }) {
  const lines = files.flatMap(({ file, groups, differences, first }) => [
    `${file}  ${groups} groups, ${differences} differences`,
    ...first.map(({ difference, line, expected, found, ...keys }) => {
      const where = `${Object.values(keys).join(' ')}${line === null ? '' : ` (line ${line})`}`
      return `  ${difference}: ${where}: expected ${expected || 'nothing'}; found ${found || 'nothing'}`
    }),
  ])
  lines.push(`${inexact} of ${quotients} means and shares differ at all from DuckDB's`)
  return [...lines, `${groups} groups, ${differences} differences`].join('\n')
}

async function main() {
  const options = { rows: { type: 'string' }, out: { type: 'string' }, json: { type: 'boolean' } }
  const { rows, out, json } = parseArgs({ options }).values
  if (rows !== undefined && !/^[1-9]\d*$/.test(rows)) throw new Error(`--rows ${rows}: not a whole number above 0`)
  const result = await verifyFlights({ out, rows: rows === undefined ? undefined : Number(rows) })
  process.stdout.write(`${json ? JSON.stringify(result) : describe(result)}\n`)
  if (result.differences > 0) process.exitCode = 1
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await main().catch((error) => {
    process.stderr.write(`${error.message}\n`)
    process.exitCode = 1
  })
}
