/** Decimals from files to files: exact sums, means rounded once, and what does not fit. */
import fs from 'node:fs'
import t from 'tap'
import {
  array,
  csv,
  csvFile,
  decimal,
  eventTime,
  jsonLinesFile,
  jsonLinesSource,
  max,
  mean,
  openIndex,
  optional,
  over,
  schema,
  source,
  start,
  string,
  sum,
  topology,
  tumbling,
  variance,
} from '../../src/index.ts'

const Sale = schema({ at: eventTime(), shop: string(), price: decimal(2), rate: optional(decimal(4)) })
const LINES = [
  'at,shop,price,rate',
  '1970-01-01T00:00:01Z,a,0.10,0.0001',
  '1970-01-01T00:00:02Z,a,0.20,',
  '1970-01-01T00:00:03Z,a,-7,1.5',
  '1970-01-01T00:00:04Z,b,90071992547409.91,2',
  '1970-01-01T00:00:05Z,b,1.234,2',
  '1970-01-01T00:00:06Z,b,1e3,2',
]

t.test('decimals are read, added up, compared and written exactly', async (t) => {
  const dir = t.testdir({ 'sales.csv': `${LINES.join('\n')}\n` })
  const sales = source('sales', Sale, csv(`${dir}/sales.csv`))
  const doubled = sales.filter(({ shop }) => shop === 'a').assign('twice', decimal(2), ({ price }) => price * 2)
  const windows = sales
    .keyBy('shop')
    .window(tumbling('1m'))
    .aggregate({ total: sum('price'), highest: max('price'), average: mean('price'), spread: variance('price') })
  const job = topology(
    'sales',
    windows
      .select('shop', 'total', 'highest', 'average', 'spread')
      .to(csvFile('windows.csv', { columns: ['shop', 'total', 'highest', 'average', 'spread'] })),
    doubled.to(jsonLinesFile('rows.jsonl', { columns: ['price', 'twice', 'rate'] })),
    sales.keyBy('price').indexAggregates('by-price', { rate: over('1d', max('rate')) }),
  )
  const out = `${dir}/out`
  const running = await start(job, { dir: `${dir}/state`, out, host: 'inline', shards: 2 })
  await running.ended
  t.strictSame(fs.readFileSync(`${out}/windows.csv`, 'utf8').trim().split('\n'), [
    'shop,total,highest,average,spread',
    // In units: 10, 20 and -700.
    `a,-6.70,0.20,${-670 / 300},${1_022_600 / 90_000}`,
    `b,90071992547409.91,90071992547409.91,${Number.MAX_SAFE_INTEGER / 100},0`,
  ])
  t.strictSame(fs.readFileSync(`${out}/rows.jsonl`, 'utf8').trim().split('\n'), [
    '{"price":"0.10","twice":"0.20","rate":"0.0001"}',
    '{"price":"0.20","twice":"0.40","rate":null}',
    '{"price":"-7.00","twice":"-14.00","rate":"1.5000"}',
  ])
  const letters = fs.readFileSync(`${dir}/state/sales/dead-letters.jsonl`, 'utf8')
  t.match(letters, /'price' must be decimal\(2\), got \\"1\.234\\": it has more than 2 digits behind the point/)
  t.match(letters, /got \\"1e3\\": it is not a decimal number/)
  const index = await openIndex(`${dir}/state/sales`, 'by-price')
  t.match(await index.get({ price: '-7.00' }, 4_000_000), { state: 'found', row: { price: -700, rate: 15_000 } })
  t.match(await index.get({ price: -700 }, 4_000_000), { state: 'found' })
  await index.close()

  const again = source('again', schema({ at: eventTime(), price: decimal(2) }), jsonLinesSource(`${dir}/again.jsonl`))
  fs.writeFileSync(
    `${dir}/again.jsonl`,
    '{"at":1,"price":"0.10"}\n{"at":2,"price":0.2}\n{"at":3,"price":1e-7}\n{"at":4,"price":-3}\n',
  )
  const second = await start(topology('again', again.output('o')), { dir: `${dir}/second`, host: 'inline' })
  const prices: unknown[] = []
  for await (const { row } of second.output('o')) prices.push(row.price)
  await second.ended
  t.strictSame(prices, [10, 20, -300])
})

t.test('a sum beyond 2^53 units, with a default', async (t) => {
  const rows = Array.from({ length: 4 }, (_, i) => ({ at: i, shop: 'a', price: 2 ** 52 }))
  const total = source('sales', schema({ at: eventTime(), shop: string(), price: decimal(2) }), array(rows))
    .keyBy('shop')
    .window(tumbling('1m'))
    .aggregate({ total: sum('price', { default: 0 }) })
  const running = await start(topology('sales', total.output('totals')), { dir: t.testdir(), host: 'inline' })
  const totals: number[] = []
  for await (const { row } of running.output('totals')) totals.push(row.total as number)
  await running.ended
  t.strictSame(totals, [2 ** 54])
})

t.test('a decimal has a scale within limits', (t) => {
  t.throws(() => decimal(16), { code: 'schema', message: /0 to 15 digits/ })
  t.throws(() => decimal(-1), { code: 'schema' })
  t.end()
})
