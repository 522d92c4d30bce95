import t from 'tap'
import { jsonLinesFile } from '../../../src/connectors/json-lines.ts'
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
  time,
} from '../../../src/records/schema.ts'
import { contextOf, readAll } from './support.ts'

const { format } = jsonLinesFile('x.jsonl')

const Everything = schema({
  at: eventTime(),
  i: optional(int()),
  f: optional(float()),
  b: optional(bool()),
  s: optional(string()),
  y: optional(bytes()),
  since: optional(time()),
  day: optional(date()),
})

const names = [...Everything.names]
const nothing = { i: null, f: null, b: null, s: null, y: null, since: null, day: null }
const rows = [
  { at: 1, i: -5, f: 0.1, b: true, s: 'a "quoted"\nline, ä😀', y: Uint8Array.of(255, 0), since: 1_500_000, day: -1 },
  { at: 2, ...nothing },
  { at: 3, ...nothing, f: Number.NaN },
  { at: 4, ...nothing, f: Number.NEGATIVE_INFINITY, s: '' },
]

function batch() {
  const builder = new BatchBuilder(Everything as unknown as Schema)
  for (const row of rows) builder.push(row as never)
  return builder.finish()
}

const linesOf = (columns: readonly string[], copies: Int32Array | null = null): string[] =>
  Buffer.from(format.encode(batch(), columns, copies))
    .toString()
    .split('\n')

t.test('one object a line, ending in a line break, without a header', async (t) => {
  const lines = linesOf(names)
  t.equal(lines.length, rows.length + 1)
  t.equal(lines.at(-1), '')
  t.equal(format.header(names).length, 0)
  t.same(JSON.parse(lines[0]!), {
    at: '1970-01-01T00:00:00.000001Z',
    i: -5,
    f: 0.1,
    b: true,
    s: 'a "quoted"\nline, ä😀',
    y: '/wA=',
    since: '1970-01-01T00:00:01.500Z',
    day: '1969-12-31',
  })
  t.same(JSON.parse(lines[1]!), { at: '1970-01-01T00:00:00.000002Z', ...nothing })
})

t.test('numbers that JSON does not have are text', async (t) => {
  const shown = linesOf(['f']).slice(2, 4)
  t.same(shown, ['{"f":"NaN"}', '{"f":"-Infinity"}'])
})

t.test('columns come in the order asked for, rows as often as they hold', async (t) => {
  t.equal(linesOf(['s', 'i'])[1], '{"s":null,"i":null}')
  t.equal(Object.keys(JSON.parse(linesOf(['s', 'i'])[0]!)).join(), 's,i')
  t.same(linesOf(['i'], Int32Array.of(2, 0, -1, 1)), ['{"i":-5}', '{"i":-5}', '{"i":null}', ''])
})

t.test('what is written reads back as it was', async (t) => {
  const directory = t.testdir({ 'x.jsonl': Buffer.from(format.encode(batch(), names, null)) })
  const read = await readAll(jsonLinesSource(`${directory}/x.jsonl`), contextOf(Everything))
  t.same(read.rejected, [])
  t.same(read.rows, rows)
})
