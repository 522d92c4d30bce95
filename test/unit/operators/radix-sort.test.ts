import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { sortByNumber } from '../../../src/operators/radix-sort.ts'

t.test('ids are in order of their numbers, equal ones as they were', async () => {
  const number = fc.oneof(
    fc.nat(9),
    fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    fc.constantFrom(2 ** 11, 2 ** 22, 2 ** 32 - 1),
  )
  fc.assert(
    fc.property(fc.array(number, { maxLength: 60 }), (numbers) => {
      const ids = Int32Array.from(numbers.keys())
      const wanted = [...ids].sort((a, b) => numbers[a]! - numbers[b]! || a - b)
      deepStrictEqual(sortByNumber(ids, Float64Array.from(numbers)), true)
      deepStrictEqual([...ids], wanted)
    }),
  )
})

t.test('numbers of another kind are left to others', (t) => {
  for (const odd of [-1, 0.5, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY]) {
    const ids = Int32Array.of(1, 0)
    t.equal(sortByNumber(ids, Float64Array.of(3, odd)), false)
    t.strictSame([...ids], [1, 0])
  }
  t.end()
})
