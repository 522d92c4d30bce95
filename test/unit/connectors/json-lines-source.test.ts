import { gzipSync } from 'node:zlib'
import t from 'tap'
import { jsonLines } from '../../../src/connectors/json-lines.ts'
import { jsonLinesSource } from '../../../src/connectors/json-lines-source.ts'
import { BatchBuilder } from '../../../src/records/batch.ts'
import {
  bool,
  bytes,
  date,
  eventTime,
  float,
  int,
  optional,
  type Schema,
  schema,
  string,
} from '../../../src/records/schema.ts'
import { checkResume, contextOf, readAll } from './support.ts'

const Click = schema({ at: eventTime(), user: string(), n: optional(int()) })
const clicks = contextOf(Click)

t.test('values become the types of the schema, fields are found by key and others are left out', async (t) => {
  const dir = t.testdir({
    'a.jsonl':
      '\ufeff{"at":"2001-01-01","user":"é ☃","n":1,"x":[]}\r\n\r\n{"n":null,"user":{"a":1},"at":978307200}\n{"user":"","at":0}',
  })
  const { rows, offsets, rejected } = await readAll(jsonLinesSource(dir), clicks)
  t.same(rows, [
    { at: 978307200e6, user: 'é ☃', n: 1 },
    { at: 978307200e6, user: '{"a":1}', n: null },
    { at: 0, user: '', n: null },
  ])
  t.same(offsets, [0, 1, 2])
  t.same(rejected, [])
})

t.test('lines that are no objects or do not fit are rejected with offset, reason and text', async (t) => {
  const lines = ['{"at":1,"user":"a"}', '{"at":', '[1]', '7', '{"at":1}', '{"at":1.5,"user":1}', '{"at":2,"user":"b"}']
  const dir = t.testdir({ 'a.jsonl': lines.join('\n') })
  const { rows, offsets, rejected } = await readAll(jsonLinesSource(dir), clicks)
  t.same(
    rows.map(({ user }) => user),
    ['a', 'b'],
  )
  t.same(offsets, [0, 6])
  t.match(rejected, [
    { offset: 1, reason: /^the line is not JSON: /, raw: '{"at":' },
    { offset: 2, reason: 'the line is not a JSON object', raw: '[1]' },
    { offset: 3, reason: 'the line is not a JSON object', raw: '7' },
    { offset: 4, reason: `'user' must be string, got undefined: it is missing`, raw: '{"at":1}' },
    {
      offset: 5,
      reason: /'at' must be event time, got 1\.5: a time as a float.*; 'user' must be string, got 1: it is a number/,
    },
  ])
})

t.test('keys have other names, constants stand for missing keys, required keys must be there', async (t) => {
  const dir = t.testdir({ 'a.jsonl': '{"who":"a","n":2}\n{"who":"b","constructor":1}\n{"who":"c","n":null}\n' })
  const columns = { user: 'who' }
  const { rows } = await readAll(jsonLinesSource(dir, { columns, constants: { at: new Date(1), n: 5 } }), clicks)
  t.same(rows, [
    { at: 1000, user: 'a', n: 2 },
    { at: 1000, user: 'b', n: 5 },
    { at: 1000, user: 'c', n: null },
  ])
  const strict = await readAll(jsonLinesSource(dir, { columns, constants: { at: 0 }, required: ['n'] }), clicks)
  t.match(strict.rejected, [{ offset: 1, reason: `the line has no 'n'` }])
  await t.rejects(jsonLinesSource(dir, { constants: { n: 'x' } }).check!(clicks), {
    kind: 'user',
    code: 'json-lines',
    message: /constant 'n' must be int\?, got "x"/,
  })
})

t.test('what the sink writes is read back', async (t) => {
  const All = schema({
    at: eventTime(),
    n: int(),
    x: optional(float()),
    ok: bool(),
    text: optional(string()),
    day: date(),
    raw: bytes(),
  }) as unknown as Schema
  const builder = new BatchBuilder(All)
  const raw = Uint8Array.of(0, 255)
  builder.push({ at: 978307200e6 + 1, n: -1, x: Number.NaN, ok: true, text: 'a\n"b"', day: 11_335, raw })
  builder.push({ at: -1, n: 0, x: Number.NEGATIVE_INFINITY, ok: false, text: null, day: -1, raw })
  builder.push({ at: 0, n: 1, x: null, ok: false, text: '', day: 0, raw: new Uint8Array(0) })
  const batch = builder.finish()
  const dir = t.testdir({ 'a.jsonl': Buffer.from(jsonLines.encode(batch, All.names, null)) })
  t.same((await readAll(jsonLinesSource(dir), contextOf(All))).rows, batch.rows())
})

t.test('lines are put together over chunks, in bytes and not in characters', async (t) => {
  const text = Array.from({ length: 20_000 }, (_, i) => `{"at":${i},"user":"${'☃'.repeat(i % 50)}"}`).join('\n')
  const long = `{"at":1,"user":"${'é'.repeat(200_000)}"}`
  const dir = t.testdir({ 'a.jsonl': `${text}\n${long}`, 'b.jsonl.gz': gzipSync(text) })
  const { rows, offsets } = await readAll(jsonLinesSource(dir), clicks, { rowsMax: 777 })
  t.equal(rows.length, 40_001)
  t.equal((rows[20_000]!.user as string).length, 200_000)
  t.ok(rows.every(({ user }, i) => i === 20_000 || user === '☃'.repeat((i > 20_000 ? i - 20_001 : i) % 50)))
  t.ok(offsets.every((offset, i) => offset === i))
})

t.test('a line beyond the limit is rejected without being held, in the middle and at the end', async (t) => {
  const long = `{"at":1,"user":"${'x'.repeat((1 << 24) + 200_000)}"}`
  const dir = t.testdir({ 'a.jsonl': `${long}\n{"at":1,"user":"a"}\n${long}` })
  const { rows, rejected } = await readAll(jsonLinesSource(dir), clicks)
  t.equal(rows.length, 1)
  t.match(rejected, [
    { offset: 0, reason: 'the line is longer than 16777216 bytes', raw: /^\{"at":1,"user":"x+$/ },
    { offset: 2, raw: /^.{4096}$/ },
  ])
})

t.test('resuming at every row gives the same rest', async (t) => {
  const dir = t.testdir({
    'a.jsonl': '{"at":1,"user":"a"}\n\nbad\n{"at":2,"user":"b"}',
    'b.jsonl.gz': gzipSync('{"at":3,"user":"c"}\n{"at":4}\n'),
    'c.ndjson': '',
    'd.jsonl': '{"at":5,"user":"d"}\n',
  })
  await checkResume(t, jsonLinesSource(dir), clicks)
})
