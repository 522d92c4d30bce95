/**
 * The queries of Nexmark (Tucker et al., NEXMark: A Benchmark for Queries over Data Streams, 2002; as the Flink community has extended
 * them) on a small auction house, and what DuckDB makes of the same rows. Not here: q10 writes partitioned files, q12 counts by the
 * wall clock.
 */
import { deepStrictEqual } from 'node:assert/strict'
import t from 'tap'
import {
  array,
  bool,
  count,
  countDistinct,
  decimal,
  eventTime,
  hopping,
  int,
  max,
  mean,
  min,
  type Output,
  optional,
  over,
  overRows,
  schema,
  session,
  source,
  string,
  sum,
  tumbling,
} from '../../src/index.ts'
import { comesTo, openDuckDb } from './duckdb.ts'

const SECOND = 1_000_000
const EVENTS = 1500

const Person = schema({ born: eventTime(), id: int(), name: string(), state: string() })
const Auction = schema({
  opened: eventTime(),
  auction: int(),
  seller: int(),
  category: int(),
  expires: int(),
  item: string(),
})
const Bid = schema({
  ts: eventTime(),
  n: int(),
  on: int(),
  bidder: int(),
  price: int(),
  channel: string(),
  url: string(),
})

const spread = (n: number, below: number) => (Math.imul(n + 1, 2654435761) >>> 7) % below
/** Of 50 events one is a person, three are auctions, the rest bids; one event each 100 ms. */
const numbers = Array.from({ length: EVENTS }, (_, n) => n)
const at = (n: number) => n * 100_000
const peopleBefore = (n: number) => Math.floor(n / 50) + 1
const auctionsBefore = (n: number) => Math.max(1, Math.floor(n / 50) * 3 + Math.min(n % 50, 3))
const people = numbers
  .filter((n) => n % 50 === 0)
  .map((n) => ({ born: at(n), id: n / 50, name: `p${spread(n, 9)}`, state: ['OR', 'ID', 'CA', 'AZ'][spread(n, 4)]! }))
const auctions = numbers
  .filter((n) => n % 50 > 0 && n % 50 < 4)
  .map((n, i) => ({
    ...{ opened: at(n), auction: i, seller: spread(n, peopleBefore(n)), category: 10 + spread(n, 3) },
    ...{ expires: at(n) + SECOND * (2 + spread(n, 30)), item: `item ${i}` },
  }))
const bids = numbers
  .filter((n) => n % 50 >= 4)
  .map((n) => ({
    ...{ ts: at(n), n, on: Math.max(0, auctionsBefore(n) - 1 - spread(n, 6)), bidder: spread(n * 3, peopleBefore(n)) },
    ...{ price: 100 + spread(n * 7, 100_000), channel: ['Google', 'Apple', `channel-${spread(n, 5)}`][spread(n, 3)]! },
    url: `https://www.nexmark.com/a${spread(n, 3)}/b/c/item.htm?query=1&channel_id=${spread(n, 100)}`,
  }))

const P = source('people', Person, array(people))
const A = source('auctions', Auction, array(auctions))
const B = source('bids', Bid, array(bids), { disorder: '4s' })

const database = await openDuckDb(t)
for (const [name, rows] of Object.entries({ person: people, auction: auctions, bid: bids })) {
  const columns = Object.entries(rows[0]!).map(([column, value]) => [
    column,
    typeof value === 'number' ? 'BIGINT' : 'VARCHAR',
  ])
  await database.table(name, Object.fromEntries(columns), rows)
}

function query(name: string, stream: { output(name: string): Output }, sql: string) {
  t.test(name, async (t) => {
    const { names, lines } = await database.query(sql)
    t.ok(lines.length > 0, 'there is something to find')
    deepStrictEqual(await comesTo(t, stream, names), lines)
  })
}

query('q0: all bids', B, 'SELECT ts, n, "on", bidder, price FROM bid')
query(
  'q1: prices in another currency, exactly',
  B.assign('euros', decimal(3), ({ price }) => price * 908),
  'SELECT ts, n, price * 908 AS euros FROM bid',
)
query(
  'q2: bids on some auctions',
  B.filter((bid) => bid.on % 13 === 0),
  'SELECT "on", price, n FROM bid WHERE "on" % 13 = 0',
)
query(
  'q3: who sells of one category in some states',
  A.filter(({ category }) => category === 10)
    .keyBy('auction')
    .latest()
    .keyBy('seller')
    .join(
      P.filter(({ state }) => state !== 'AZ')
        .keyBy('id')
        .latest()
        .keyBy('id'),
      { how: 'inner', fields: ['name', 'state'] },
    ),
  `SELECT name, state, auction FROM auction JOIN person ON seller = id WHERE category = 10 AND state <> 'AZ'`,
)

/** Bids that came while their auction was open. */
const inTime = A.keyBy('auction')
  .joinNear(B.keyBy('on'), { how: 'inner', fields: ['n', 'ts', 'bidder', 'price'], within: { newer: '32s' } })
  .filter(({ ts, expires }) => ts <= expires)
const IN_TIME = 'auction JOIN bid ON auction = "on" AND ts BETWEEN opened AND expires'

query(
  'q4: the mean of the highest bids of a category',
  inTime
    .keyBy('auction', 'category')
    .aggregate({ highest: max('price') })
    .keyBy('category')
    .aggregate({ average: mean('highest') }),
  `SELECT category, avg(highest) AS average
   FROM (SELECT auction, category, max(price) AS highest FROM ${IN_TIME} GROUP BY ALL) GROUP BY category`,
)
query(
  'q5: the auctions with most bids in each window',
  B.keyBy('on')
    .window(hopping('10s', '2s'))
    .aggregate({ bids: count() })
    .keyBy('window_start')
    // All of a window have one event time: those of one moment are its rows.
    .withAggregates({ most: over(1, max('bids')) })
    .filter(({ bids, most }) => bids === most),
  `WITH counts AS (
     SELECT "on", s AS window_start, count(*) AS bids
     FROM bid JOIN (SELECT unnest(range(-10000000, 160000000, 2000000)) AS s) ON s <= ts AND ts < s + 10000000 GROUP BY ALL)
   SELECT "on", window_start, bids FROM counts c WHERE bids = (SELECT max(bids) FROM counts d WHERE d.window_start = c.window_start)`,
)

/** The winner of each auction, said when it ends: of bids of one price the first. */
const winners = A.keyBy('auction')
  .joinNear(B.keyBy('on'), { how: 'inner', fields: ['n', 'ts', 'bidder', 'price'], within: { newer: '32s' } })
  .filter(({ ts, expires }) => ts <= expires)
  .keyBy('auction')
  .actor('winners', {
    output: schema({ ended: eventTime(), auction: int(), seller: int(), price: int(), n: int() }),
    onRow(bid, context) {
      const best = context.get<typeof bid>('best')
      if (best === undefined) context.setTimer(bid.expires)
      if (best === undefined || bid.price > best.price || (bid.price === best.price && bid.n < best.n))
        context.set('best', bid)
    },
    onTimer(ended, context) {
      const { auction, seller, price, n } = context.get<{ auction: number; seller: number; price: number; n: number }>(
        'best',
      )!
      context.emit({ ended, auction, seller, price, n })
    },
  })
const WINNERS = `(SELECT *, expires AS ended FROM ${IN_TIME}
   QUALIFY row_number() OVER (PARTITION BY auction ORDER BY price DESC, n) = 1)`

query(
  'q6: the mean of the last ten prices of each seller',
  winners
    .keyBy('seller')
    .withAggregates({ average: over('forever', mean('price')), recent: overRows(10, mean('price')) }),
  `SELECT ended, seller, auction, avg(price) OVER (PARTITION BY seller ORDER BY ended RANGE UNBOUNDED PRECEDING) AS average
   FROM ${WINNERS}`,
)
const inWindow = B.assign('window_start', int(), ({ ts }) => Math.floor(ts / 10_000_000) * 10_000_000)
query(
  'q7: the highest bids of each window',
  inWindow
    .keyBy('n')
    .latest()
    .keyBy('window_start')
    .join(
      inWindow
        .keyBy('window_start')
        .aggregate({ highest: max('price') })
        .rename({ window_start: 'start', ts: 'since' })
        .keyBy('start'),
      { how: 'inner', fields: ['highest'] },
    )
    .filter(({ price, highest }) => price === highest),
  `SELECT n, price FROM bid b WHERE price = (SELECT max(price) FROM bid c WHERE c.ts // 10000000 = b.ts // 10000000)`,
)
query(
  'q8: who has come and sold within one window',
  P.keyBy('id')
    .joinNear(A.keyBy('seller'), { how: 'inner', fields: ['auction'], window: tumbling('10s') })
    .keyBy('id')
    .dedup({ within: '10s' }),
  `SELECT DISTINCT id, name, born FROM person JOIN auction ON id = seller AND born // 10000000 = opened // 10000000`,
)
query(
  'q9: each auction with the bid that wins it',
  inTime.keyBy('auction').top(1, { by: { price: 'descending', n: 'ascending' } }),
  `SELECT auction, seller, n, bidder, price FROM ${WINNERS}`,
)
query('q9 again, said once, when the auction ends', winners, `SELECT ended, auction, price, n FROM ${WINNERS}`)
query(
  'q11: sessions of bidders',
  B.keyBy('bidder').window(session('5s')).aggregate({ bids: count() }),
  `WITH gaps AS (SELECT *, CASE WHEN ts - lag(ts) OVER w <= 5000000 THEN 0 ELSE 1 END AS opens FROM bid WINDOW w AS (PARTITION BY bidder ORDER BY ts)),
     numbered AS (SELECT *, sum(opens) OVER (PARTITION BY bidder ORDER BY ts) AS session FROM gaps)
   SELECT bidder, min(ts) AS window_start, max(ts) + 1 AS window_end, count(*) AS bids FROM numbered GROUP BY bidder, session`,
)
query(
  'q13: bids beside a small table that every shard holds',
  B.keyBy('bidder').joinAsOf(P.keyBy('id'), { on: ['bidder'], how: 'inner', fields: ['state'] }),
  'SELECT n, bidder, state FROM bid JOIN person ON bidder = id',
)
query(
  'q14: functions of rows',
  B.assign('part', string(), ({ ts }) => ((ts / SECOND) % 24 < 8 ? 'night' : 'day'))
    .assign('cs', int(), ({ url }) => url.split('c').length - 1)
    .filter(({ price }) => price > 50_000),
  `SELECT n, CASE WHEN ts / 1000000 % 24 < 8 THEN 'night' ELSE 'day' END AS part, len(url) - len(replace(url, 'c', '')) AS cs
   FROM bid WHERE price > 50000`,
)

const ranked = B.assign('isLow', bool(), ({ price }) => price < 10_000).assign(
  'isHigh',
  bool(),
  ({ price }) => price >= 60_000,
)
const perDay = {
  ...{ total: count(), low: count({ where: 'isLow' }), high: count({ where: 'isHigh' }) },
  ...{ bidders: countDistinct('bidder'), lowBidders: countDistinct('bidder', { where: 'isLow' }) },
} as const
const PER_DAY = `count(*) AS total, count(*) FILTER (price < 10000) AS low, count(*) FILTER (price >= 60000) AS high,
  count(DISTINCT bidder) AS bidders, count(DISTINCT bidder) FILTER (price < 10000) AS lowBidders`
query(
  'q15: bids and bidders of each day, by rank',
  ranked
    .assign('all', int(), () => 0)
    .keyBy('all')
    .window(tumbling('1m'))
    .aggregate(perDay),
  `SELECT ts // 60000000 * 60000000 AS window_start, ${PER_DAY} FROM bid GROUP BY 1`,
)
query(
  'q16: the same by channel',
  ranked.keyBy('channel').window(tumbling('1m')).aggregate(perDay),
  `SELECT channel, ts // 60000000 * 60000000 AS window_start, ${PER_DAY} FROM bid GROUP BY ALL`,
)
query(
  'q17: what is bid on each auction each day',
  B.keyBy('on')
    .window(tumbling('1m'), { emit: 'eager' })
    .aggregate({ n: count(), low: min('price'), high: max('price'), average: mean('price'), total: sum('price') }),
  `SELECT "on", ts // 60000000 * 60000000 AS window_start, count(*) AS n, min(price) AS low, max(price) AS high, avg(price) AS average,
     sum(price) AS total FROM bid GROUP BY 1, 2`,
)
query(
  'q18: the last bid of each bidder on each auction',
  B.keyBy('bidder', 'on').latest(),
  'SELECT n, "on", bidder, price FROM bid QUALIFY row_number() OVER (PARTITION BY bidder, "on" ORDER BY ts DESC) = 1',
)
query(
  'q19: the ten highest bids of each auction',
  B.keyBy('on').top(10, { by: { price: 'descending' } }),
  'SELECT "on", n, rank FROM (SELECT *, row_number() OVER (PARTITION BY "on" ORDER BY price DESC, ts) AS rank FROM bid) WHERE rank <= 10',
)
query(
  'q20: bids with their auctions, of one category',
  B.keyBy('n')
    .latest()
    .keyBy('on')
    .join(
      A.filter(({ category }) => category === 10)
        .keyBy('auction')
        .latest()
        .keyBy('auction'),
      { how: 'inner', fields: ['seller', 'item', 'category'] },
    ),
  'SELECT n, "on", seller, item FROM bid JOIN auction ON "on" = auction WHERE category = 10',
)
const CHANNELS: Readonly<Record<string, string>> = { apple: '0', google: '1' }
query(
  'q21: the channel of each bid, by its name or from its address',
  B.assign(
    'id',
    optional(string()),
    ({ channel, url }) => CHANNELS[channel.toLowerCase()] ?? /(?:&|^)channel_id=([^&]*)/.exec(url)?.[1] ?? null,
  ).dropNull('id'),
  `SELECT n, CASE lower(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1' ELSE regexp_extract(url, '(&|^)channel_id=([^&]*)', 2) END AS id FROM bid`,
)
query(
  'q22: parts of addresses',
  B.assign('dir', string(), ({ url }) => url.split('/')[3]!),
  `SELECT n, split_part(url, '/', 4) AS dir FROM bid`,
)
query(
  'q23: bids, who bids, and what they sell',
  B.keyBy('n')
    .latest()
    .keyBy('bidder')
    .join(P.keyBy('id').latest().keyBy('id'), { how: 'inner', fields: ['name'] })
    .keyBy('bidder')
    .join(A.keyBy('auction').latest().keyBy('seller'), { how: 'inner', fields: ['auction', 'item'] }),
  'SELECT n, name, item FROM bid JOIN person ON bidder = id JOIN auction ON seller = bidder',
)
