/** Joins, windows, aggregates over rows and rankings on random rows, against DuckDB: another mind's idea of what they come to. */
import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  array,
  count,
  countDistinct,
  eventTime,
  hopping,
  int,
  max,
  mean,
  min,
  optional,
  over,
  overRows,
  quantile,
  schema,
  source,
  string,
  sum,
  tumbling,
} from '../../src/index.ts'
import { comesTo, openDuckDb } from './duckdb.ts'

const Trade = schema({ ts: eventTime(), n: int(), symbol: string(), size: optional(int()) })
const Quote = schema({ since: eventTime(), ticker: string(), price: int() })

/** Each number once, so that rows are told apart; times tie now and then. */
const tradeRows = fc.array(
  fc.record({
    ts: fc.nat(300),
    symbol: fc.constantFrom('A', 'B', 'C'),
    size: fc.option(fc.integer({ min: -9, max: 9 })),
  }),
  { minLength: 1, maxLength: 120 },
)
/** Of one ticker and time there is one: which of several holds is the order of arrival, which SQL does not know. */
const quoteRows = fc.uniqueArray(
  fc.record({ since: fc.nat(300), ticker: fc.constantFrom('A', 'B', 'D'), price: fc.nat(99) }),
  { maxLength: 40, selector: ({ since, ticker }) => `${since} ${ticker}` },
)

type Row = Readonly<Record<string, string | number | null>>

const database = await openDuckDb(t)

async function query(trades: readonly Row[], quotes: readonly Row[], sql: string) {
  await database.table('trades', { ts: 'BIGINT', n: 'BIGINT', symbol: 'VARCHAR', size: 'BIGINT' }, trades)
  await database.table('quotes', { since: 'BIGINT', ticker: 'VARCHAR', price: 'BIGINT' }, quotes)
  return database.query(sql)
}

const trades = (rows: readonly Row[]) => source('trades', Trade, array(rows as never), { disorder: '1s' })
const quotes = (rows: readonly Row[]) => source('quotes', Quote, array(rows as never), { disorder: '1s' })

const numbered = (rows: readonly Omit<Row, 'n'>[]): Row[] => rows.map((row, n) => ({ ...(row as Row), n }))

function compare(
  name: string,
  make: (trades: readonly Row[], quotes: readonly Row[]) => Parameters<typeof comesTo>[1],
  sql: string,
) {
  t.test(name, async (t) => {
    let cases = 0
    await fc.assert(
      fc.asyncProperty(tradeRows, quoteRows, async (given, quoted) => {
        const rows = numbered(given as never)
        const { names, lines } = await query(rows, quoted, sql)
        deepStrictEqual(await comesTo(t, make(rows, quoted), names), lines)
        cases++
      }),
      { numRuns: 12 },
    )
    t.ok(cases > 0)
  })
}

compare(
  'a join as of the row, no older than a bound',
  (rows, quoted) =>
    trades(rows)
      .keyBy('symbol')
      .joinAsOf(quotes(quoted).keyBy('ticker'), { how: 'left', fields: ['price'], within: { older: 50 } }),
  `SELECT ts, n, symbol, size, CASE WHEN ts - since <= 50 THEN price END AS price
   FROM trades ASOF LEFT JOIN quotes ON symbol = ticker AND ts >= since`,
)

compare(
  'tumbling windows',
  (rows) =>
    trades(rows)
      .keyBy('symbol')
      .window(tumbling(40))
      .aggregate({ c: count(), s: sum('size'), m: mean('size'), d: countDistinct('size'), q: quantile('size', 0.5) }),
  `SELECT symbol, ts // 40 * 40 AS window_start, ts // 40 * 40 + 40 AS window_end, count(*) AS c, sum(size) AS s,
     avg(size) AS m, count(DISTINCT size) AS d, quantile_disc(size, 0.5) AS q
   FROM trades GROUP BY ALL`,
)

compare(
  'hopping windows',
  (rows) =>
    trades(rows)
      .keyBy('symbol')
      .window(hopping(50, 20))
      .aggregate({ c: count(), low: min('size'), high: max('size') }),
  `SELECT symbol, s AS window_start, s + 50 AS window_end, count(*) AS c, min(size) AS low, max(size) AS high
   FROM trades JOIN (SELECT unnest(range(-60, 320, 20)) AS s) ON s <= ts AND ts < s + 50 GROUP BY ALL`,
)

compare(
  'aggregates over the rows up to each',
  (rows) =>
    trades(rows)
      .keyBy('symbol')
      .withAggregates({
        recent: overRows(3, sum('size')),
        high: over(30, max('size')),
        c: over(30, count()),
        total: over('forever', sum('size')),
      }),
  `SELECT *, sum(size) OVER (PARTITION BY symbol ORDER BY ts, n ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS recent,
     max(size) OVER w AS high, count(*) OVER w AS c,
     sum(size) OVER (PARTITION BY symbol ORDER BY ts RANGE UNBOUNDED PRECEDING) AS total
   FROM trades WINDOW w AS (PARTITION BY symbol ORDER BY ts RANGE BETWEEN 29 PRECEDING AND CURRENT ROW)`,
)

compare(
  'the first rows in an order',
  (rows) =>
    trades(rows)
      .keyBy('symbol')
      .top(3, { by: { size: 'descending' } })
      .select('n', 'symbol', 'rank'),
  `SELECT n, symbol, rank FROM (
     SELECT *, row_number() OVER (PARTITION BY symbol ORDER BY size DESC NULLS LAST, ts, n) AS rank FROM trades
   ) WHERE rank <= 3`,
)

compare(
  'a table of aggregates, by what its rows are the latest of',
  (rows) => trades(rows).keyBy('symbol').latest().keyBy('size').aggregate({ symbols: count() }),
  `SELECT size, count(*) AS symbols FROM (
     SELECT symbol, (list(size ORDER BY ts DESC, n DESC))[1] AS size FROM trades GROUP BY symbol
   ) GROUP BY size`,
)
