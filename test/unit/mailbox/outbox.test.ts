import fc from 'fast-check'
import t from 'tap'
import type { PartitionFrames } from '../../../src/mailbox/log.ts'
import { Outbox, type Route } from '../../../src/mailbox/outbox.ts'
import { checkFrame, decodeFrame, frameBytes } from '../../../src/records/frame-decoder.ts'
import { eventTime, float, int, optional, schema, string } from '../../../src/records/schema.ts'
import { batchOf, rowsOf, runs } from '../operators/support.ts'

const Row = schema({ at: eventTime(), key: optional(string()), part: optional(float()), id: int() })
const keys = [1, 2]

interface Plain {
  readonly key: string | null
  readonly part: number | null
}

const row = fc.record({
  key: fc.constantFrom('a', 'b', 'c', '', 'ä', null),
  part: fc.constantFrom(0, -0, 1, 2 ** 40, 0.5, Number.NaN, Number.NEGATIVE_INFINITY, null),
})
const batches = fc.array(fc.array(row, { maxLength: 12 }), { maxLength: 5 })

/** Batches with the rows numbered, and every third of them a retraction. */
const batchesOf = (parts: readonly (readonly Plain[])[]) => {
  let id = 0
  return parts.map((rows) =>
    batchOf(
      Row,
      rows.map((one) => ({ row: { at: 0, ...one, id: id++ }, diff: id % 3 ? 1 : -1 })),
    ),
  )
}

/** The rows of each partition as they were sealed. */
function rowsByPartition(sealed: readonly PartitionFrames[], edge: number, partitions: number) {
  return Array.from({ length: partitions }, (_, partition) =>
    sealed
      .filter((block) => block.edge === edge && block.partition === partition)
      .flatMap(({ chunks }) =>
        chunks.flatMap((frame) => {
          checkFrame(frame)
          if (frameBytes(frame) !== frame.length || frame.length % 8 !== 0) throw new Error('not one whole frame')
          const batch = decodeFrame(frame, batchOf(Row, []).schema)
          return batch
            .rows()
            .map((plain, i) => ({ ...plain, diff: batch.diff(i) }) as Plain & { id: number; diff: number })
        }),
      ),
  )
}

const seal = (route: Route, parts: readonly (readonly Plain[])[]) => {
  const outbox = new Outbox([route])
  for (const batch of batchesOf(parts)) outbox.add(route.edge, batch)
  return outbox.seal()
}

t.test('every row goes to one partition, that of its key, in the order that it came', async (t) => {
  fc.assert(
    fc.property(batches, fc.integer({ min: 1, max: 7 }), (parts, partitions) => {
      const placed = rowsByPartition(
        seal({ edge: 3, partitions, keys, fixed: 0, isBroadcast: false }, parts),
        3,
        partitions,
      )
      const placeOf = new Map<string, number>()
      placed.forEach((rows, partition) => {
        rows.forEach((one, i) => {
          if (i > 0 && rows[i - 1]!.id >= one.id) throw new Error(`row ${one.id} is out of order`)
          // The two zeros are one number.
          const key = JSON.stringify([one.key, one.part === null ? null : `${one.part + 0}`])
          if ((placeOf.get(key) ?? partition) !== partition) throw new Error(`${key} is in two partitions`)
          placeOf.set(key, partition)
        })
      })
      const all = placed.flat().sort((one, other) => one.id - other.id)
      const wanted = batchesOf(parts).flatMap((batch) =>
        batch.rows().map((one, i) => ({ ...one, diff: batch.diff(i) })),
      )
      t.strictSame(all, wanted, 'every row once, with its diff')
    }),
    { numRuns: runs(100) },
  )
})

t.test('the bytes do not depend on how rows came in batches', async (t) => {
  fc.assert(
    fc.property(batches, fc.integer({ min: 1, max: 4 }), fc.boolean(), (parts, partitions, isKeyed) => {
      const route = { edge: 1, partitions, keys: isKeyed ? keys : null, fixed: partitions - 1, isBroadcast: false }
      const asTheyCame = seal(route, parts)
      const inOne = seal(route, [parts.flat()])
      const oneByOne = seal(
        route,
        parts.flat().map((one) => [one]),
      )
      t.strictSame(asTheyCame, inOne)
      t.strictSame(oneByOne, inOne)
    }),
    { numRuns: runs(50) },
  )
})

t.test('where keys go is part of the format', async (t) => {
  const parts = ['a', 'b', 'c', 'd', null].map((key) => ({ key, part: 1 }))
  const placed = rowsByPartition(
    seal({ edge: 1, partitions: 4, keys: [1], fixed: 0, isBroadcast: false }, [parts]),
    1,
    4,
  )
  t.same(
    placed.map((rows) => rows.map(({ key }) => key)),
    [['a', 'c'], [null], [], ['b', 'd']],
  )
})

t.test('rows without keys go to the fixed partition; with one partition all go there', async (t) => {
  const parts = [[{ key: 'a', part: 1 }], [{ key: 'b', part: 2 }]]
  const ids = (route: Route) =>
    rowsByPartition(seal(route, parts), route.edge, route.partitions).map((rows) => rows.map(({ id }) => id))
  t.same(ids({ edge: 1, partitions: 3, keys: null, fixed: 2, isBroadcast: false }), [[], [], [0, 1]])
  t.same(ids({ edge: 1, partitions: 1, keys, fixed: 0, isBroadcast: false }), [[0, 1]])
  const all = [
    [0, 1],
    [0, 1],
    [0, 1],
  ]
  t.same(ids({ edge: 1, partitions: 3, keys: null, fixed: 2, isBroadcast: true }), all, 'what is broadcast goes to all')
})

t.test('an epoch is sealed in order of edge and partition, and the outbox is empty afterwards', async (t) => {
  const outbox = new Outbox([9, 2, 5].map((edge) => ({ edge, partitions: 4, keys: [1], fixed: 0, isBroadcast: false })))
  const batch = rowsOf(Row, ...'abcdefgh'.split('').map((key, id) => ({ at: 0, key, part: null, id })))
  for (const edge of [9, 2]) outbox.add(edge, batch)
  outbox.add(5, rowsOf(Row))
  t.equal(outbox.rows, 16)
  const order = outbox.seal().map(({ edge, partition }) => edge * 10 + partition)
  t.same(
    order,
    order.slice().sort((one, other) => one - other),
  )
  t.same([...new Set(order.map((one) => Math.floor(one / 10)))], [2, 9], 'no frames where there are no rows')
  t.equal(outbox.rows, 0)
  t.same(outbox.seal(), [])
  outbox.add(2, batch)
  outbox.discard()
  t.equal(outbox.rows, 0)
  t.same(outbox.seal(), [])
})
