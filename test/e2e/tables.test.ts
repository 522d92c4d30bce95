/** Tables of streams, through the door: what holds from each time on, what is left in the end, and what has no meaning. */
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import {
  array,
  count,
  csvFile,
  eventTime,
  int,
  max,
  type Output,
  schema,
  source,
  start,
  string,
  sum,
  type Topology,
  topology,
  tumbling,
} from '../../src/index.ts'

const SECOND = 1_000_000
const Move = schema({ at: eventTime(), user: string(), city: string() })
const moves = (name = 'moves') =>
  source(
    name,
    Move,
    array(
      [
        [2, 'ann', 'Oslo'],
        [4, 'ann', 'Bonn'],
        [6, 'ann', 'Rome'],
        [8, 'bob', 'Oslo'],
        [13, 'ann', 'Bonn'],
        [10, 'bob', 'Rome'],
      ].map(([at, user, city]) => ({ at: (at as number) * SECOND, user: user as string, city: city as string })),
    ),
    { disorder: '5s' },
  )

async function updatesOf(t: Test, job: Topology, name: string): Promise<string[]> {
  const directory = t.testdir()
  const running = await start(job, { dir: directory, out: `${directory}/out`, host: 'inline', shards: 3 })
  const sums = new Map<string, number>()
  for await (const { row, diff } of running.output(name)) {
    const text = Object.values({ ...row, at: (row.at as number) / SECOND }).join(' ')
    sums.set(text, (sums.get(text) ?? 0) + diff)
  }
  await running.ended
  return [...sums].flatMap(([text, diff]) => (diff === 0 ? [] : `${diff > 0 ? '+' : ''}${diff} ${text}`)).sort()
}

t.test('the latest row of each user, counted by city: who moves away is not counted there any more', async (t) => {
  const cities = moves().keyBy('user').latest().keyBy('city').aggregate({ users: count() })
  t.same(await updatesOf(t, topology('cities', cities.output('cities')), 'cities'), [
    '+1 Bonn 13 1',
    '+1 Bonn 4 1',
    '+1 Oslo 2 1',
    '+1 Oslo 8 1',
    '+1 Rome 10 2',
    '+1 Rome 13 1',
    '+1 Rome 6 1',
    '-1 Bonn 6 1',
    '-1 Oslo 10 1',
    '-1 Oslo 4 1',
    '-1 Rome 10 1',
    '-1 Rome 13 2',
  ])
})

t.test('a file of a table has the rows that hold in the end, each with the time from which on it does', async (t) => {
  const directory = t.testdir()
  const byUser = moves().keyBy('user')
  const job = topology(
    'files',
    byUser.latest({ emit: 'final' }).to(csvFile('latest.csv')),
    byUser.first().to(csvFile('first.csv')),
    byUser.latest().keyBy('city').aggregate({ users: count() }).to(csvFile('cities.csv')),
  )
  await (await start(job, { dir: directory, out: `${directory}/out`, host: 'inline', shards: 2 })).ended
  const linesOf = (name: string) =>
    fs
      .readFileSync(path.join(directory, 'out', name), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/1970-01-01T00:00:(\d\d)\S*?Z/, '$1'))
  t.same(linesOf('latest.csv'), ['at,user,city', '13,ann,Bonn', '10,bob,Rome'])
  t.same(linesOf('first.csv'), ['at,user,city', '02,ann,Oslo', '08,bob,Oslo'])
  t.same(linesOf('cities.csv'), ['city,at,users', 'Bonn,13,1', 'Rome,13,1'])
})

t.test('a stream is joined with what a table was at the times of its rows', async (t) => {
  const Visit = schema({ at: eventTime(), who: string(), n: int() })
  const rows = [3, 4, 5, 7, 12, 13].map((at) => ({ at: at * SECOND, who: 'ann', n: at }))
  const cities = moves()
    .keyBy('user')
    .latest()
    .filter(({ city }) => city !== 'Rome')
  const joined = source('visits', Visit, array(rows))
    .keyBy('who')
    .joinAsOf(cities.keyBy('user'), { how: 'left', fields: ['city'] })
  t.same(await updatesOf(t, topology('visits', joined.output('joined')), 'joined'), [
    '+1 12 ann 12 ',
    '+1 13 ann 13 Bonn',
    '+1 3 ann 3 Oslo',
    '+1 4 ann 4 Bonn',
    '+1 5 ann 5 Bonn',
    '+1 7 ann 7 ',
  ])
})

t.test('what has no meaning for a table is refused, with the reason', (t) => {
  const totals = moves()
    .assign('n', int(), () => 1)
    .keyBy('user')
    .aggregate({ moves: count(), n: sum('n') })
  const refused = (output: Output, message: RegExp) =>
    t.rejects(start(topology('refused', output), { dir: t.testdir(), host: 'inline' }), {
      kind: 'user',
      code: 'table',
      message,
    })
  return Promise.all([
    refused(
      totals
        .keyBy('user')
        .window(tumbling('1s'))
        .aggregate({ n: max('n') })
        .output('x'),
      /cut into windows/,
    ),
    refused(totals.keyBy('user').latest().output('x'), /asked for its latest rows/),
    refused(
      totals
        .keyBy('user')
        .joinAsOf(moves('cities').keyBy('user'), { how: 'left', fields: ['city'] })
        .output('x'),
      /joined as of times.*do this with the stream/s,
    ),
    t.throws(
      () =>
        moves()
          .keyBy('user')
          .latest({ emit: 'sometimes' as never }),
      { kind: 'user', code: 'emit' },
    ),
  ])
})

t.test('the event time of a stream can be among the fields of a join, that of a table cannot', async (t) => {
  const other = moves('other').rename({ at: 'when', city: 'other' })
  const joined = (right: typeof other) =>
    topology(
      'j',
      moves()
        .keyBy('user')
        .joinAsOf(right.keyBy('user'), { how: 'left', fields: ['when'] })
        .output('j'),
    )
  const found = await updatesOf(t, joined(other), 'j')
  t.ok(found.includes(`+1 13 ann Bonn ${13 * SECOND}`), found.join())
  await t.rejects(start(joined(other.keyBy('user').latest()), { dir: t.testdir(), host: 'inline' }), {
    code: 'table',
    message: /'when' is the event time of a table/,
  })
})

t.test('keys of a join may be called as its own columns would be', async (t) => {
  const Side = schema({ at: eventTime(), side_of_row: int(), left_0_of_row: string() })
  const Name = schema({ at: eventTime(), id: int(), name: string() })
  const sides = [0, 1, 2].map((side_of_row) => ({
    at: (side_of_row + 1) * SECOND,
    side_of_row,
    left_0_of_row: `v${side_of_row}`,
  }))
  const names = [0, 1].map((id) => ({ at: (id + 1) * SECOND, id, name: `n${id}` }))
  const joined = source('sides', Side, array(sides))
    .keyBy('side_of_row')
    .latest()
    .keyBy('side_of_row')
    .join(source('names', Name, array(names)).keyBy('id').latest().keyBy('id'), { how: 'left', fields: ['name'] })
  t.same(await updatesOf(t, topology('sides', joined.output('joined')), 'joined'), [
    '+1 1 0 v0 n0',
    '+1 2 1 v1 n1',
    '+1 3 2 v2 ',
  ])
})

t.test('a stage may have as many tables as a topology has', async (t) => {
  const keyed = moves().keyBy('user')
  const outputs = Array.from({ length: 40 }, (_, i) => keyed.latest().output(`latest-${i}`))
  const last = 'latest-39'
  const alone = await updatesOf(t, topology('one', keyed.latest().output(last)), last)
  t.same(await updatesOf(t, topology('many', ...outputs), last), alone)
})
