/** Whole topologies on the caller's thread: what goes in, what comes out, and what happens on bad input. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { inspectJob } from '../../src/actors/inspect-job.ts'
import { nodeSeam } from '../../src/base/real/node-seam.ts'
import {
  array,
  bool,
  count,
  countDistinct,
  csvFile,
  eventTime,
  float,
  generator,
  hopping,
  int,
  max,
  mean,
  min,
  optional,
  over,
  schema,
  session,
  source,
  start,
  string,
  sum,
  type Topology,
  topology,
  tumbling,
} from '../../src/index.ts'
import type { ShardLimits } from '../../src/recovery/shard-limits.ts'

const Click = schema({ at: eventTime(), user: string(), ms: optional(int()) })
const SECOND = 1_000_000

const rows = [
  { at: 1 * SECOND, user: 'ann', ms: 10 },
  { at: 2 * SECOND, user: 'bob', ms: null },
  { at: 59 * SECOND, user: 'ann', ms: 20 },
  { at: 60 * SECOND, user: 'ann', ms: 30 },
  { at: 130 * SECOND, user: 'bob', ms: 5 },
]

async function collect(job: Topology, directory: string, name: string, limits: Partial<ShardLimits> = {}) {
  const running = await start(job, { dir: directory, out: `${directory}/out`, host: 'inline', shards: 2, limits })
  const found: Record<string, unknown>[] = []
  for await (const { row, diff } of running.output(name)) found.push({ ...row, diff })
  await running.ended
  return found
}

t.test('windows by key, read as committed output', async (t) => {
  const clicks = source('clicks', Click, array(rows))
  const job = topology(
    'inline',
    clicks
      .filter((click) => click.user !== 'nobody')
      .assign('slow', bool(), (click) => (click.ms ?? 0) > 15)
      .keyBy('user')
      .window(tumbling('1m'))
      .aggregate({ clicks: count(), ms: sum('ms'), share: mean('slow') })
      .output('minutes'),
  )
  const found = await collect(job, t.testdir(), 'minutes')
  const shown = found.map(({ user, window_start, clicks, ms, share, diff }) => [
    user,
    window_start,
    clicks,
    ms,
    share,
    diff,
  ])
  t.same(
    shown.sort((a, b) => String(a).localeCompare(String(b))),
    [
      ['ann', 0, 2, 30, 0.5, 1],
      ['ann', 60 * SECOND, 1, 30, 1, 1],
      ['bob', 0, 1, null, 0, 1],
      ['bob', 120 * SECOND, 1, 5, 0, 1],
    ],
  )
})

t.test('a late row takes back what was said; a later one goes to the dead letters', async (t) => {
  const late = [...rows, { at: 50 * SECOND, user: 'ann', ms: 7 }, { at: 0, user: 'ann', ms: 1 }]
  const clicks = source('clicks', Click, array(late), { lateness: '90s' })
  const job = topology(
    'late',
    clicks.keyBy('user').window(tumbling('1m')).aggregate({ clicks: count() }).output('minutes'),
  )
  const directory = t.testdir()
  const found = await collect(job, directory, 'minutes')
  const first = found.filter(({ user, window_start }) => user === 'ann' && window_start === 0)
  const sums = new Map<unknown, number>()
  for (const { clicks: said, diff } of first) sums.set(said, (sums.get(said) ?? 0) + (diff as number))
  t.same(
    [...sums].filter(([, diff]) => diff !== 0),
    [[3, 1]],
  )
  const letters = fs.readFileSync(`${directory}/late/dead-letters.jsonl`, 'utf8').trim().split('\n')
  t.equal(letters.length, 1)
  t.match(JSON.parse(letters[0]!), { source: 'clicks', kind: 'late', offset: 6 })
})

t.test('an as-of join sees the version that held at the time of the row', async (t) => {
  const User = schema({ since: eventTime(), name: string(), plan: string() })
  const users = [
    { since: 0, name: 'ann', plan: 'free' },
    { since: 60 * SECOND, name: 'ann', plan: 'paid' },
  ]
  const clicks = source('clicks', Click, array(rows))
  const table = source('users', User, array(users)).keyBy('name')
  const job = topology(
    'join',
    clicks
      .keyBy('user')
      .joinAsOf(table, { how: 'left', fields: ['plan'] })
      .output('joined'),
  )
  const found = await collect(job, t.testdir(), 'joined')
  const shown = found.map(({ at, user, plan }) => [at, user, plan]).sort((a, b) => Number(a[0]) - Number(b[0]))
  t.same(shown, [
    [1 * SECOND, 'ann', 'free'],
    [2 * SECOND, 'bob', null],
    [59 * SECOND, 'ann', 'free'],
    [60 * SECOND, 'ann', 'paid'],
    [130 * SECOND, 'bob', null],
  ])
})

t.test("a user's actor: state, timers in event time, rows in order", async (t) => {
  const Visit = schema({ ended: eventTime(), user: string(), clicks: int() })
  const clicks = source('clicks', Click, array(rows))
  const visits = clicks.keyBy('user').actor('visits', {
    output: Visit,
    onRow(click, context) {
      const open = context.get<{ clicks: number; until: number }>('visit')
      if (open) context.clearTimer(open.until)
      const until = click.at + 30 * SECOND
      context.set('visit', { clicks: (open?.clicks ?? 0) + 1, until })
      context.setTimer(until)
    },
    onTimer(at, context) {
      context.emit({
        ended: at,
        user: String(context.key[0]),
        clicks: context.get<{ clicks: number }>('visit')!.clicks,
      })
      context.delete('visit')
    },
  })
  const found = await collect(topology('visits', visits.output('visits')), t.testdir(), 'visits')
  const shown = found.map(({ ended, user, clicks: n }) => [user, Number(ended) / SECOND, n])
  t.same(shown.sort(), [
    ['ann', 31, 1],
    ['ann', 90, 2],
    ['bob', 160, 1],
    ['bob', 32, 1],
  ])
})

t.test('a merged file holds the final state alone', async (t) => {
  const late = [...rows, { at: 50 * SECOND, user: 'ann', ms: 7 }]
  const clicks = source('clicks', Click, array(late), { lateness: '10m' })
  const job = topology(
    'merged',
    clicks.keyBy('user').window(hopping('2m', '1m')).aggregate({ clicks: count() }).to(csvFile('m.csv')),
  )
  const directory = t.testdir()
  const running = await start(job, { dir: directory, out: `${directory}/out`, host: 'inline' })
  await running.ended
  const lines = fs.readFileSync(path.join(directory, 'out/m.csv'), 'utf8').trim().split('\n')
  t.equal(lines[0], 'user,window_start,window_end,clicks')
  t.ok(lines.includes('ann,1970-01-01T00:00:00.000Z,1970-01-01T00:02:00.000Z,4'))
  t.equal(new Set(lines).size, lines.length)
})

t.test('what an eager window says comes to the same wherever its epochs end, for all that follows', async (t) => {
  const many = Array.from({ length: 3000 }, (_, i) => ({ at: i * SECOND, user: `u${(i * i) % 7}`, ms: i % 11 }))
  const Told = schema({ at: eventTime(), user: string(), clicks: int() })
  const job = (emit: 'final' | 'eager') => {
    const minutes = source('clicks', Click, array(many))
      .keyBy('user')
      .window(tumbling('1m'), { emit })
      .aggregate({ clicks: count() })
    const told = minutes.keyBy('user').actor('told', {
      output: Told,
      onRow: (row, context) => context.emit({ at: row.window_end, user: row.user, clicks: row.clicks }),
    })
    return topology(
      'eager',
      minutes.to(csvFile('minutes.csv')),
      minutes
        .keyBy('user')
        .window(hopping('10m', '5m'))
        .aggregate({ clicks: sum('clicks') })
        .to(csvFile('more.csv')),
      told.output('told'),
    )
  }
  const run = async (emit: 'final' | 'eager', epochRowsMax: number) => {
    const directory = t.testdir()
    const running = await start(job(emit), {
      dir: directory,
      out: `${directory}/out`,
      host: 'inline',
      shards: 2,
      limits: { epochRowsMax },
    })
    const told: string[] = []
    for await (const { row, diff } of running.output('told')) told.push(`${diff} ${row.at} ${row.user} ${row.clicks}`)
    await running.ended
    const lines = (name: string) =>
      fs
        .readFileSync(path.join(directory, 'out', name), 'utf8')
        .trim()
        .split('\n')
        .sort()
    return { minutes: lines('minutes.csv'), more: lines('more.csv'), told: told.sort() }
  }
  const unhurried = await run('final', 65_536)
  t.equal(unhurried.minutes.length, unhurried.told.length + 1)
  for (const epochRowsMax of [17, 400, 65_536]) t.strictSame(await run('eager', epochRowsMax), unhurried)
})

t.test('an emission that was interrupted between two epochs goes on without new input', async (t) => {
  const many = Array.from({ length: 400 }, (_, i) => ({ at: i, user: `u${i}`, ms: i }))
  const job = topology(
    'interrupted',
    source('clicks', Click, array(many))
      .keyBy('user')
      .window(tumbling('1m'))
      .aggregate({ clicks: count() })
      .output('minutes'),
  )
  const directory = t.testdir()
  const options = { dir: directory, host: 'inline', shards: 1, limits: { epochRowsMax: 10 } } as const
  const users: unknown[] = []
  for (let life = 0; users.length < many.length; life++) {
    t.ok(life < 20, `life ${life}`)
    const running = await start(job, options)
    users.length = 0
    for await (const { row } of running.output('minutes')) {
      users.push(row.user)
      // By then all input has been consumed, and what is left is due.
      if (life < 3) await running.stop()
    }
    await running.ended
  }
  t.equal(new Set(users).size, many.length)
})

t.test('an output that is read ends when the run is stopped, though nothing more comes', async (t) => {
  const row = (i: number) => ({ at: i === 0 ? 0 : 24 * 3600 * SECOND, user: 'ann', ms: null })
  const clicks = source('clicks', Click, generator({ rows: 1e9, rowsPerSecond: 1000, row }))
  const hours = (lookback: string) =>
    clicks
      .keyBy('user')
      .window(hopping('12h', '1h', { lookback }))
      .aggregate({ n: count() })
  const job = topology('stopped', ...['1h', '2h', '3h', '4h'].map((lookback) => hours(lookback).output(lookback)))
  for (let i = 0; i < 8; i++) {
    const running = await start(job, { dir: t.testdir(), host: 'inline', shards: 1 })
    let rows = 0
    for await (const _ of running.output('3h')) if (++rows === 12) void running.stop()
    t.equal(rows, 12)
  }
})

t.test('what the user can mend is said before anything runs', async (t) => {
  const clicks = source('clicks', Click, array(rows))
  const job = (name: string) =>
    topology('bad', clicks.keyBy('user').window(tumbling('1m')).aggregate({ clicks: count() }).output(name))
  await t.rejects(start(job('a'), { dir: t.testdir() }), { code: 'module', message: /host: 'inline'/ })
  await t.rejects(start('/nowhere/x.ts'), { code: 'module', message: /no module \/nowhere\/x\.ts/ })
  t.throws(() => topology('none'), { code: 'topology', message: /no output/ })
  t.throws(() => topology('twice', job('a').outputs[0] && clicks.output('x'), clicks.output('x')), { code: 'topology' })
  const limited = (limits: object) => start(job('a'), { dir: t.testdir(), host: 'inline', limits })
  await t.rejects(limited({ epochRowsMax: 0 }), {
    code: 'option',
    message: /limits\.epochRowsMax must be a whole number/,
  })
  await t.rejects(limited({ epochRows: 5 }), {
    code: 'option',
    message: /no limit 'epochRows'; the limits are epochRowsMax/,
  })
  const directory = t.testdir()
  const running = await start(job('a'), { dir: directory, host: 'inline' })
  await t.rejects(start(job('a'), { dir: directory, host: 'inline' }), {
    code: 'locked',
    message: /another supervisor/,
  })
  await running.ended
  await t.rejects(
    (async () => {
      for await (const _ of running.output('b')) void _
    })(),
    { code: 'output', message: /'a'/ },
  )
})

t.test('a function that throws ends the run with its name and place', async (t) => {
  const clicks = source('clicks', Click, array(rows))
  const job = topology(
    'throws',
    clicks
      .filter(() => {
        throw new Error('my mistake')
      })
      .output('none'),
  )
  const running = await start(job, { dir: t.testdir(), host: 'inline' })
  const reading = (async () => {
    for await (const _ of running.output('none')) void _
  })()
  await t.rejects(reading, { code: 'user-code' }, 'a reader of the output is told too')
  await t.rejects(running.ended, { code: 'user-code', message: /filter in stage 'clicks' threw: my mistake/ })
})

t.test(
  'under the policy for it, rows on which functions throw go to the dead letters, and the run goes on',
  async (t) => {
    const clicks = source('clicks', Click, array(rows))
    const Seen = schema({ at: eventTime(), user: string(), seen: int() })
    const job = topology(
      'letters',
      { onError: 'dead-letter' },
      clicks
        .filter(({ at }) => {
          if (at === 2 * SECOND) throw new Error('not at 2')
          return true
        })
        .assign('half', int(), ({ ms }) => (ms ?? 0) / 2)
        .assign('name', string(), ({ at, user }) => (at === 59 * SECOND ? (7 as unknown as string) : user))
        .keyBy('user')
        .actor('counting', {
          output: Seen,
          onRow({ at, user }, context) {
            const seen = (context.get<number>('seen') ?? 0) + 1
            context.set('seen', seen)
            context.setTimer(at + SECOND)
            context.emit({ at, user, seen })
            if (at === 60 * SECOND) throw 'not at 60'
          },
          onTimer(at) {
            if (at === 2 * SECOND) throw new Error('no timer at 2')
          },
        })
        .output('seen'),
    )
    const directory = t.testdir()
    const found = await collect(job, directory, 'seen')
    t.strictSame(found, [{ at: 1 * SECOND, user: 'ann', seen: 1, diff: 1 }], 'a function that threw has done nothing')
    const letters = fs
      .readFileSync(`${directory}/letters/dead-letters.jsonl`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    t.strictSame(
      letters.map(({ source, operator, reason, offset, call }) => [source, operator, reason, offset, call]).sort(),
      [
        ['by-user', "actor 'counting'", 'no timer at 2', null, 2],
        ['by-user', "actor 'counting'", 'not at 60', null, 3],
        ['clicks', 'assign', "'half' must be int, got 2.5: 2.5 is not a whole number within ±2^53", 4, null],
        ['clicks', 'assign', "'name' must be string, got 7: it is a number", 2, null],
        ['clicks', 'filter', 'not at 2', 1, null],
      ],
    )
    const thrown = letters.find(({ reason }) => reason === 'not at 2')
    t.ok(letters.every(({ kind }) => kind === 'threw'))
    t.match(thrown, { at: '1970-01-01T00:00:02.000Z', split: 0, stack: /inline\.test/ })
    t.match(JSON.parse(thrown.row), { user: 'bob', ms: null })
    t.throws(() => topology('x', { onError: 'never' as 'fail' }, clicks.output('all')), {
      message: /onError of topology 'x' must be 'fail' or 'dead-letter', got 'never'/,
    })
  },
)

t.test('of the rows of a session the latest is kept; one that comes late joins two', async (t) => {
  const at = (second: number, user = 'ann') => ({ at: second * SECOND, user, ms: second })
  // In this order: the row of 5 s comes when both sessions of ann have been said.
  const clicks = source('clicks', Click, array([at(1), at(3), at(7), at(7, 'bob'), at(30, 'eve'), at(5)]), {
    lateness: '1h',
  })
  const kept = clicks.keyBy('user').dedup({ within: session('2s') })
  const found = await collect(topology('kept', kept.output('kept')), t.testdir(), 'kept', { epochRowsMax: 1 })
  const said = found.map(({ user, ms, diff }) => `${user} ${ms} ${diff}`)
  t.same(
    said.filter((one) => one.startsWith('ann')),
    ['ann 3 1', 'ann 7 1', 'ann 3 -1'],
  )
  t.same(said.filter((one) => !one.startsWith('ann')).sort(), ['bob 7 1', 'eve 30 1'])
})

t.test('what is no number is neither the least nor the greatest, as long as there is one', async (t) => {
  const Reading = schema({ at: eventTime(), sensor: string(), x: float() })
  const read = (at: number, sensor: string, x: number) => ({ at, sensor, x })
  const odd = [
    read(1, 'none', NaN),
    read(2, 'none', NaN),
    read(1, 'some', NaN),
    read(2, 'some', 1),
    read(3, 'some', NaN),
  ]
  const bounds = { low: min('x'), high: max('x') }
  const readings = () => source('readings', Reading, array(odd)).keyBy('sensor')
  const ways = {
    panes: readings().window(tumbling('1m')).aggregate(bounds),
    groups: readings()
      .window(tumbling('1m'))
      .aggregate({ ...bounds, n: countDistinct('x') }),
    sessions: readings().window(session('1m')).aggregate(bounds),
    table: readings().aggregate(bounds),
    spans: readings().aggregate({ low: over('1m', min('x')), high: over('1m', max('x')) }),
    rows: readings().withAggregates(bounds),
  }
  for (const [way, stream] of Object.entries(ways)) {
    const found = await collect(topology('odd', stream.output('odd')), t.testdir({}), 'odd')
    // Of tables the last that holds, before what is in a span leaves it.
    const isLast = (row: Record<string, unknown>) => row.diff === 1 && Number(row.at ?? 0) <= 3
    const last = (sensor: string) => found.findLast((row) => row.sensor === sensor && isLast(row))!
    t.same([last('none').low, last('none').high], [NaN, NaN], way)
    t.same([last('some').low, last('some').high], [1, 1], way)
  }
})

t.test('what is left of a run without its job.json is not thrown away unasked', async (t) => {
  const dir = t.testdir()
  const clicks = source('clicks', Click, array(rows))
  const totals = clicks.keyBy('user').window(tumbling('1m')).aggregate({ clicks: count() })
  const job = topology('lost', totals.to(csvFile('by/minute.csv')))
  const options = { dir, out: `${dir}/out`, host: 'inline' as const }
  await (await start(job, options)).ended
  const inspected = (await inspectJob(nodeSeam.files, path.join(dir, 'lost')))!
  t.ok(
    inspected.shards.some(({ shard }) => shard === 'by/minute.csv/0'),
    'a sink in a folder is seen',
  )
  fs.rmSync(path.join(dir, 'lost', 'job.json'))
  await t.rejects(start(job, options), { kind: 'user', message: /holds logs and stores, but no job\.json, .*--fresh/ })
  t.equal(await (await start(job, { ...options, fresh: true })).ended, 'finished')
})
