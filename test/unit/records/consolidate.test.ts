import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { consolidate } from '../../../src/records/consolidate.ts'
import { eventTime, float, optional, schema, string } from '../../../src/records/schema.ts'
import { batchOf, rowsOf, runs, type Update } from '../operators/support.ts'
import { oddNaN } from './support.ts'

const Small = schema({ at: eventTime(), x: optional(float()), s: string() })

/** Few values, so that rows meet again; no -0, which is the same row as 0. */
const update: fc.Arbitrary<Required<Pick<Update, 'row' | 'diff'>>> = fc.record({
  row: fc.record(
    { at: fc.constantFrom(0, 1), x: fc.constantFrom(null, 1, Number.NaN, oddNaN), s: fc.constantFrom('', 'a', '\0') },
    { noNullPrototype: true },
  ),
  diff: fc.constantFrom(1, -1),
})

const cut = <T>(items: readonly T[], sizes: readonly number[]): T[][] => {
  const pieces: T[][] = []
  let from = 0
  for (const size of sizes) pieces.push(items.slice(from, (from += size)))
  return [...pieces, items.slice(from)]
}

t.test('diffs are summed by row and time, and what comes to nothing is dropped', async () => {
  fc.assert(
    fc.property(fc.array(update, { maxLength: 30 }), (updates) => {
      const sums = new Map<string, number>()
      // The template makes one of all NaN.
      const name = (row: Readonly<Record<string, unknown>>) => `${row.at} ${row.x} ${row.s}`
      for (const { row, diff } of updates) sums.set(name(row), (sums.get(name(row)) ?? 0) + diff)
      const expected = [...sums].filter(([, diff]) => diff !== 0).sort()
      const got = consolidate([batchOf(Small, updates)])
      deepStrictEqual(got.map(({ row, diff }) => [name(row), diff]).sort(), expected)
    }),
    { numRuns: runs(300) },
  )
})

t.test('neither the order of updates nor their batches matter', async () => {
  const shuffled = fc.array(update, { maxLength: 20 }).chain((updates) =>
    fc.record({
      updates: fc.constant(updates),
      others: fc.shuffledSubarray(updates, { minLength: updates.length, maxLength: updates.length }),
      sizes: fc.array(fc.nat({ max: 5 })),
    }),
  )
  fc.assert(
    fc.property(shuffled, ({ updates, others, sizes }) => {
      const whole = consolidate([batchOf(Small, updates)])
      deepStrictEqual(consolidate(cut(others, sizes).map((piece) => batchOf(Small, piece))), whole)
    }),
    { numRuns: runs(300) },
  )
})

t.test('a row that is given and taken back leaves nothing, at another time it is another row', async (t) => {
  const one = { at: 1, x: 1, s: 'a' }
  const batch = rowsOf(Small, one)
  const taken = (at: number) => batchOf(Small, [{ row: { ...one, at }, diff: -1 }])
  t.strictSame(consolidate([batch, taken(1)]), [])
  t.strictSame(consolidate([taken(2), batch, batch]), [
    { row: one, diff: 2 },
    { row: { ...one, at: 2 }, diff: -1 },
  ])
  t.strictSame(consolidate([]), [])
})
