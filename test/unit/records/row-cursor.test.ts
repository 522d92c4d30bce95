import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { decodeFrame } from '../../../src/records/frame-decoder.ts'
import { encodeFrame } from '../../../src/records/frame-encoder.ts'
import { RowCursor } from '../../../src/records/row-cursor.ts'
import { eventTime, int, optional, schema } from '../../../src/records/schema.ts'
import { anySchema, batchOf, rowsOf, runs } from '../operators/support.ts'
import { Every, row, storedRow } from './support.ts'

t.test('a cursor reads every type and every null, in any order of rows, from built and decoded batches', async () => {
  fc.assert(
    fc.property(
      fc.array(row.map(storedRow), { minLength: 1, maxLength: 5 }),
      fc.infiniteStream(fc.nat()),
      (rows, jumps) => {
        const built = batchOf(
          Every,
          rows.map((one) => ({ row: one })),
        )
        const decoded = decodeFrame(encodeFrame(built), anySchema(Every))
        const cursor = new RowCursor<typeof Every.fields>(anySchema(Every))
        for (const batch of [built, decoded, built]) {
          cursor.bind(batch)
          for (let step = 0; step < 8; step++) {
            const i = jumps.next().value! % rows.length
            deepStrictEqual({ ...cursor.moveTo(i) }, rows[i])
            deepStrictEqual(batch.row(i), rows[i])
          }
        }
      },
    ),
    { numRuns: runs(100) },
  )
})

t.test('a row is one object that moves, lists its fields, and cannot be written', async (t) => {
  const Count = schema({ n: optional(int()), at: eventTime() })
  const cursor = new RowCursor<typeof Count.fields>(anySchema(Count))
  const view = cursor.bind(rowsOf(Count, { n: 1, at: 10 }, { n: null, at: 11 })).moveTo(0)
  t.strictSame(Object.keys(view), ['n', 'at'])
  t.equal(JSON.stringify(view), '{"n":1,"at":10}')
  t.equal(cursor.moveTo(1), view)
  t.strictSame([view.n, view.at], [null, 11])
  cursor.bind(rowsOf(Count, { n: 7, at: 20 }, { n: 8, at: 21 }))
  t.strictSame([view.n, view.at], [8, 21], 'another batch keeps the place')
  t.throws(() => Object.assign(view, { n: 2 }), TypeError)
  t.throws(() => Object.assign(view, { more: 2 }), TypeError)
})
