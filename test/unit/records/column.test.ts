import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { ColumnBuilder, gatherColumn, type StringColumn, valueAt } from '../../../src/records/column.ts'
import type { FieldKind } from '../../../src/records/schema.ts'
import { runs } from '../operators/support.ts'
import { anyValue, stored } from './support.ts'

const anyColumn = fc
  .constantFrom(...(Object.keys(anyValue) as FieldKind[]))
  .chain((kind) => fc.tuple(fc.constant(kind), fc.array(fc.option(anyValue[kind], { freq: 3 }), { maxLength: 20 })))

t.test('what was pushed is read, nulls too, however small the column began; rows can be picked', async () => {
  fc.assert(
    fc.property(anyColumn, fc.nat({ max: 3 }), fc.array(fc.nat()), ([kind, values], capacity, picks) => {
      const builder = new ColumnBuilder({ kind, nullable: true, eventTime: false }, capacity)
      for (const value of values) builder.push(value)
      deepStrictEqual(builder.length, values.length)
      const column = builder.finish()
      const read = values.map((_, i) => valueAt(column, kind, i))
      deepStrictEqual(read, values.map(stored))
      if (values.length === 0) return
      const rows = Int32Array.from(picks, (i) => i % values.length)
      const picked = gatherColumn(column, rows, rows.length)
      deepStrictEqual(
        picks.map((_, i) => valueAt(picked, kind, i)),
        picks.map((i) => read[i % values.length]),
      )
    }),
    { numRuns: runs(500) },
  )
})

// A key is hashed for its way before it is UTF-8, and compared behind it.
t.test('text that UTF-8 cannot hold is replaced at once, and a text has one code', async (t) => {
  const builder = new ColumnBuilder({ kind: 'string', nullable: false, eventTime: false }, 1)
  for (const text of ['\ud800', '\udfff', '\ufffd', 'a', '\ud800', 'a', '\u{1F600}']) builder.pushString(text)
  const { codes, values } = builder.finish() as StringColumn
  t.strictSame(values, ['\ufffd', 'a', '\u{1F600}'])
  t.strictSame([...codes], [0, 0, 0, 1, 0, 1, 2])
})
