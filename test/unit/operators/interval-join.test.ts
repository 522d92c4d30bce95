import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { INTERVAL_JOIN_TABLES, IntervalJoin } from '../../../src/operators/interval-join.ts'
import { type IntervalJoinKind, type JoinSpan, reachOf } from '../../../src/operators/join-span.ts'
import { NearJoin } from '../../../src/operators/near-join.ts'
import { eventTime, type Fields, int, makeSchema, optional, schema, string } from '../../../src/records/schema.ts'
import { nearOf } from '../../oracle/near.ts'
import { anySchema, batchOf, linesOf, originOf, passing, Recorder, runs, updatesOf } from './support.ts'

const END = Number.POSITIVE_INFINITY
const Left = schema({ at: eventTime(), key: optional(string()), n: int() })
const Right = schema({ since: eventTime(), id: optional(string()), m: int() })
const left = (at: number, n: number, diff = 1, key: string | null = 'k') => ({
  ...{ row: { at, key, n }, diff, origin: originOf(1, n) },
})
const right = (since: number, m: number, diff = 1, id: string | null = 'k') => ({
  ...{ row: { since, id, m }, diff, origin: originOf(2, m) },
})

function outputOf(how: IntervalJoinKind) {
  const [mayLackLeft, mayLackRight] = [how === 'right' || how === 'full', how === 'left' || how === 'full']
  const fields: Fields = { ...Left.fields }
  if (mayLackLeft) fields.n = optional(int())
  return makeSchema({ ...fields, m: mayLackRight ? optional(int()) : int() })
}

/** Row by row, or in columns: of sides that take nothing back both come to the same. */
type Operator = typeof IntervalJoin | typeof NearJoin
const OPERATORS: readonly Operator[] = [IntervalJoin, NearJoin]

function joined(Join: Operator, how: IntervalJoinKind, span: JoinSpan, bound = 0, origin?: Uint8Array): Recorder {
  const plan = {
    ...{ left: anySchema(Left), right: anySchema(Right), leftKeys: ['key'], rightKeys: ['id'], fields: ['m'] },
    ...{ output: outputOf(how), how, span, bound, origin: origin ?? null },
  }
  return new Recorder((context) => new Join(plan, context), 2)
}

t.test('rows match that are as far apart as they may be, and a row alone is taken back when one comes', async (t) => {
  const run = joined(IntervalJoin, 'left', { older: 60, newer: 0 }, 100)
  run.push(batchOf(Left, [left(100, 1)]), 0)
  run.push(batchOf(Right, [right(40, 1), right(39, 2), right(101, 3)]), 1)
  await run.reopen()
  run.push(batchOf(Right, [right(40, 1, -1)]), 1)
  t.strictSame(updatesOf(run.emitted), [
    '+ at=100 key=k n=1 m=null',
    '+ at=100 key=k n=1 m=1',
    '- at=100 key=k n=1 m=null',
    '- at=100 key=k n=1 m=1',
    '+ at=100 key=k n=1 m=null',
  ])
})

t.test('rows in one window match, and a null key matches nothing', (t) => {
  for (const Join of OPERATORS) {
    const run = joined(Join, 'full', { size: 10, offset: 0 })
    run.push(batchOf(Left, [left(9, 1), left(10, 2), left(10, 3, 1, null)]), 0)
    run.push(batchOf(Right, [right(0, 1), right(20, 2), right(10, 3, 1, null)]), 1)
    t.strictSame(linesOf(run.emitted), [
      'at=10 key=k n=2 m=null',
      'at=10 key=null n=3 m=null',
      'at=10 key=null n=null m=3',
      'at=20 key=k n=null m=2',
      'at=9 key=k n=1 m=1',
    ])
  }
  t.end()
})

t.test('each pair has an origin of its own, and a row alone too', async (t) => {
  for (const Join of OPERATORS) {
    const run = joined(Join, 'full', { older: 5, newer: 5 }, 0, Uint8Array.of(7))
    run.push(batchOf(Left, [left(9, 1), left(10, 2)]), 0)
    await run.reopen()
    run.push(batchOf(Right, [right(9, 3)]), 1)
    const origins = run.emitted.flatMap(({ origins, length }) =>
      Array.from({ length }, (_, i) => Buffer.from(origins!.heads[origins!.head[i]!]!).toString('hex')),
    )
    const [alone1, alone2, ...rest] = origins
    t.equal(new Set(origins).size, 4, 'two rows alone, which are taken back, and two pairs')
    t.strictSame(new Set(rest), new Set(origins))
    t.not(alone1, alone2)
  }
})

t.test('in columns, what nothing can match any more goes from the store as others come', async (t) => {
  const run = joined(NearJoin, 'inner', { older: 5, newer: 5 })
  const stored = () => run.keysOf('left-blocks').length
  for (let at = 0; at < 40_000; at += 10) {
    run.push(batchOf(Left, [left(at, at % 256, 1, `k${at}`)]), 0)
    if (at % 500 === 0) await run.flush()
    run.advance([at, at])
  }
  t.ok(stored() <= 2, `${stored()} frames`)
})

const row = fc.record({ at: fc.nat(20), key: fc.option(fc.constantFrom('a', 'b')), isLeft: fc.boolean() })
const action = fc.oneof(
  { weight: 6, arbitrary: row.map((one) => ({ kind: 'push' as const, one })) },
  { weight: 2, arbitrary: fc.nat(20).map((which) => ({ kind: 'take back' as const, which })) },
  ...passing,
)

t.test('random histories come to what brute force says, and nothing is kept in the end', async () => {
  const setup = fc.record({
    how: fc.constantFrom('inner' as const, 'left' as const, 'right' as const, 'full' as const),
    span: fc.constantFrom<JoinSpan>({ older: 0, newer: 0 }, { older: 4, newer: 2 }, { size: 6, offset: 1 }),
    bound: fc.constantFrom(0, 5, 40),
    Join: fc.constantFrom(...OPERATORS),
  })
  await fc.assert(
    fc.asyncProperty(setup, fc.array(action, { maxLength: 40 }), async ({ how, span, bound, Join }, actions) => {
      const run = joined(Join, how, span, bound)
      let watermark = -20
      let rows: { isLeft: boolean; at: number; update: ReturnType<typeof left> | ReturnType<typeof right> }[] = []
      let number = 0
      const push = ({ isLeft, update }: (typeof rows)[number], diff: 1 | -1) =>
        run.push(batchOf(isLeft ? (Left as never) : (Right as never), [{ ...update, diff }]), isLeft ? 0 : 1)
      const check = () => {
        const of = (isLeft: boolean) => rows.filter((one) => one.isLeft === isLeft).map(({ update }) => update)
        const expected = nearOf(of(true), of(false), {
          ...{ leftTime: 'at', rightTime: 'since', leftKeys: ['key'], rightKeys: ['id'], plain: Left.names },
          ...{ fields: ['m'], how, span },
        })
        deepStrictEqual(
          linesOf(run.emitted),
          linesOf([
            batchOf(
              outputOf(how) as never,
              expected.map((one) => ({ row: one as never })),
            ),
          ]),
        )
      }
      for (const act of actions) {
        if (act.kind === 'push') {
          const at = Math.max(act.one.at, watermark - bound)
          const { key, isLeft } = act.one
          const update = isLeft ? left(at, number++, 1, key) : right(at, number++, 1, key)
          const added = { isLeft, at, update }
          rows.push(added)
          push(added, 1)
        } else if (act.kind === 'take back') {
          const open = rows.filter(({ at }) => at >= watermark - bound)
          if (open.length === 0 || Join === NearJoin) continue
          const gone = open[act.which % open.length]!
          rows = rows.filter((one) => one !== gone)
          push(gone, -1)
        } else if (act.kind === 'advance') {
          watermark += act.by
          run.advance([watermark, watermark + 3])
        } else if (act.kind === 'flush') await run.flush(act.store)
        else if (act.kind === 'reopen') await run.reopen(act.store)
        else await run.crash()
        check()
      }
      // What is over is found bit by bit.
      for (let i = 0; i < 3; i++) run.advance([END, END])
      check()
      if (Join === IntervalJoin) deepStrictEqual(run.keysOf(...INTERVAL_JOIN_TABLES.slice(0, 2)), [])
    }),
    { numRuns: runs(600) },
  )
})

t.test('how far rows of a pair may be apart', (t) => {
  t.equal(reachOf({ older: 3, newer: 4 }), 7)
  t.equal(reachOf({ size: 5, offset: 2 }), 5)
  t.end()
})
