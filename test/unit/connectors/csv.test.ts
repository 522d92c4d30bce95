import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { csv } from '../../../src/connectors/csv.ts'
import { bool, date, eventTime, float, int, optional, schema, string, time } from '../../../src/records/schema.ts'
import { checkResume, contextOf, readAll } from './support.ts'

const Flight = schema({ at: eventTime(), delay: optional(int()), origin: string() })
const flights = contextOf(Flight)
const at = (hour: number) => Date.UTC(2001, 0, 1, hour) * 1000
const line = (hour: number, delay: string, origin: string) => `2001-01-01T0${hour}:00:00Z,${delay},${origin}\n`

t.test('values become the types of the schema, columns are found by name and others are left out', async (t) => {
  const All = schema({
    at: eventTime(),
    n: int(),
    x: float(),
    ok: bool(),
    text: string(),
    day: date(),
    seen: optional(time()),
  })
  const file = `${t.testdir({
    'a.csv':
      'extra,text,ok,x,n,day,at,seen\n1,ab,true,1.5,7,2001-01-13,2001-01-01 00:00,\n2,,false,-1e3,-7,20010114,978307200,0\n',
  })}/a.csv`
  const { rows, offsets, rejected } = await readAll(csv(file), contextOf(All))
  t.same(rows, [
    { at: at(0), n: 7, x: 1.5, ok: true, text: 'ab', day: 11_335, seen: null },
    { at: at(0), n: -7, x: -1000, ok: false, text: '', day: 11_336, seen: 0 },
  ])
  t.same(offsets, [0, 1])
  t.same(rejected, [])
})

t.test('quotes hold delimiters, quotes and line ends; a quote out of place is text', async (t) => {
  const file = `${t.testdir({
    'a.csv': `at,delay,origin\r\n0,"1","a, ""b""\r\nc"\r\n0,"","5"" pipe"\r\n0,2,5" pipe\r\n0,3,"x"y\r\n\r\n0,4,end`,
  })}/a.csv`
  const { rows } = await readAll(csv(file), flights)
  t.same(
    rows.map(({ delay, origin }) => [delay, origin]),
    [
      [1, 'a, "b"\r\nc'],
      [null, '5" pipe'],
      [2, '5" pipe'],
      [3, '"x"y'],
      [4, 'end'],
    ],
  )
})

t.test('a byte order mark, another delimiter, and mixed line ends are read', async (t) => {
  const file = `${t.testdir({ 'a.txt': '\ufeffat;delay;origin\n0;1;a,b\r\n0;2;c\n' })}/a.txt`
  const { rows } = await readAll(csv(pathToFileURL(file), { delimiter: ';' }), flights)
  t.same(
    rows.map(({ delay, origin }) => [delay, origin]),
    [
      [1, 'a,b'],
      [2, 'c'],
    ],
  )
})

t.test('rows that do not fit are rejected with offset, reason and text, and the rest goes on', async (t) => {
  const file = `${t.testdir({
    'a.csv': `at,delay,origin\n${line(1, '1', 'a')}${line(2, 'abc', '"b, c"')}0,1\n0,1,d,e\n\nsoon,x,f\n${line(3, '', 'g')}`,
  })}/a.csv`
  const { rows, offsets, rejected } = await readAll(csv(file), flights)
  t.same(
    rows.map(({ origin }) => origin),
    ['a', 'g'],
  )
  t.same(offsets, [0, 5])
  t.same(rejected, [
    {
      offset: 1,
      reason: `'delay' must be int?, got "abc": it is not a whole number`,
      raw: '2001-01-01T02:00:00Z,abc,"b, c"',
    },
    { offset: 2, reason: 'the row has 2 values and the header 3', raw: '0,1' },
    { offset: 3, reason: 'the row has 4 values and the header 3', raw: '0,1,d,e' },
    {
      offset: 4,
      reason:
        `'at' must be event time, got "soon": write ISO 8601, as in 2001-01-13T09:30:00Z; ` +
        `'delay' must be int?, got "x": it is not a whole number`,
      raw: 'soon,x,f',
    },
  ])
})

t.test('a quote that is not closed is a rejected row at the end', async (t) => {
  const file = `${t.testdir({ 'a.csv': 'at,delay,origin\n0,1,a\n0,2,"b\n0,3,c\n' })}/a.csv`
  const { rows, rejected } = await readAll(csv(file), flights)
  t.equal(rows.length, 1)
  t.match(rejected, [{ offset: 1, reason: /a quote is not closed before the end of .*a\.csv: close it/, raw: '' }])
})

t.test('a field without a column takes its constant, or null, or is a user error', async (t) => {
  const at = t.testdir({ 'a.csv': 'iata,name\nABC,x\n', 'two.csv': 'iata,iata\nA,B\n', 'empty.csv': '' })
  const Airport = schema({ since: eventTime(), code: string(), note: optional(string()) })
  const context = contextOf(Airport)
  const columns = { code: 'iata' }
  const source = csv(`${at}/a.csv`, { constants: { since: 0 }, columns })
  await source.check!(context)
  t.same((await readAll(source, context)).rows, [{ since: 0, code: 'ABC', note: null }])
  const iso = csv(`${at}/a.csv`, { constants: { since: '2001-01-01', note: 'n' }, columns })
  t.same((await readAll(iso, context)).rows, [{ since: 978307200e6, code: 'ABC', note: 'n' }])

  const refused = (options: object, file: string, message: RegExp | string) =>
    t.rejects(csv(`${at}/${file}`, options).check!(context), { kind: 'user', code: 'csv', message })
  await refused(
    { columns },
    'a.csv',
    `${at}/a.csv has no column 'since' for field 'since' (event time); it has iata, name: ` +
      'name the right one in columns, give a value in constants, or make the field optional',
  )
  await refused(
    { constants: { since: 0 } },
    'a.csv',
    /has no column 'code' for field 'code' \(string\); it has iata, name/,
  )
  await refused({ constants: { since: 0 }, columns, required: ['note'] }, 'a.csv', /has no column 'note'/)
  await refused({ constants: { since: 'soon' }, columns }, 'a.csv', /constant 'since' must be event time, got "soon"/)
  await refused({ constants: { since: 0 }, columns }, 'two.csv', /has two columns 'iata'/)
  await refused({}, 'empty.csv', /has no header, it is empty/)
  await refused({}, 'none.csv', `there is no file ${at}/none.csv: check the path of the csv source`)
  await t.rejects(csv(`${at}/none.csv`).open(context, 0, null), { kind: 'user', code: 'csv' })
  await t.rejects(
    csv(`${at}/empty.csv`)
      .open(context, 0, null)
      .then((reader) => reader.read(1)),
    { code: 'csv' },
  )
})

t.test('resuming at every row gives the same rest', async (t) => {
  const rows = [1, 2, 3, 4]
    .map((hour) => line(hour, hour === 2 ? 'bad' : `${hour}`, hour === 3 ? '"x\ny"' : 'x'))
    .join('')
  const dir = t.testdir({
    'b.csv.gz': gzipSync(`at,delay,origin\n${rows}`),
    'a.csv': `origin,at,delay\n\nq,0,1\n\nbad,1\nr,0,3\n`,
    'c.csv': 'at,delay,origin\n',
    'd.csv': `at,delay,origin\n${rows}0,1,"open`,
  })
  await checkResume(t, csv(dir), flights)
})

t.test('a large file is read in order and in bounded reads', async (t) => {
  const count = 50_000
  const text = Array.from({ length: count }, (_, i) => `${i},${i % 7 ? i : ''},"o, ${i}"\n`).join('')
  const dir = t.testdir({ 'a.csv': `at,delay,origin\n${text}`, 'b.csv.gz': gzipSync(`at,delay,origin\n${text}`) })
  const reader = await csv(dir).open(flights, 0, null)
  let next = 0
  let before = 0
  for (;;) {
    const came = await reader.read(999)
    if (came === null || came === 'wait') break
    if (came.batch.length > 999 || came.offsets !== next)
      t.fail(`${came.batch.length} rows at ${came.offsets}, not ${next}`)
    const row = came.batch.row(came.batch.length - 1)
    next += came.batch.length
    if (row.at !== ((next - 1) % count) * 1e6 || row.origin !== `o, ${(next - 1) % count}`) t.fail(`row ${next - 1}`)
    if (reader.progress!() < before) t.fail('progress goes back')
    before = reader.progress!()
  }
  t.equal(next, 2 * count)
  t.equal(reader.progress!(), 1)
  t.equal(await reader.read(1), null, 'the end is told again')
  await reader.close()
})

t.test('the definition tells sources apart', async (t) => {
  t.notSame(csv('a.csv').definition, csv('b.csv').definition)
  t.notSame(csv('a.csv').definition, csv('a.csv', { constants: { since: 0 } }).definition)
  t.same(csv('a.csv').definition, csv('a.csv').definition)
})
