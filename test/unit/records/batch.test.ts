import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Batch, BatchBuilder } from '../../../src/records/batch.ts'
import { originBytes } from '../../../src/records/origin.ts'
import { eventTime, int, optional, schema, string } from '../../../src/records/schema.ts'
import { anySchema, batchOf, rowsOf, runs, type Update } from '../operators/support.ts'
import { Every, originOf, row, storedRow } from './support.ts'

const update: fc.Arbitrary<Required<Update>> = fc.record(
  {
    row: row.map(storedRow),
    diff: fc.constantFrom(1, -1),
    origin: fc.nat({ max: 3 }).map((seq) => originOf([seq % 2], seq)),
  },
  { noNullPrototype: true },
)

const updatesOf = (batch: Batch): Required<Update>[] =>
  batch.rows().map((one, i) => ({ row: one, diff: batch.diff(i), origin: originBytes(batch.origins!, i) }))

t.test('gather picks rows with all that belongs to them, and leaves the batch as it was', async () => {
  const picks = fc.array(fc.nat(), { maxLength: 8 })
  fc.assert(
    fc.property(fc.array(update, { minLength: 1, maxLength: 6 }), picks, picks, (updates, some, others) => {
      const [first, second] = [some, others].map((pick) => Int32Array.from(pick, (i) => i % updates.length))
      const batch = batchOf(Every, updates)
      const picked = batch.gather(first!, first!.length)
      deepStrictEqual(
        updatesOf(picked),
        Array.from(first!, (i) => updates[i]!),
      )
      const count = Math.min(second!.length, 3)
      if (picked.length > 0) {
        const again = Int32Array.from(second!, (i) => i % picked.length)
        const expected = Array.from(again.subarray(0, count), (i) => updates[first![i]!]!)
        deepStrictEqual(updatesOf(picked.gather(again, count)), expected, 'what was picked can be picked from')
      }
      deepStrictEqual(updatesOf(batch), updates)
    }),
    { numRuns: runs(200) },
  )
})

t.test('all rows in their order are the batch itself', async (t) => {
  const batch = rowsOf(Every, ...[1, 2, 3].map((at) => ({ at, i: at })))
  t.equal(batch.gather(Int32Array.of(0, 1, 2, 9), 3), batch)
  t.not(batch.gather(Int32Array.of(0, 2, 1), 3), batch)
  t.equal(batch.gather(Int32Array.of(0, 1), 2).length, 2)
})

t.test('with gives the rows other columns, and keeps diffs and origins', async (t) => {
  const A = schema({ at: eventTime(), n: int() })
  const B = schema({ label: optional(string()), when: eventTime() })
  const updates = [
    { row: { at: 1, n: 5 }, diff: -1, origin: originOf([1], 4) },
    { row: { at: 2, n: 6 }, diff: 1, origin: originOf([2], 5) },
  ]
  const batch = batchOf(A, updates)
  const labels = rowsOf(B, { label: 'x', when: 0 }, { label: null, when: 0 }).column('label')
  const other = batch.with(anySchema(B), [labels, batch.column('at')])
  t.strictSame(other.rows(), [
    { label: 'x', when: 1 },
    { label: null, when: 2 },
  ])
  t.strictSame([...other.times], [1, 2])
  t.strictSame([other.diff(0), other.diff(1)], [-1, 1])
  t.equal(other.origins, batch.origins)
  t.equal(batch.with(anySchema(A), batch.columns, null).origins, null)
  t.strictSame(
    batch.rows(),
    updates.map((one) => one.row),
  )
})

t.test('a builder grows past its capacity, whenever the first null, retraction or origin comes', async () => {
  fc.assert(
    fc.property(fc.array(update, { maxLength: 20 }), fc.nat({ max: 4 }), (updates, capacity) => {
      const builder = new BatchBuilder(anySchema(Every), capacity)
      for (const { row: one, diff, origin } of updates) builder.push(one, diff, origin)
      deepStrictEqual(builder.length, updates.length)
      const batch = builder.finish()
      deepStrictEqual(batch.origins === null, updates.length === 0)
      deepStrictEqual(updates.length === 0 ? [] : updatesOf(batch), updates)
      deepStrictEqual(
        batch.diffs === null,
        updates.every(({ diff }) => diff === 1),
      )
    }),
    { numRuns: runs(100) },
  )
})

t.test('a field that a row lacks is null', async (t) => {
  const A = schema({ at: eventTime(), n: optional(int()), s: optional(string()) })
  t.strictSame(rowsOf(A, { at: 1 }).rows(), [{ at: 1, n: null, s: null }])
})
