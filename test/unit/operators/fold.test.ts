import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Aggregation } from '../../../src/operators/aggregation.ts'
import { openAggregates } from '../../../src/operators/fold/aggregate-group.ts'
import { aggregatedColumns } from '../../../src/operators/fold/cell-rows.ts'
import { Fold } from '../../../src/operators/fold/fold.ts'
import { foldedSchema } from '../../../src/operators/fold/folded-schema.ts'
import { openRanking } from '../../../src/operators/fold/ranked.ts'
import type { Emission } from '../../../src/operators/window.ts'
import { eventTime, float, int, optional, schema, string } from '../../../src/records/schema.ts'
import { foldOf, type OracleUpdate } from '../../oracle/folds.ts'
import { anySchema, batchOf, linesOf, originOf, passing, Recorder, runs, updatesOf } from './support.ts'

const END = Number.POSITIVE_INFINITY
const Event = schema({ at: eventTime(), key: optional(string()), n: optional(int()), x: optional(float()) })
const event = (at: number, key: string | null, n: number | null = null, x: number | null = null) => ({ at, key, n, x })

type Kind = 'first' | 'latest' | Record<string, Aggregation>

interface Setup {
  readonly emit?: Emission
  readonly bound?: number
  readonly isTable?: boolean
  readonly origin?: Uint8Array | null
}

function folded(fold: Kind, { emit = 'eager', bound = 0, isTable = false, origin = null }: Setup = {}): Recorder {
  const input = anySchema(Event)
  const keys = ['key']
  const output = typeof fold === 'string' ? input : foldedSchema(input, keys, fold)
  const results = output.names.filter((name) => name !== 'at' && name !== 'key')
  const common = { input, output, keys, results, emit, bound, origin }
  if (typeof fold === 'string') {
    const ranking = { limit: 1, by: [], ties: fold, rank: null }
    return new Recorder((context) => new Fold({ ...common, ...openRanking(input, results, ranking, isTable) }, context))
  }
  const aggregations = Object.values(fold)
  const open = openAggregates(input, aggregations, isTable)
  return new Recorder((context) => new Fold({ ...common, columns: aggregatedColumns(aggregations), open }, context))
}

const update = (row: ReturnType<typeof event>, seq = 0, diff = 1) => ({ row, diff, origin: originOf(1, seq) })

t.test('the latest row holds from its time on; one that comes between takes its place in the history', async (t) => {
  for (const reopen of [false, true]) {
    const run = folded('latest', { bound: 10 })
    run.push(batchOf(Event, [update(event(5, 'a', 1)), update(event(9, 'a', 2))]))
    run.advance([9])
    t.strictSame(updatesOf(run.emitted), [
      '+ at=5 key=a n=1 x=null',
      '- at=9 key=a n=1 x=null',
      '+ at=9 key=a n=2 x=null',
    ])
    if (reopen) await run.reopen()
    run.push(batchOf(Event, [update(event(7, 'a', 3))]))
    run.advance([9])
    t.strictSame(updatesOf(run.emitted).slice(3), [
      '- at=7 key=a n=1 x=null',
      '+ at=7 key=a n=3 x=null',
      '- at=9 key=a n=3 x=null',
      '+ at=9 key=a n=1 x=null',
    ])
  }
})

t.test('of rows of one time the highest origin is the latest, in whatever order they came', async (t) => {
  for (const order of [
    [0, 1, 2],
    [2, 0, 1],
    [1, 2, 0],
  ]) {
    const run = folded('latest', { emit: 'final' })
    for (const seq of order) {
      run.push(batchOf(Event, [update(event(5, 'a', seq), seq)]))
      await run.reopen()
    }
    run.advance([END], 1)
    t.strictSame(linesOf(run.emitted), ['at=5 key=a n=2 x=null'])
  }
})

t.test('with final nothing is said before the watermark has passed it, and then once', async (t) => {
  const run = folded({ rows: { kind: 'count' } }, { emit: 'final' })
  run.push(batchOf(Event, [update(event(5, 'a')), update(event(3, 'a')), update(event(9, 'b'))]))
  run.advance([5])
  t.strictSame(updatesOf(run.emitted), ['+ key=a at=3 rows=1'])
  await run.reopen()
  run.advance([END])
  t.strictSame(updatesOf(run.emitted).slice(1), ['- key=a at=5 rows=1', '+ key=a at=5 rows=2', '+ key=b at=9 rows=1'])
})

t.test('what is taken out of an extreme reveals the next, also when a table takes it back later', async (t) => {
  const most = { most: { kind: 'max', column: 'n' } } as const
  const run = folded(most, { isTable: true })
  run.push(batchOf(Event, [update(event(1, 'a', 5)), update(event(2, 'a', 9), 1)]))
  run.advance([2])
  await run.reopen()
  run.push(batchOf(Event, [update(event(4, 'a', 9), 2, -1)]))
  run.advance([END])
  t.strictSame(linesOf(run.emitted), [
    '-1 x key=a at=2 most=5',
    '-1 x key=a at=4 most=9',
    'key=a at=1 most=5',
    'key=a at=2 most=9',
    'key=a at=4 most=5',
  ])
})

t.test('large sums leave nothing behind when they are taken out', async (t) => {
  const run = folded({ sum: { kind: 'sum', column: 'x' } }, { bound: 10 })
  const [small, large, other] = [event(1, 'a', 0, 1e-3), event(2, 'a', 0, 1e16), event(3, 'a', 0, 3e15 + 1)]
  run.push(batchOf(Event, [update(small), update(large, 1), update(other, 2)]))
  run.advance([3])
  await run.reopen()
  run.push(batchOf(Event, [update(large, 1, -1), update(other, 2, -1)]))
  run.advance([END])
  t.strictSame(linesOf(run.emitted), ['key=a at=1 sum=0.001'])
})

t.test('rows that are the same in all are added one by one', async (t) => {
  const run = folded({ sum: { kind: 'sum', column: 'x' } }, { bound: 10 })
  run.push(
    batchOf(
      Event,
      [1, 2, 3].map(() => update(event(1, 'a', 0, 0.1))),
    ),
  )
  run.push(batchOf(Event, [update(event(1, 'a', 0, -0.3), 1)]))
  run.advance([END])
  // Three times the double next to 0.1, less the one next to 0.3.
  t.strictSame(linesOf(run.emitted), ['key=a at=1 sum=2.7755575615628914e-17'])
})

t.test('a group that nothing is left of leaves nothing in the tables', async (t) => {
  const run = folded({ rows: { kind: 'count' }, least: { kind: 'min', column: 'n' } }, { bound: 10 })
  run.push(batchOf(Event, [update(event(1, 'a', 5))]))
  run.advance([1])
  await run.reopen()
  run.push(batchOf(Event, [update(event(1, 'a', 5), 0, -1)]))
  run.advance([1])
  await run.flush()
  t.same(run.keysOf('groups', 'recent', 'members'), [])
  t.strictSame(linesOf(run.emitted), [])
})

t.test('what no update can come before any more is settled, also of keys that nothing comes to', async (t) => {
  const run = folded('latest', { bound: 5 })
  run.push(rowsWithOrigins(200))
  run.advance([200])
  for (let time = 210; time < 240; time += 5) run.advance([time])
  await run.flush()
  t.same(run.keysOf('recent', 'members'), [])
  t.equal(run.keysOf('groups').length, 200)
})

const rowsWithOrigins = (count: number) =>
  batchOf(
    Event,
    Array.from({ length: count }, (_, i) => update(event(i, `k${i}`, i), i % 256)),
  )

const floats = fc.oneof(
  fc.integer({ min: -9, max: 9 }),
  fc.constantFrom(1e-3, 0.1, 1e16, 3e15 + 1, -1e16, 1e22, -1e60, 1e-30),
)
const row = fc.record({
  ahead: fc.integer({ min: 0, max: 14 }),
  key: fc.constantFrom('a', 'b', '', null),
  n: fc.option(fc.integer({ min: -3, max: 3 }), { freq: 4 }),
  x: fc.option(floats, { freq: 4 }),
})
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('push' as const),
      rows: fc.array(row, { minLength: 1, maxLength: 6 }),
      back: fc.array(fc.tuple(fc.nat(), fc.nat(9)), { maxLength: 3 }),
    }),
  },
  ...passing,
)
const AGGREGATES: Record<string, Aggregation> = {
  rows: { kind: 'count' },
  sum: { kind: 'sum', column: 'x' },
  mean: { kind: 'mean', column: 'x' },
  spread: { kind: 'stddev', column: 'n' },
  variance: { kind: 'variance', column: 'x' },
  least: { kind: 'min', column: 'x' },
  most: { kind: 'max', column: 'n' },
}
const setup = fc
  .record({
    fold: fc.constantFrom<Kind>('first', 'latest', AGGREGATES),
    emit: fc.constantFrom('final' as const, 'eager' as const),
    bound: fc.constantFrom(0, 0, 3, 10, 30),
    isTable: fc.boolean(),
    withOrigin: fc.boolean(),
  })
  .map((one) => ({ ...one, isTable: one.isTable && typeof one.fold !== 'string' }))

t.test('random histories come to what brute force says', async () => {
  await fc.assert(
    fc.asyncProperty(setup, fc.array(action, { maxLength: 40 }), async ({ withOrigin, ...one }, actions) => {
      const { fold, emit, bound, isTable } = one
      const run = folded(fold, { ...one, origin: withOrigin ? Uint8Array.of(1) : null })
      const oracle =
        typeof fold === 'string'
          ? { which: fold, by: [], limit: 1 }
          : {
              aggregates: Object.fromEntries(
                Object.entries(fold).map(([name, { kind, column }]) => [name, [kind, column] as [string, string?]]),
              ),
            }
      const expected = (updates: readonly OracleUpdate[]) =>
        linesOf([
          batchOf(
            typeof fold === 'string' ? Event : (foldedSchema(anySchema(Event), ['key'], fold) as never),
            foldOf(updates, { time: 'at', keys: ['key'], isTable, fold: oracle }) as never,
          ),
        ])
      let watermark = -20
      let seq = 0
      let updates: (ReturnType<typeof update> & { isLeft: boolean })[] = []
      const check = () => {
        const said = updates.filter(({ row }) => emit === 'eager' || row.at < watermark)
        deepStrictEqual(linesOf(run.emitted), expected(said))
      }
      for (const act of actions) {
        if (act.kind === 'push') {
          // While something is due no batch comes.
          run.advance([watermark])
          const oldest = watermark - bound
          const added = act.rows.map(({ ahead, ...rest }) => ({
            ...update({ at: oldest + ahead, ...rest }, seq++ % 256),
            isLeft: true,
          }))
          const taken = []
          for (const [nth, later] of act.back) {
            const open = updates.filter(({ isLeft, row }) => isLeft && (isTable || row.at >= oldest))
            if (open.length === 0) continue
            const one = open[nth % open.length]!
            one.isLeft = false
            const at = isTable ? Math.max(one.row.at, oldest) + later : one.row.at
            taken.push({
              row: { ...one.row, at },
              diff: -1,
              origin: isTable ? originOf(2, seq++ % 256) : one.origin,
              isLeft: false,
            })
          }
          run.push(batchOf(Event, [...taken, ...added]))
          updates = [...updates, ...taken, ...added]
        } else if (act.kind === 'advance') {
          watermark += act.by
          const isDone = act.isWhole ? run.advance([watermark], act.budget) > 0 : run.step([watermark], act.budget)
          if (isDone) check()
        } else if (act.kind === 'crash') await run.crash()
        else await run[act.kind](act.store)
      }
      run.advance([END], 3)
      watermark = END
      check()
    }),
    { numRuns: runs(400) },
  )
})
