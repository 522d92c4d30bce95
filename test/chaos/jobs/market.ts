/**
 * Trades of many keys, with quotes as of their times and near them, and the latest quotes: more keys than fit into one block
 * of a store. A tenth of the quotes come late, within what is taken.
 */
import { csvFile, eventTime, generator, int, schema, source, string, topology } from 'umbel'

const ROWS = 120_000
const START = 1_000_000_000
const spread = (i: number): number => Math.imul(i + 1, 2654435761) >>> 0

const Quote = schema({ quoted: eventTime(), key: string(), price: int() })
const Trade = schema({ at: eventTime(), key: string(), id: int() })

const quoteAt = (i: number) => ({
  quoted: START + i * 1000 - (i % 10 === 3 ? 5_000_000 : 0),
  key: `k${spread(i) % 15_000}`,
  price: i,
})
const tradeAt = (i: number) => ({ at: START + i * 1000, key: `k${spread(i * 7) % 18_000}`, id: i })
const rows = <Row>(row: (i: number) => Row): Row[] => Array.from({ length: ROWS }, (_, i) => row(i))

/** What there is, for whoever checks the outcome. */
export const allQuotes = () => rows(quoteAt)
export const allTrades = () => rows(tradeAt)

const quotes = source('quotes', Quote, generator({ rows: ROWS, splits: 2, row: quoteAt }), {
  disorder: '1s',
  lateness: '10s',
}).keyBy('key')
const trades = source('trades', Trade, generator({ rows: ROWS, row: tradeAt })).keyBy('key')

/** How far a trade and a quote near it may be apart, in microseconds. */
export const NEAR = { older: 3_000_000, newer: 2_000_000 }

export default topology(
  'market',
  quotes.latest().to(csvFile('latest.csv', { columns: ['key', 'price'] })),
  trades.joinAsOf(quotes, { how: 'left', fields: ['price'] }).to(csvFile('priced.csv', { columns: ['id', 'price'] })),
  trades
    .joinNear(quotes, { how: 'left', fields: ['price'], within: { older: '3s', newer: '2s' } })
    .to(csvFile('near.csv', { columns: ['id', 'price'] })),
)
