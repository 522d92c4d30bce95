import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  compareOrigins,
  consecutiveOrigins,
  gatherOrigins,
  type OriginColumn,
  originBytes,
  originsOf,
  splitHead,
} from '../../../src/records/origin.ts'
import { runs } from '../operators/support.ts'
import { hex, originOf } from './support.ts'

const head = fc.oneof(
  fc.constantFrom([], [1], [1, 0], [1, 0, 0, 0, 0, 0, 0, 0, 0]),
  fc.array(fc.nat({ max: 255 }), { maxLength: 9 }),
)
const place = fc.oneof(
  fc.nat({ max: 3 }),
  fc.constantFrom(2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER),
  fc.maxSafeNat(),
)
const origin = fc.tuple(head, place).map(([bytes, seq]) => originOf(bytes, seq))
const origins = fc.array(origin, { minLength: 1, maxLength: 8 })

const texts = (column: OriginColumn): string[] => Array.from(column.head, (_, i) => hex(originBytes(column, i)))

t.test('origins are taken apart and put together again, and share their heads', async () => {
  fc.assert(
    fc.property(origins, (whole) => {
      // Inside another buffer, as a table gives them.
      const column = originsOf(whole.map((bytes) => Buffer.concat([Buffer.of(7), bytes]).subarray(1)))
      deepStrictEqual(texts(column), whole.map(hex))
      deepStrictEqual(column.heads.length, new Set(whole.map((bytes) => hex(bytes.subarray(0, -8)))).size)
    }),
    { numRuns: runs(300) },
  )
})

t.test('their order is the bytewise order of the whole, within a column and between two', async () => {
  fc.assert(
    fc.property(origins, origins, (left, right) => {
      const [a, b] = [originsOf(left), originsOf(right)]
      for (const [i, one] of left.entries()) {
        right.forEach((two, j) => {
          deepStrictEqual(Math.sign(compareOrigins(a, i, b, j)), Buffer.compare(one, two), `${hex(one)} ${hex(two)}`)
        })
        left.forEach((two, j) => deepStrictEqual(Math.sign(compareOrigins(a, i, a, j)), Buffer.compare(one, two)))
      }
    }),
    { numRuns: runs(300) },
  )
})

t.test('rows of a split follow each other, splits of a source and sources too', async (t) => {
  const columns = [
    [0, 0],
    [0, 1],
    [0, 256],
    [1, 0],
    [65_536, 2],
  ].map(([source, split]) => consecutiveOrigins(splitHead(source!, split!), 2 ** 32 - 2, 4))
  const all = columns.flatMap(texts)
  t.strictSame(all, [...all].sort())
  t.equal(new Set(all).size, 20)
  t.equal(all[2], '0000000000000000' + '0000000100000000')
})

t.test('picked origins are those of the rows', async () => {
  fc.assert(
    fc.property(origins, fc.array(fc.nat()), (whole, picks) => {
      const rows = Int32Array.from(picks, (i) => i % whole.length)
      const picked = gatherOrigins(originsOf(whole), rows, rows.length)
      deepStrictEqual(
        texts(picked),
        Array.from(rows, (i) => hex(whole[i]!)),
      )
    }),
    { numRuns: runs(100) },
  )
})
