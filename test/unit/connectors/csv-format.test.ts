import t from 'tap'
import { csv } from '../../../src/connectors/csv.ts'
import { csvFile } from '../../../src/connectors/csv-format.ts'
import { BatchBuilder } from '../../../src/records/batch.ts'
import {
  bool,
  bytes,
  date,
  eventTime,
  type Fields,
  float,
  int,
  optional,
  type Schema,
  schema,
  string,
  time,
} from '../../../src/records/schema.ts'
import { contextOf, readAll } from './support.ts'

const { format } = csvFile('x.csv')

function batchOf<F extends Fields>(fields: Schema<F>, rows: readonly Record<string, unknown>[]) {
  const builder = new BatchBuilder(fields as unknown as Schema)
  for (const row of rows) builder.push(row as never)
  return builder.finish()
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

/** The cells of one column, a line each. */
function cells(type: Fields[string], values: readonly unknown[]): string[] {
  const batch = batchOf(
    schema({ at: eventTime(), value: type }),
    values.map((value) => ({ at: 0, value })),
  )
  return textOf(format.encode(batch, ['value'], null))
    .split('\n')
    .slice(0, -1)
}

t.test('quotes stand where they are needed, and nowhere else', async (t) => {
  t.same(cells(string(), ['plain', 'a b', '', 'ä€😀', 'a,b', 'say "hi"', ';', "'"]), [
    'plain',
    'a b',
    '',
    'ä€😀',
    '"a,b"',
    '"say ""hi"""',
    ';',
    "'",
  ])
  t.same(
    textOf(format.encode(batchOf(schema({ at: eventTime(), s: string() }), [{ at: 0, s: 'a\nb\rc' }]), ['s'], null)),
    '"a\nb\rc"\n',
  )
  t.equal(textOf(format.header(['a', 'b,c', 'd"e'])), 'a,"b,c","d""e"\n')
})

t.test('null is empty, in every type', async (t) => {
  for (const type of [int(), float(), bool(), string(), bytes(), time(), date()]) {
    t.same(cells(optional(type as never), [null]), [''], type.kind)
  }
})

t.test('times are ISO 8601 UTC, with microseconds where there are any', async (t) => {
  t.same(cells(time(), [0, 1, -1, 1_500_000, 979_378_200_000_000]), [
    '1970-01-01T00:00:00.000Z',
    '1970-01-01T00:00:00.000001Z',
    '1969-12-31T23:59:59.999999Z',
    '1970-01-01T00:00:01.500Z',
    '2001-01-13T09:30:00.000Z',
  ])
  t.same(cells(date(), [0, -1, 11_335]), ['1970-01-01', '1969-12-31', '2001-01-13'])
})

t.test('numbers read back as the same numbers', async (t) => {
  const numbers = [0, -0, 1, -1, 9, 10, 99, 100, 999_999_999, 1e9, 2 ** 53, 0.1, 1 / 3, 1e21, 5e-324, -1.5e300]
  const shown = cells(float(), numbers)
  for (const [i, number] of numbers.entries()) t.ok(Number(shown[i]) === number, `${number} is ${shown[i]}`)
  t.same(shown.slice(2, 9), ['1', '-1', '9', '10', '99', '100', '999999999'])
  t.same(cells(float(), [Number.NaN, Infinity, -Infinity]), ['NaN', 'Infinity', '-Infinity'])
  t.same(cells(bool(), [true, false]), ['true', 'false'])
  t.same(cells(bytes(), [Uint8Array.of(255, 0, 254), new Uint8Array(0)]), ['/wD+', ''])
})

t.test('columns come in the order asked for, rows as often as they hold', async (t) => {
  const batch = batchOf(schema({ at: eventTime(), a: int(), b: string() }), [
    { at: 0, a: 1, b: 'x' },
    { at: 0, a: 2, b: 'y' },
    { at: 0, a: 3, b: 'z' },
  ])
  t.equal(textOf(format.encode(batch, ['b', 'a'], null)), 'x,1\ny,2\nz,3\n')
  t.equal(textOf(format.encode(batch, ['b'], Int32Array.of(2, 0, -1))), 'x\nx\n')
})

t.test('texts that outgrow the guess of the size are whole', async (t) => {
  const long = ['x'.repeat(10_000), 'ü'.repeat(5_000), 'y'.repeat(41)]
  t.same(cells(string(), long), long)
})

t.test('what is written reads back as it was', async (t) => {
  const fields = schema({
    at: eventTime(),
    n: optional(float()),
    s: string(),
    d: optional(date()),
    y: optional(bytes()),
  })
  const rows = [
    { at: 1, n: 0.1, s: 'a,"b"\r\nc', d: -1, y: Uint8Array.of(1, 2) },
    { at: 2, n: null, s: ' x ', d: null, y: null },
  ]
  const names = ['at', 'n', 's', 'd', 'y']
  const file = t.testdir({
    'x.csv': textOf(format.header(names)) + textOf(format.encode(batchOf(fields, rows), names, null)),
  })
  const read = await readAll(csv(`${file}/x.csv`), contextOf(fields))
  t.same(read.rejected, [])
  t.same(read.rows, rows)
})
