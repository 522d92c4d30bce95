import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Batch } from '../../../src/records/batch.ts'
import { concat } from '../../../src/records/concat.ts'
import { originBytes } from '../../../src/records/origin.ts'
import { batchOf, runs, type Update } from '../operators/support.ts'
import { Every, originOf, row, storedRow } from './support.ts'

const update: fc.Arbitrary<Required<Update>> = fc.record(
  {
    row: row.map(storedRow),
    diff: fc.constantFrom(1, 1, 1, -1),
    origin: fc.nat({ max: 3 }).map((seq) => originOf([seq % 2], seq)),
  },
  { noNullPrototype: true },
)

const updatesOf = (batch: Batch) =>
  batch.rows().map((one, i) => ({
    row: one,
    diff: batch.diff(i),
    ...(batch.origins === null ? {} : { origin: originBytes(batch.origins, i) }),
  }))

t.test('rows stand one behind the other with all that belongs to them, of batches and of pieces of them', async () => {
  const batches = fc.array(fc.array(update, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(batches, fc.boolean(), fc.nat(), (all, hasOrigins, skipped) => {
      const made = all.map((updates) => {
        const batch = batchOf(Every, hasOrigins ? updates : updates.map(({ row: one, diff }) => ({ row: one, diff })))
        // A piece has the values of the whole batch.
        const rows = Int32Array.from(updates.keys()).filter((i) => i !== skipped % 6)
        return batch.gather(rows, rows.length)
      })
      deepStrictEqual(updatesOf(concat(made)), made.flatMap(updatesOf))
    }),
    { numRuns: runs(300) },
  )
})
