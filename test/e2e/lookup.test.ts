/** Look-ups in indexes: as of any time, beside a run and after it, by any number of shards, and what is refused. */
import { spawnSync } from 'node:child_process'
import t, { type Test } from 'tap'
import {
  array,
  bool,
  count,
  eventTime,
  float,
  generator,
  int,
  lastK,
  list,
  max,
  openIndex,
  optional,
  over,
  schema,
  source,
  start,
  string,
  sum,
  type Topology,
  topology,
} from '../../src/index.ts'
import { cli, project, umbel } from './support.ts'

const DAY = 86_400_000_000
const Move = schema({ at: eventTime(), user: int(), city: optional(string()) })
/** The moves of two users, by day, in another order than that of time. */
const moves = source(
  'moves',
  Move,
  array(
    [
      [4, 1, 'B'],
      [2, 1, 'A'],
      [10, 2, 'B'],
      [7, 1, null],
      [6, 1, 'C'],
      [8, 2, 'A'],
      [13, 1, 'B'],
    ].map(([at, user, city]) => ({ at: (at as number) * DAY, user, city })) as never,
  ),
  { disorder: '30d' },
)
const users = moves.keyBy('user').latest()
const byUser = users.keyBy('user').index('users')
const byCity = users.keyBy('city').aggregate({ users: count() }).keyBy('city').index('cities')

async function ran(t: Test, job: Topology): Promise<string> {
  const dir = t.testdir()
  const running = await start(job, { dir, out: `${dir}/out`, host: 'inline', shards: 3 })
  await running.ended
  return `${dir}/${job.name}`
}

t.test('what held at each time, of a table and of what follows from it', async (t) => {
  const directory = await ran(t, topology('places', byUser, byCity))
  const people = await openIndex(directory, byUser)
  const cities = await openIndex(directory, byCity)
  const usersAt = async (city: string, at: number) => (await cities.get({ city }, at * DAY)).row?.users
  t.strictSame(await Promise.all([1, 3, 4, 8].map((day) => usersAt('A', day))), [undefined, 1, 0, 1])
  t.strictSame(await Promise.all([7, 9, 12, 14].map((day) => usersAt('B', day))), [0, 0, 1, 2])
  t.match(await people.get({ user: 1 }, 8 * DAY), { state: 'found', row: { city: null, at: 7 * DAY } })
  t.strictSame(await people.get({ user: 3 }, 8 * DAY), { state: 'missing', row: null })
  const many = await people.getMany([{ user: 2 }, { user: 1 }, { user: 2 }], [9 * DAY, 5 * DAY, 7 * DAY])
  t.strictSame(
    many.map(({ row }) => row && `${row.user} ${row.city}`),
    ['2 A', '1 B', null],
  )
  t.match(await people.get({ user: 1 }), { row: { city: 'B' } }, 'now')
  t.match(await people.get({ user: 1 }, 7 * DAY - 0.5), { row: { city: 'C' } }, 'between two microseconds')
  t.match(await people.get({ user: 1 }, 7 * DAY + 0.5), { row: { city: null } })
  t.equal(await people.watermark(), Number.POSITIVE_INFINITY)
  await people.close()
  await cities.close()
})

t.test('aggregates over spans up to any time', async (t) => {
  const Sale = schema({ at: eventTime(), user: string(), amount: float(), isPaid: bool() })
  const HOUR = DAY / 24
  const sales = source(
    'sales',
    Sale,
    array([
      { at: 0, user: 'ann', amount: 1e16, isPaid: true },
      { at: 10 * HOUR, user: 'ann', amount: 1e-3, isPaid: true },
      { at: 20 * HOUR, user: 'ann', amount: 3e15 + 1, isPaid: false },
      { at: 40 * DAY, user: 'bob', amount: 7, isPaid: true },
    ]),
  )
  const spend = sales.keyBy('user').indexAggregates('spend', {
    n: over('1d', count()),
    paid: over('30d', count({ where: 'isPaid' })),
    spent: over('11h', sum('amount', { default: 0 })),
    largest: max('amount'),
    last: over('30d', lastK('amount', 2)),
  })
  const directory = await ran(t, topology('sales', spend))
  const index = await openIndex(directory, spend)
  const at = async (time: number, user = 'ann') => {
    const { state, row } = await index.get({ user }, time)
    return [state, row?.n, row?.paid, row?.spent, row?.largest, row?.last]
  }
  t.strictSame(await at(-1), ['missing', ...new Array(5).fill(undefined)])
  t.strictSame(await at(0), ['found', 1, 1, 1e16, 1e16, [1e16]])
  // The large one has left, and nothing of it is left over.
  t.strictSame(await at(11 * HOUR), ['found', 2, 2, 1e-3, 1e16, [1e-3, 1e16]])
  t.strictSame(await at(DAY - 1), ['found', 3, 2, 3e15 + 1, 1e16, [3e15 + 1, 1e-3]])
  t.strictSame(await at(DAY), ['found', 2, 2, 3e15 + 1, 1e16, [3e15 + 1, 1e-3]])
  t.strictSame(await at(100 * DAY), ['found', 0, 0, 0, 1e16, []])
  t.strictSame(await at(100 * DAY, 'eve'), ['missing', ...new Array(5).fill(undefined)])
  await index.close()
  t.strictSame(
    spawnSync(process.execPath, [cli, 'lookup', directory, 'spend', 'bob', '--json'], { encoding: 'utf8' }).stdout,
    '{"state":"found","row":{"user":"bob","n":0,"paid":0,"spent":0,"largest":7,"last":[]}}\n',
  )
})

t.test('what is no key, no time and no index is told', async (t) => {
  const directory = await ran(t, topology('places', byUser))
  const people = await openIndex(directory, 'users')
  await t.rejects(people.get({ name: 'ann' }), { code: 'key', message: /has user, got \{"name":"ann"\}/ })
  await t.rejects(people.get({ user: 'ann' }), { code: 'key', message: /'user' must be int/ })
  await t.rejects(people.get({ user: 1 }, Number.NaN), { code: 'key', message: /microseconds/ })
  await t.rejects(people.getMany([{ user: 1 }], [1, 2]), { code: 'key', message: /1 keys and 2 times/ })
  await people.close()
  await t.rejects(openIndex(directory, 'cities'), { code: 'index', message: /the indexes are 'users'/ })
  await t.rejects(openIndex(`${directory}/not`, 'cities'), { code: 'index', message: /end a table with \.index\(\)/ })
  t.throws(() => topology('streams', moves.keyBy('user').index('a'), byUser.node && moves.keyBy('user').index('a')), {
    code: 'topology',
    message: /named 'a'/,
  })
  const stream = topology('stream', moves.keyBy('user').index('a'))
  await t.rejects(start(stream, { dir: t.testdir(), host: 'inline' }), {
    code: 'table',
    message: /'a' is given a stream/,
  })
})

/** Until others have had the thread: stores are looked at again and again, since nobody is told of a commit. */
const turn = () => new Promise((resolve) => setTimeout(resolve, 1))

t.test('beside a run that goes on, and while shards are changed', async (t) => {
  const Tick = schema({ at: eventTime(), key: int(), value: int() })
  const ticks = source(
    'ticks',
    Tick,
    generator({ rows: 1e9, rowsPerSecond: 4000, row: (i) => ({ at: i * 1000, key: i % 100, value: i }) }),
  )
  const latest = ticks.keyBy('key').latest().keyBy('key').index('latest', { history: '100ms' })
  const dir = t.testdir()
  const running = await start(topology('live', latest), { dir, host: 'inline', shards: 2 })
  const index = await openIndex(`${dir}/live`, latest)
  const everything = Array.from({ length: 100 }, (_, key) => ({ key }))
  /** Until all keys are there with values that are new. */
  const newer = async (than: number): Promise<number> => {
    for (;;) {
      const found = await index.getMany(everything, Number.MAX_SAFE_INTEGER)
      const values = found.map(({ row }) => row?.value ?? -1)
      t.ok(
        values.every((value, key) => value === -1 || value % 100 === key),
        'each is of its key',
        { values },
      )
      if (Math.min(...values) > than) return Math.max(...values)
      await turn()
    }
  }
  let last = await newer(-1)
  last = await newer(last)
  await running.rescale('by-key', 5)
  last = await newer(last)
  await running.rescale('by-key', 1)
  await newer(last)
  const { row } = await index.get({ key: 7 }, Number.MAX_SAFE_INTEGER)
  t.equal((await index.get({ key: 7 }, row!.at - 1)).row?.value, row!.value - 100, 'the one before')
  while ((await index.watermark()) < 1_000_000) await turn()
  await t.rejects(index.get({ key: 7 }, 0), { code: 'history', message: /goes back to/ })
  await running.stop()
  t.ok((await index.get({ key: 7 }, Number.MAX_SAFE_INTEGER)).row!.value >= row!.value, 'after it was stopped')
  await index.close()
})

t.test('a run says what can be looked up, and how', async (t) => {
  const directory = project(t, {
    'users.mjs': `import { array, eventTime, schema, source, string, topology } from 'umbel'
      const Row = schema({ at: eventTime(), user: string() })
      const rows = source('rows', Row, array([{ at: 1, user: 'ann' }]))
      export default topology('users', rows.keyBy('user').latest().keyBy('user').index('people'))`,
  })
  const { code, stdout } = await umbel(directory, ['run', 'users.mjs', '--shards', '1', '--workers', '1'])
  t.equal(code, 0)
  t.match(stdout, /\nLook up\n {2}npx umbel lookup \.umbel\/users people <user>\n/)
  t.notMatch(stdout, /Files/)
  const plan = await umbel(directory, ['plan', 'users.mjs'])
  t.match(plan.stdout, /- index people by user\n {6}keeps versions of each key, for ever\n/)
})

t.test('the command', async (t) => {
  const tagged = users.assign('tags', list(string()), ({ city }) => [city ?? 'nowhere'])
  const byTags = tagged.keyBy('tags').aggregate({ users: count() }).keyBy('tags').index('tags')
  const directory = await ran(t, topology('places', byUser, byTags))
  const said = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, 'lookup', ...args], { encoding: 'utf8' })
    return { status, text: stdout + stderr }
  }
  t.match(said(directory, 'users', '1', '--at', '1970-01-08'), {
    status: 0,
    text: /^at {5}1970-01-08.*\nuser {3}1\ncity {3}null\n$/,
  })
  t.match(said(directory, 'users', '2', '--json'), { status: 0, text: /\{"state":"found","row":\{"at":"1970-01-11/ })
  t.match(said(directory, 'users', '9'), { status: 0, text: /There is no row\./ })
  t.match(said(directory, 'tags', '["B"]'), { status: 0, text: /tags {4}\["B"\]\nat .*\nusers {3}2\n$/ })
  t.match(said(directory, 'users', 'x'), { status: 1, text: /'user' must be int, got "x"/ })
  t.match(said(directory, 'users', '1', '2'), { status: 1, text: /looked up by user: give 1, not 2/ })
  t.match(said(directory, 'users', '1', '--at', 'soon'), { status: 1, text: /--at 'soon' is no time/ })
})
