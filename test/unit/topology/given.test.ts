/** What a declaration is given is checked as it runs: a module may never have been compiled. */
import t from 'tap'
import * as umbel from '../../../src/index.ts'

// As a module without types calls it.
// biome-ignore lint/suspicious/noExplicitAny: what is given here does not fit the types
const u = umbel as any

const Left = u.schema({ at: u.eventTime(), user: u.string(), x: u.int(), paid: u.bool() })
const Right = u.schema({ at: u.eventTime(), who: u.string(), city: u.string() })
const left = () => u.source('left', Left, u.array([]))
const right = () => u.source('right', Right, u.array([]))
const keyed = () => left().keyBy('user')
const other = () => right().keyBy('who')
const windowed = () => keyed().window(u.tumbling('1h'))

/** What is declared, and what is said of it. */
const WRONG: Record<string, readonly [declare: () => unknown, said: string | RegExp]> = {
  'no options': [() => keyed().joinAsOf(other()), 'joinAsOf: it takes an object of options: how, fields, on, within'],
  'an option that is missing': [
    () => keyed().joinAsOf(other(), { how: 'inner' }),
    "joinAsOf: 'fields' must be given: a list",
  ],
  'a choice that there is not': [
    () => keyed().joinNear(other(), { how: 'cross', fields: ['city'], within: { older: '1s' } }),
    "joinNear: 'how' must be 'inner' or 'left' or 'right' or 'full', not 'cross'",
  ],
  'an option that there is not': [
    () => u.source('left', Left, u.array([]), { disordr: '1m' }),
    "source 'left': there is no option 'disordr'; the options are disorder, lateness, aheadMax, idleAfter, alignWithin",
  ],
  'an option within one': [
    () => keyed().joinAsOf(other(), { how: 'left', fields: ['city'], within: { oldr: '1m' } }),
    "joinAsOf: there is no option 'within.oldr'; the options are older, newer",
  ],
  'a text for options': [
    () => keyed().joinAsOf(other(), { how: 'left', fields: ['city'], within: '1h' }),
    "joinAsOf: 'within' must be an object, not '1h'",
  ],
  'a stream without keys': [
    () => keyed().joinAsOf(right(), { how: 'left', fields: ['city'] }),
    'joinAsOf: the other side must be a stream by keys: call keyBy(...) on it',
  ],
  'a direction that there is not': [
    () => keyed().top(3, { by: { x: 'up' } }),
    "top: 'by.x' must be 'ascending' or 'descending', not 'up'",
  ],
  'a key that is named twice': [() => left().keyBy('user', 'user'), "keyBy: 'user' is a key already"],
  'a finer key that is one': [() => keyed().thenBy('user'), "thenBy: 'user' is a key already"],
  'an aggregate that was not called': [
    () => windowed().aggregate({ n: u.count }),
    "aggregate: 'n' must be an aggregate, called, such as count() or sum('amount'), not the function count",
  ],
  'an aggregate without its column': [() => keyed().aggregate({ n: u.sum() }), /'n' must be an aggregate, called/],
  'an option that an aggregate has not': [
    () => u.sum('x', { were: 'paid' }),
    "sum('x'): there is no option 'were'; the options are where, default",
  ],
  'an aggregate that is called as a key is': [
    () => windowed().aggregate({ user: u.count() }),
    "the result has a field 'user' already: give the aggregate another name",
  ],
  'an aggregate that is called as a time is': [
    () => windowed().aggregate({ window_end: u.count() }),
    "the result has a field 'window_end' already: give the aggregate another name",
  ],
  'an aggregate of a table that is called as a key is': [
    () => keyed().aggregate({ user: u.count() }),
    "the result has a field 'user' already: give the aggregate another name",
  ],
  'a key that is called as a time of windows is': [
    () =>
      windowed()
        .aggregate({ n: u.count() })
        .keyBy('window_start')
        .window(u.tumbling('1d'))
        .aggregate({ n: u.sum('n') }),
    "the key 'window_start' has the name of a column that windows add: rename it first",
  ],
  'what works by keys, of a stream without': [
    () =>
      keyed()
        .filter(() => true)
        .window(u.tumbling('1h')),
    'window works by keys: call keyBy(...) just before it (filter, assign and others give a stream without)',
  ],
  'a list of keys': [() => left().keyBy(['user']), 'keyBy: each key must be a text'],
  'the event time, assigned': [
    () => left().assign('at', u.int(), () => 1),
    "the event time 'at' cannot be assigned: rows are ordered by it",
  ],
  'the event time, dropped': [() => left().drop('at'), "the event time 'at' cannot be dropped: rows are ordered by it"],
  'streams of other fields': [
    () => left().select('user', 'x').union(left().select('x', 'user')),
    'union needs streams with the same fields in the same order: one has user: string, x: int, at: event time, another ' +
      'x: int, user: string, at: event time; select() puts them in order',
  ],
  'a field that is named twice': [
    () => keyed().joinAsOf(other(), { how: 'left', fields: ['city', 'city'] }),
    "'city' is named twice in fields",
  ],
  'a column of a file that there is not': [
    () => left().to(u.csvFile('x.csv', { columns: ['nope'] })),
    "there is no field 'nope'; the fields are at, user, x, paid",
  ],
  'a path that names no file': [
    () => u.csvFile('out/.'),
    "csvFile: 'out/.' names no file: give one such as 'rows.csv'",
  ],
  'a source that is called as the dead letters are': [
    () => u.source('dead-letters', Left, u.array([])),
    "a source cannot be called 'dead-letters': rows that are turned away go there",
  ],
  'no window': [() => keyed().window('1h'), "window: its window must be a window, such as tumbling('1h'), not '1h'"],
  'an option that windows have not': [
    () => u.tumbling('1d', { ofset: '6h' }),
    "a window: there is no option 'ofset'; the options are offset, lookback",
  ],
  'no duration': [() => u.tumbling(), "a duration is a text such as '1h', or a number of microseconds, not undefined"],
  'a text for a function': [() => left().filter('x > 1'), "filter: its function must be a function, not 'x > 1'"],
  'a function for a type': [
    () => left().assign('y', () => 1),
    "assign: the type of 'y' must be a type, such as int() or optional(string()), not the function",
  ],
  'a type that was not called': [
    () => u.schema({ at: u.eventTime(), x: u.int }),
    "field 'x' needs a type, called, such as int()",
  ],
  'a type of a list that was not called': [() => u.list(u.int), 'list needs a type, called, such as list(int())'],
  'an event time that may be missing': [
    () => u.optional(u.eventTime()),
    'optional needs a type, called, such as optional(int())',
  ],
  'a schema of nothing': [
    () => u.schema(),
    'a schema takes its fields by name: schema({ at: eventTime(), user: string() })',
  ],
  'a file outside the directory of results': [
    () => u.csvFile('../out.csv'),
    "csvFile: '../out.csv' leads out of the directory of results: give a path below it, and choose that one with --out",
  ],
  'null for a type': [() => u.schema({ at: u.eventTime(), x: null }), "field 'x' needs a type, called, such as int()"],
  'no schema': [() => u.source('left', u.array([])), /what it reads must be a schema, made by schema/],
  'a path for a sink': [
    () => left().to('x.csv'),
    "to: where rows go must be a sink, such as csvFile('rows.csv'), not 'x.csv'",
  ],
  'a stream for an output': [
    () => u.topology('t', left()),
    "topology 't': each output must be an output: end a stream with .to(), .output() or .index()",
  ],
  'a generator of nothing': [
    () => u.generator({ rows: 3 }),
    'a generator makes rows by one of two functions: give `row` or `batch`',
  ],
  'an actor without its output': [
    () => keyed().actor('sessions', { onRow() {} }),
    "actor 'sessions': 'output' must be given: a schema, made by schema({ ... })",
  ],
}

for (const [what, [declare, message]] of Object.entries(WRONG)) {
  t.test(what, async (t) => {
    t.throws(declare, { kind: 'user', message })
  })
}

t.test('options of a start', async (t) => {
  const job = umbel.topology('t', left().output('o'))
  const dir = t.testdir()
  const start = (options: object) => umbel.start(job, { dir, host: 'inline', ...options })
  await t.rejects(start({ shard: 2 }), { kind: 'user', message: /^start: there is no option 'shard'; the options are/ })
  await t.rejects(start({ snapshots: { evry: '1m' } }), {
    kind: 'user',
    message: "snapshots: there is no option 'evry'; the options are every, directory, keep",
  })
})

t.test('what fits is taken', async (t) => {
  const joined = keyed()
    .joinAsOf(other(), { how: 'left', fields: ['city'], within: { older: '1h', newer: 5 } })
    .keyBy('city')
    .window(u.hopping('1h', '5m', { offset: '1m', lookback: '1s' }), { emit: 'eager' })
    .aggregate({ n: u.count({ where: 'paid' }), last: u.lastK('x', 2, { dropsNull: true }) })
  t.same(joined.schema.names, ['city', 'window_start', 'window_end', 'n', 'last'])
})
