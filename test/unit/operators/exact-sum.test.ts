import { deepStrictEqual, ok } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { planCells, readResult } from '../../../src/operators/aggregation.ts'
import { Cell, CellStore } from '../../../src/operators/cells.ts'
import {
  canonicalExpansion,
  exactFraction,
  growExpansion,
  roundExpansion,
  roundQuotient,
  squareError,
} from '../../../src/operators/exact-sum.ts'
import { eventTime, float, schema } from '../../../src/records/schema.ts'
import { add, fractionOf, minus, nearest, over, times, total } from '../../oracle/exact.ts'
import { anySchema, batchOf, runs } from './support.ts'

/** Doubles over the whole range that sums of a few cannot leave, with many near one another and halfway cases. */
const double = fc.oneof(
  fc.double({ min: -1e300, max: 1e300, noNaN: true }),
  fc.integer({ min: -1000, max: 1000 }),
  fc.tuple(fc.constantFrom(1, -1, 3, -3), fc.integer({ min: -110, max: 110 })).map(([m, e]) => m * 2 ** e),
  fc.constantFrom(1e-3, 0.1, 1e16, 3e15 + 1, 2 ** 53, 2 ** 53 + 2, 5e-324, 2.2250738585072014e-308, 1e300),
)
const list = fc.array(double, { maxLength: 30 })
const expansionOf = (values: readonly number[]) => {
  const expansion: number[] = []
  for (const x of values) growExpansion(expansion, x)
  return expansion
}
const isExact = (parts: readonly number[], values: readonly number[]) => {
  const difference = add(total(parts.map(fractionOf)), minus(total(values.map(fractionOf))))
  return difference.top === 0n
}

t.test('the oracle rounds as it should', (t) => {
  t.equal(nearest({ top: 1n, bottom: 3n }), 1 / 3)
  t.equal(nearest({ top: -2n, bottom: 3n }), -2 / 3)
  t.equal(nearest({ top: 2n ** 53n + 1n, bottom: 1n }), 2 ** 53)
  t.equal(nearest({ top: 2n ** 53n + 3n, bottom: 1n }), 2 ** 53 + 4)
  t.equal(nearest({ top: 1n, bottom: 2n ** 1075n }), 0)
  t.equal(nearest({ top: 3n, bottom: 2n ** 1075n }), 1e-323)
  t.equal(nearest({ top: 2n ** 1024n, bottom: 1n }), Number.POSITIVE_INFINITY)
  t.end()
})

t.test('an expansion holds its sum exactly, and rounds it once', async () => {
  fc.assert(
    fc.property(list, (values) => {
      const expansion = expansionOf(values)
      ok(isExact(expansion, values))
      ok(expansion.every((part) => part !== 0))
      deepStrictEqual(roundExpansion(expansion) + 0, nearest(total(values.map(fractionOf))))
    }),
    { numRuns: runs(2000) },
  )
})

t.test('the canonical form depends on the value alone', async () => {
  fc.assert(
    fc.property(list, fc.array(double, { maxLength: 5 }), (values, others) => {
      const one = canonicalExpansion(expansionOf(values))
      const other = canonicalExpansion(expansionOf([...others, ...[...values].reverse(), ...others.map((x) => -x)]))
      deepStrictEqual(one, other)
      ok(isExact(one, values))
    }),
    { numRuns: runs(500) },
  )
})

t.test('exactFraction and roundQuotient give the nearest double', async () => {
  fc.assert(
    fc.property(list, fc.integer({ min: 1, max: 1_000_000 }), (values, n) => {
      const { numerator, shift } = exactFraction(expansionOf(values))
      const sum = total(values.map(fractionOf))
      ok(numerator * sum.bottom === sum.top << BigInt(shift))
      deepStrictEqual(roundQuotient(numerator, BigInt(n), shift) + 0, nearest(over(sum, n)))
    }),
    { numRuns: runs(1000) },
  )
})

t.test('roundQuotient over the whole range: ties, subnormals, overflow', async () => {
  const big = fc.bigInt({ min: -(2n ** 130n), max: 2n ** 130n })
  fc.assert(
    fc.property(
      big,
      fc.bigInt({ min: 1n, max: 2n ** 80n }),
      fc.oneof(fc.integer({ min: 0, max: 1300 }), fc.constantFrom(1074, 1075, 1076)),
      (top, bottom, shift) => {
        deepStrictEqual(roundQuotient(top, bottom, shift) + 0, nearest({ top, bottom: bottom << BigInt(shift) }))
      },
    ),
    { numRuns: runs(1500) },
  )
  for (const [top, bottom, shift] of [
    [2n ** 53n + 1n, 1n, 0],
    [2n ** 53n + 3n, 1n, 0],
    [1n, 1n, 1074],
    [1n, 1n, 1075],
    [3n, 1n, 1075],
    [2n ** 54n - 1n, 1n, 1076],
    [2n ** 1024n - 2n ** 970n, 1n, 0],
    [2n ** 1024n - 2n ** 969n, 1n, 0],
    [2n ** 2000n, 2n ** 900n, 0],
  ] as const) {
    deepStrictEqual(roundQuotient(top, bottom, shift), nearest({ top, bottom: bottom << BigInt(shift) }))
  }
})

t.test('the error of a square is exact where nothing overflows or underflows', async () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-140, max: 1e140, noNaN: true }), (x) => {
      const square = x * x
      const exact = times(fractionOf(x), fractionOf(x))
      const parts = add(fractionOf(square), fractionOf(squareError(x, square)))
      ok(add(exact, minus(parts)).top === 0n)
    }),
    { numRuns: runs(1000) },
  )
})

const Sample = schema({ at: eventTime(), x: float() })
const input = anySchema(Sample)

t.test('cells: sum, mean and variance are exact in any order, through merges and retractions', async () => {
  const value = fc.oneof(
    fc.integer({ min: -100, max: 100 }),
    fc.double({ min: -1e70, max: 1e70, noNaN: true }).map((x) => (Math.abs(x) < 1e-100 ? 0 : x)),
    fc.constantFrom(1e-3, 1e16, 3e15 + 1, 94906266, -94906267),
  )
  fc.assert(
    fc.property(
      fc.array(fc.array(value, { maxLength: 8 }), { minLength: 1, maxLength: 4 }),
      fc.array(value, { maxLength: 6 }),
      (parts, back) => {
        const { specs, results } = planCells(input, [
          { kind: 'sum', column: 'x' },
          { kind: 'mean', column: 'x' },
          { kind: 'stddev', column: 'x' },
        ])
        const batch = (values: readonly number[], diff: number) =>
          batchOf(
            Sample,
            values.map((x) => ({ row: { at: 0, x }, diff })),
          )
        const store = new CellStore(specs)
        const target = store.take()
        const slots = parts.map((values) => {
          const slot = store.take()
          store.addRows(batch([...back, ...values], 1), new Int32Array(back.length + values.length).fill(slot))
          store.addRows(batch(back, -1), new Int32Array(back.length).fill(slot))
          return slot
        })
        for (const slot of slots) store.merge(target, store.cells, slot)
        // What is merged and taken back leaves no trace.
        store.merge(target, store.cells, slots[0]!)
        store.merge(target, store.cells, slots[0]!, -1)
        const [sum, mean, stddev] = results.map((result) => readResult(result, store.cells, Int32Array.of(target), 1))
        const values = parts.flat()
        if (values.length === 0) {
          deepStrictEqual([sum!.valid![0], mean!.valid![0], stddev!.valid![0]], [0, 0, 0])
          return
        }
        const whole = total(values.map(fractionOf))
        const average = over(whole, values.length)
        const squares = values.map((x) => {
          const distance = add(fractionOf(x), minus(average))
          return times(distance, distance)
        })
        deepStrictEqual(sum!.data[0]! + 0, nearest(whole))
        deepStrictEqual(mean!.data[0]! + 0, nearest(average))
        deepStrictEqual(stddev!.data[0], Math.sqrt(nearest(over(total(squares), values.length))))
      },
    ),
    { numRuns: runs(500) },
  )
})

t.test('components are one non-finite number while there is one', (t) => {
  const cell = new Cell({ kind: 'sum', column: 0 }, 1)
  const [plus, minusInfinity, nan] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]
  cell.add(0, 0.5)
  cell.add(0, plus)
  t.strictSame(cell.components(0), [plus])
  cell.add(0, minusInfinity)
  t.strictSame(cell.components(0), [nan])
  cell.add(0, -plus, -1)
  t.strictSame(cell.components(0), [minusInfinity])
  cell.add(0, nan)
  cell.add(0, -minusInfinity, -1)
  t.strictSame(cell.components(0), [nan])
  cell.add(0, nan, -1)
  t.strictSame(cell.components(0), [0.5])
  cell.reset(0)
  t.strictSame(cell.components(0), [])
  t.ok(cell.isPlain(0))
  t.end()
})
