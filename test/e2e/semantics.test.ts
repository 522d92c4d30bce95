/**
 * What is subtle in the meaning of streams and tables, point by point, through the door: each is something that a naive build gets
 * wrong. Inputs and outputs of the vectors are small enough to be followed by hand.
 */
import t, { type Test } from 'tap'
import {
  array,
  count,
  cumulating,
  decayedSum,
  eventTime,
  float,
  generator,
  hopping,
  int,
  max,
  mean,
  type Output,
  openIndex,
  optional,
  over,
  schema,
  session,
  source,
  start,
  stddev,
  string,
  sum,
  topology,
  tumbling,
} from '../../src/index.ts'

const [SECOND, HOUR, DAY] = [1e6, 3.6e9, 8.64e10]

async function ran(t: Test, ...outputs: Output[]): Promise<string> {
  const dir = t.testdir()
  const running = await start(topology('job', ...outputs), { dir, out: `${dir}/out`, host: 'inline', shards: 2 })
  await running.ended
  return `${dir}/job`
}

/** What an output comes to: values of its rows with their diffs, times in a unit. */
async function rowsOf(t: Test, stream: { output(name: string): Output }, unit = 1): Promise<string[]> {
  const dir = t.testdir()
  const running = await start(topology('job', stream.output('rows')), { dir, host: 'inline', shards: 2 })
  const sums = new Map<string, number>()
  for await (const { row, diff } of running.output('rows')) {
    const text = Object.entries(row)
      .map(([name, value]) => (TIMES.has(name) ? (value as number) / unit : value))
      .join(' ')
    sums.set(text, (sums.get(text) ?? 0) + diff)
  }
  await running.ended
  return [...sums].flatMap(([text, diff]) => (diff === 0 ? [] : [`${diff > 0 ? '+' : '-'} ${text}`])).sort()
}
const TIMES = new Set(['at', 'since', 'window_start', 'window_end'])

const Event = schema({ at: eventTime(), key: string(), value: float() })
/** Rows in their order of arrival: [time in units, key, value]. */
const events = (rows: readonly (readonly [number, string, number])[], unit = 1, disorder = '365d') =>
  source('events', Event, array(rows.map(([at, key, value]) => ({ at: at * unit, key, value }))), { disorder })

const Sale = schema({ at: eventTime(), ticket: int(), title: string(), price: float() })
const Movie = schema({ since: eventTime(), movie: string(), actor: string() })

/** Tickets that are sent again take the place of those before; movies have actors; sales are added up by actor. */
function salesByActor(sales: readonly (readonly [number, number, string, number])[], movies: readonly string[][]) {
  const sold = source(
    'sales',
    Sale,
    array(sales.map(([at, ticket, title, price]) => ({ at: at * DAY, ticket, title, price }))),
    { disorder: '9d' },
  )
  // They come later than the sales, and are older.
  const cast = source(
    'movies',
    Movie,
    array(movies.map(([movie, actor]) => ({ since: DAY, movie: movie!, actor: actor! }))),
    { disorder: '9d', lateness: '99d' },
  )
  return sold
    .keyBy('ticket')
    .dedup()
    .keyBy('title')
    .joinAsOf(cast.keyBy('movie'), { how: 'inner', fields: ['actor'] })
    .keyBy('actor')
    .aggregate({ revenue: sum('price') })
}

t.test(
  '1. a join follows event time, not arrival: a late right row revises what was said, and all that follows',
  async (t) => {
    const sales = [
      [2, 1, 'Titanic', 50],
      [3, 2, 'Titanic', 100],
      [4, 3, 'Gatsby', 49],
      [5, 4, 'The Matrix', 50],
    ] as const
    const all = [
      ['Titanic', 'Leonardo'],
      ['Gatsby', 'Leonardo'],
      ['The Matrix', 'Keanu'],
    ]
    const held = async (movies: readonly string[][]) => {
      const directory = await ran(t, salesByActor(sales, movies).keyBy('actor').index('revenue'))
      const index = await openIndex(directory, 'revenue')
      const revenue = async (actor: string, day: number) => (await index.get({ actor }, day * DAY)).row?.revenue
      const found = [await revenue('Leonardo', 2), await revenue('Leonardo', 9), await revenue('Keanu', 5)]
      await index.close()
      return found
    }
    t.strictSame(await held(all), [50, 199, 50])
    t.strictSame(await held(all.slice(0, 2)), [50, 199, undefined], 'a sale without a movie is in no join')
  },
)

t.test('2. the last of rows that are alike counts, and what the one before it had added is taken back', async (t) => {
  const sales = [
    [2, 1, 'Titanic', 50],
    [3, 2, 'Titanic', 100],
    [4, 3, 'Gatsby', 49],
    [3, 2, 'Titanic', 75],
  ] as const
  const movies = [
    ['Titanic', 'Leonardo'],
    ['Gatsby', 'Leonardo'],
  ]
  const directory = await ran(t, salesByActor(sales, movies).keyBy('actor').index('revenue'))
  const index = await openIndex(directory, 'revenue')
  t.equal((await index.get({ actor: 'Leonardo' })).row?.revenue, 174)
  await index.close()
})

t.test(
  '3. rows of tables hold for spans of time: a join of two is where they overlap, with nulls in the gaps',
  async (t) => {
    const Right = schema({ at: eventTime(), id: string(), number: int() })
    const lefts = events([
      [1, 'k', 1],
      [6, 'k', 2],
    ])
    const rights = source(
      'rights',
      Right,
      array([
        { at: 2, id: 'k', number: 7 },
        { at: 8, id: 'k', number: 8 },
      ]),
    )
    const joined = lefts
      .keyBy('key')
      .latest()
      .keyBy('key')
      .join(rights.keyBy('id').latest().keyBy('id'), { how: 'left', fields: ['number'] })
    t.strictSame(await rowsOf(t, joined), [
      '+ 1 k 1 ',
      '+ 2 k 1 7',
      '+ 6 k 2 7',
      '+ 8 k 2 8',
      '- 2 k 1 ',
      '- 6 k 1 7',
      '- 8 k 2 7',
    ])
  },
)

t.test(
  '4. a row out of order is spliced into the history; of two at one time the last one stays, and no span is empty',
  async (t) => {
    const latest = events([
      [1, 'a', 1],
      [5, 'a', 3],
      [4, 'a', 2],
      [5, 'a', 4],
    ])
      .keyBy('key')
      .latest()
    t.strictSame(await rowsOf(t, latest.keyBy('key').changelog({ delete: 'ended' })), [
      '+ 1 a 1 false',
      '+ 4 a 1 true',
      '+ 4 a 2 false',
      '+ 5 a 2 true',
      '+ 5 a 4 false',
    ])
    const directory = await ran(t, latest.keyBy('key').index('latest'))
    const index = await openIndex(directory, 'latest')
    const found = await index.getMany(new Array(4).fill({ key: 'a' }), [0, 1, 4, 5])
    t.strictSame(
      found.map(({ row }) => row?.value),
      [undefined, 1, 2, 4],
    )
    await index.close()
  },
)

t.test(
  '5. a span moves on with the time that is asked for, with no row coming: then there is the default',
  async (t) => {
    const rated = events(
      [
        [0, 'm', 2],
        [1, 'm', 3],
        [2, 'm', 2],
      ],
      SECOND,
    )
    const deviation = over('10m', stddev('value', { default: -1 }))
    const directory = await ran(
      t,
      rated.keyBy('key').indexAggregates('live', { deviation }),
      rated.keyBy('key').aggregate({ deviation }).keyBy('key').index('table'),
    )
    for (const name of ['live', 'table']) {
      const index = await openIndex(directory, name)
      const at = async (seconds: number) => {
        const { state, row } = await index.get({ key: 'm' }, seconds * SECOND)
        return [state, row?.deviation]
      }
      t.strictSame(await at(0), ['found', 0], `${name}: of one row`)
      t.strictSame(await at(2), ['found', Math.sqrt(2 / 9)])
      t.strictSame(await at(601), ['found', 0], 'the last one is left')
      t.strictSame(await at(602), ['default', -1])
      await index.close()
    }
  },
)

t.test(
  '6. windows are aligned to 1970, said when the watermark has passed them and no earlier, and hold rows up to their ends',
  async (t) => {
    const one = [13 * HOUR, 'k', 1] as const
    const endsOf = async (rows: readonly (readonly [number, string, number])[], window: ReturnType<typeof hopping>) => {
      const lines = await rowsOf(t, events(rows).keyBy('key').window(window).aggregate({ n: count() }), HOUR)
      return lines.flatMap((line) => (line.startsWith('+ k') ? [Number(line.split(' ')[3])] : [])).sort((a, b) => a - b)
    }
    t.strictSame(
      await endsOf([one], hopping('1d', '1h')),
      Array.from({ length: 24 }, (_, i) => 14 + i),
    )
    t.strictSame(await endsOf([one], tumbling('1d')), [24])
    t.strictSame(await endsOf([one, [24 * HOUR, 'k', 1]], tumbling('1d')), [24, 48], 'a row at an end is of the next')

    // Of a run that goes on: another row has brought the watermark to 14:00 on the third.
    t.strictSame(await endsBefore(t, one, 14 + 24), {
      tumbling: [24],
      tumblingLater: [],
      hopping: Array.from({ length: 24 }, (_, i) => 14 + i),
      hoppingLater: Array.from({ length: 23 }, (_, i) => 14 + i),
    })
  },
)

/** Ends of windows, in hours, that are said while the input goes on and the watermark stays at an hour. */
async function endsBefore(t: Test, [at, key, value]: readonly [number, string, number], hour: number) {
  const windows = {
    ...{ tumbling: tumbling('1d'), tumblingLater: tumbling('1d', { lookback: '15h' }) },
    ...{ hopping: hopping('1d', '1h'), hoppingLater: hopping('1d', '1h', { lookback: '2h' }) },
  }
  const row = (i: number) => (i === 0 ? { at, key, value } : { at: hour * HOUR, key: 'other', value })
  const stream = source('events', Event, generator({ rows: 1e9, rowsPerSecond: 1000, row }))
  const outputs = Object.entries(windows).map(([name, window]) =>
    stream
      .keyBy('key')
      .window(window)
      .aggregate({ n: count() })
      .filter((one) => one.key === key)
      .output(name),
  )
  const running = await start(topology('open', ...outputs), { dir: t.testdir(), host: 'inline', shards: 1 })
  const ends: Record<string, number[]> = {}
  // The one of which most is said comes first, and stops the run.
  for (const name of ['hopping', 'hoppingLater', 'tumblingLater', 'tumbling']) {
    ends[name] = []
    for await (const said of running.output(name)) {
      ends[name]!.push((said.row.window_end as number) / HOUR)
      if (name === 'hopping' && ends[name]!.length === 24) void running.stop()
    }
  }
  await running.ended
  return ends
}

t.test(
  '7. rows a gap apart are in one session, which ends a microsecond behind the last; a late row joins two',
  async (t) => {
    const sessionsOf = (seconds: readonly number[], gap: string) =>
      rowsOf(
        t,
        events(
          seconds.map((at) => [at, 'k', 1] as const),
          SECOND,
        )
          .keyBy('key')
          .window(session(gap))
          .aggregate({ n: count() }),
        SECOND,
      )
    t.strictSame(await sessionsOf([0, 1, 2, 3, 6, 7], '1s'), ['+ k 0 3.000001 4', '+ k 6 7.000001 2'])
    t.strictSame(await sessionsOf([25, 26, 27, 28, 29, 30, 32, 33, 37, 38], '3s'), [
      '+ k 25 33.000001 8',
      '+ k 37 38.000001 2',
    ])
    t.strictSame(await sessionsOf([0, 4, 2], '2s'), ['+ k 0 4.000001 3'])
  },
)

t.test(
  '8. a table that aggregates another takes the old row back: one who moves is counted in one city at a time',
  async (t) => {
    const moves = source(
      'moves',
      schema({ at: eventTime(), user: int(), city: string() }),
      array([
        { at: 2, user: 1, city: 'A' },
        { at: 4, user: 1, city: 'B' },
        { at: 6, user: 2, city: 'A' },
        { at: 8, user: 1, city: 'A' },
      ]),
    )
    const cities = moves
      .keyBy('user')
      .latest()
      .keyBy('city')
      .aggregate({ users: count(), newest: max('user') })
    const directory = await ran(t, cities.keyBy('city').index('cities'))
    const index = await openIndex(directory, 'cities')
    const found = await index.getMany(new Array(5).fill({ city: 'A' }), [1, 2, 4, 6, 8])
    t.strictSame(
      found.map(({ row }) => row && `${row.users} ${row.newest}`),
      [null, '1 1', '0 null', '1 2', '2 2'],
    )
    await index.close()
  },
)

t.test('9. not found, null, and nothing left are three things', async (t) => {
  const People = schema({ at: eventTime(), user: string(), city: optional(string()) })
  const people = source('registered', People, array([{ at: 1, user: 'ann', city: null }]))
  const directory = await ran(
    t,
    people.keyBy('user').latest().keyBy('user').index('people'),
    people.keyBy('user').indexAggregates('seen', { times: over('1h', count()) }),
  )
  const [index, seen] = [await openIndex(directory, 'people'), await openIndex(directory, 'seen')]
  t.match(await index.get({ user: 'ann' }), { state: 'found', row: { city: null } })
  t.match(await index.get({ user: 'bob' }), { state: 'missing', row: null })
  t.strictSame(await seen.get({ user: 'ann' }), { state: 'default', row: { user: 'ann', times: 0 } })
  t.strictSame(await seen.get({ user: 'bob' }), { state: 'missing', row: null })
  await index.close()
  await seen.close()
})

t.test('10. no row within the disorder is dropped, whatever it meets on its way', async (t) => {
  const shuffled = Array.from({ length: 500 }, (_, i) => [((i * 173) % 500) * HOUR, `k${i % 7}`, 1] as const)
  const [first, second] = ['one', 'two'].map((name) =>
    source(
      name,
      Event,
      array(
        shuffled.map(([at, key, value]) => ({ at, key, value })),
        { splits: 3 },
      ),
      { disorder: '21d' },
    ),
  )
  const hourly = first!.union(second!).keyBy('key').window(cumulating('1d', '1h')).aggregate({ n: count() })
  const daily = hourly
    .keyBy('key')
    .window(tumbling('1d'))
    .aggregate({ most: max('n') })
  const total = (await rowsOf(t, daily.keyBy('key').aggregate({ most: sum('most') }), HOUR)).length
  t.ok(total > 0)
  const counted = await rowsOf(
    t,
    first!.union(second!).keyBy('key').window(tumbling('3650d')).aggregate({ n: count() }),
  )
  t.equal(
    counted.reduce((n, line) => n + Number(line.split(' ').at(-1)), 0),
    1000,
  )
})

t.test(
  '11. both ends of `within` are included, one candidate alone is looked at, and the time stays that of the left row',
  async (t) => {
    const Salary = schema({ since: eventTime(), id: string(), pay: int() })
    const pays = source(
      'pays',
      Salary,
      array([
        { since: 100, id: 'k', pay: 1 },
        { since: 300, id: 'k', pay: 2 },
      ]),
    )
    const joined = (times: readonly number[], within: { older: number; newer?: number }) =>
      rowsOf(
        t,
        events(times.map((at) => [at, 'k', 0] as const))
          .keyBy('key')
          .joinAsOf(pays.keyBy('id'), { how: 'left', fields: ['pay'], within }),
      )
    t.strictSame(await joined([100, 160, 161, 299], { older: 60 }), [
      '+ 100 k 0 1',
      '+ 160 k 0 1',
      '+ 161 k 0 ',
      '+ 299 k 0 ',
    ])
    t.strictSame(await joined([270, 271], { older: 500, newer: 29 }), ['+ 270 k 0 1', '+ 271 k 0 2'])
    // The latest candidate is too old, and the one before it is not asked.
    t.strictSame(await joined([361], { older: 60 }), ['+ 361 k 0 '])
  },
)

t.test(
  'an aggregate of an aggregate: the mean of what days come to, not of what they had come to on the way',
  async (t) => {
    const [now, hour] = [100 * 24, HOUR]
    const sales = events(
      [
        [now - 1, '1', 100],
        [now - 30, '1', 200],
        [now - 31, '1', 300],
        [now - 32, '1', 500],
        [now - 60, '1', 400],
      ],
      hour,
    )
    const days = sales.assign('day', int(), ({ at }) => Math.floor(at / DAY))
    const daily = days.keyBy('key', 'day').aggregate({ total: sum('value') })
    const averages = daily.keyBy('key').aggregate({ average: mean('total') })
    const directory = await ran(t, averages.keyBy('key').index('averages'))
    const index = await openIndex(directory, 'averages')
    t.equal((await index.get({ key: '1' }, now * hour)).row?.average, 500)
    t.equal((await index.get({ key: '1' }, (now - 2) * hour)).row?.average, 700)
    await index.close()
  },
)

t.test('a decayed sum is half as much a half-life on, and 0 in the end, when its key is still known', async (t) => {
  const scored = events(
    [
      [1, 'a', 5],
      [1, 'a', 2],
      [2, 'a', 3],
      [2, 'b', -4],
    ],
    DAY,
  )
  const score = decayedSum('value', { halfLife: '1d', default: 0 })
  const directory = await ran(t, scored.keyBy('key').indexAggregates('scores', { score }))
  const index = await openIndex(directory, 'scores')
  const at = async (key: string, day: number) => {
    const { state, row } = await index.get({ key }, day * DAY)
    return [state, row?.score]
  }
  t.strictSame(await at('a', 3), ['found', 3.25])
  t.strictSame(await at('a', 4), ['found', 1.625])
  t.strictSame(await at('a', 5000), ['found', 0])
  t.strictSame(await at('b', 3), ['found', -2])
  t.strictSame(await at('b', 4), ['found', -1])
  t.match(await at('c', 4), ['missing'])
  await index.close()
  const withScores = scored.keyBy('key').withAggregates({ score })
  t.strictSame(
    await rowsOf(t, withScores, DAY),
    ['+ 1 a 2 7', '+ 1 a 5 7', '+ 2 a 3 6.5', '+ 2 b -4 -4'],
    'of rows of one time each sees all',
  )
  t.throws(() => scored.keyBy('key').aggregate({ score } as never), /another number at each moment/)
})

t.test('large numbers that come and go leave nothing behind', async (t) => {
  const spent = events([
    [0, 'a', 1e16],
    [1, 'a', 3e15 + 1],
    [2, 'a', 1e-3],
  ])
    .keyBy('key')
    .aggregate({ total: over(3, sum('value', { default: 0 })) })
  t.strictSame(
    (await rowsOf(t, spent)).filter((line) => line.startsWith('+')),
    [
      '+ a 0 10000000000000000',
      '+ a 1 13000000000000000',
      '+ a 2 13000000000000002',
      '+ a 3 3000000000000001',
      '+ a 4 0.001',
    ],
  )
})
