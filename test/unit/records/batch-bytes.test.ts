import t from 'tap'
import { batchBytes, piecesOf, rowBytes, rowsWithin, valuesBytes } from '../../../src/records/batch-bytes.ts'
import { bytes, eventTime, optional, schema, string } from '../../../src/records/schema.ts'
import { anySchema, rowsOf } from '../operators/support.ts'

const Wide = schema({ at: eventTime(), text: optional(string()), blob: optional(bytes()) })
const row = (at: number, text: string | null, size: number | null) => ({
  at,
  text,
  blob: size === null ? null : new Uint8Array(size),
})
const batch = rowsOf(Wide, row(1, 'abc', 5), row(2, null, null), row(3, 'abc', 100))

t.test('a row counts with all its values, though a text that comes again stands once', (t) => {
  t.strictSame(
    [0, 1, 2].map((i) => rowBytes(batch, i)),
    [32, 24, 127],
  )
  t.equal(batchBytes(batch), 32 + 24 + 127)
  t.strictSame(
    [0, 1, 2].map((i) => valuesBytes(Object.values(batch.row(i)))),
    [32, 24, 127],
  )
  t.end()
})

t.test('a piece is within its bytes, or a single row', (t) => {
  t.strictSame(
    [56, 55, 1].map((most) => rowsWithin(batch, 0, most)),
    [2, 1, 1],
  )
  t.strictSame(
    [...piecesOf(batch, 60)].map((piece) => piece.times.join()),
    ['1,2', '3'],
  )
  t.strictSame(
    [...piecesOf(batch, 1)].flatMap((piece) => piece.rows()),
    batch.rows(),
  )
  const numbers = rowsOf(schema({ at: eventTime() }), ...[1, 2, 3, 4, 5].map((at) => ({ at })))
  t.equal(anySchema(numbers.schema), numbers.schema)
  t.strictSame(
    [...piecesOf(numbers, 17)].map(({ length }) => length),
    [2, 2, 1],
  )
  t.end()
})
