import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { spanAggregatesAt } from '../../../src/operators/index/span-aggregates.ts'
import { TileIndex, type TileIndexPlan } from '../../../src/operators/index/tile-index.ts'
import { planTiles, type SpanAggregate } from '../../../src/operators/index/tile-plan.ts'
import { FLOOR, unpackTime } from '../../../src/operators/index/versions.ts'
import { ScratchTable } from '../../../src/operators/scratch-table.ts'
import { packValues } from '../../../src/records/key.ts'
import { unpacked } from '../../../src/records/nested.ts'
import { eventTime, float, list, optional, schema, string } from '../../../src/records/schema.ts'
import { anySchema, batchOf, originOf, passing, Recorder, runs } from './support.ts'

const Payment = schema({ at: eventTime(), user: string(), amount: optional(float()) })
const paid = (at: number, amount: number | null, diff = 1, user = 'ann') => ({
  ...{ row: { at, user, amount }, diff, origin: originOf(1, at) },
})
const over = (kind: SpanAggregate['kind'], span: number | null, more: Partial<SpanAggregate> = {}): SpanAggregate => ({
  ...{ kind, over: span, ...(kind === 'count' ? {} : { column: 'amount' }), ...more },
})

/** A tile of the narrowest sort, and one of the next. */
const [TILE, NEXT] = [2 ** 20, 2 ** 25]

function index(aggregates: Readonly<Record<string, SpanAggregate>>, options: Partial<TileIndexPlan> = {}) {
  const tiles = planTiles(anySchema(Payment), ['user'], aggregates)
  const plan = { tiles, history: Number.POSITIVE_INFINITY, bound: 0, ...options }
  const run = new Recorder((context) => new TileIndex(plan, context))
  const scratch = () => new ScratchTable()
  const at = (time: number, user = 'ann') => {
    const stored = run.table('progress').get(FLOOR)
    const floor = stored === undefined ? Number.NEGATIVE_INFINITY : unpackTime(stored)
    const found = spanAggregatesAt(
      tiles,
      { rows: run.table('rows'), tiles: run.table('tiles'), scratch },
      packValues([user]),
      time,
      floor,
    )
    return found?.values.map((value) =>
      value instanceof Uint8Array ? unpacked(list(optional(float())), value) : value,
    )
  }
  return { run, at, tiles }
}

t.test('a span ends at the time that is asked for and begins its length before, to the microsecond', (t) => {
  const { run, at } = index({ n: over('count', 100), sum: over('sum', 100, { default: 0 }), max: over('max', 100) })
  run.push(batchOf(Payment, [paid(1000, 5), paid(1050, null)]))
  run.advance([1100])
  t.equal(at(999), undefined, 'nothing is known yet')
  t.strictSame(at(1000), [1, 5, 5])
  t.strictSame(at(1099), [2, 5, 5])
  t.strictSame(at(1100), [1, 0, null], 'the first row is a span old, and the second has no amount')
  t.strictSame(at(1150), [0, 0, null], 'nothing is left, which is not the same as nothing known')
  t.equal(at(1050, 'bob'), undefined)
  t.end()
})

t.test('spans of all lengths share the same tiles, and what was the greatest is taken back', async (t) => {
  const day = 86_400_000_000
  const { run, at, tiles } = index({
    ...{ hour: over('sum', day / 24), month: over('sum', 30 * day), ever: over('count', null) },
    ...{ max: over('max', 30 * day), last: over('lastK', 30 * day, { limit: 2 }) },
  })
  t.equal(tiles.levels, 7)
  const rows = Array.from({ length: 60 }, (_, i) => paid(i * day, i))
  run.push(batchOf(Payment, rows))
  run.advance([61 * day])
  await run.reopen()
  t.strictSame(at(59 * day), [59, (30 + 59) * 15, 60, 59, [59, 58]])
  run.push(batchOf(Payment, [paid(59 * day, 59, -1), paid(59 * day, 0.5)]))
  run.advance([61 * day])
  t.strictSame(at(59 * day), [0.5, (30 + 58) * 14.5 + 0.5, 60, 58, [0.5, 58]])
  t.strictSame(at(29 * day - 1), [null, 28 * 14.5, 29, 28, [28, 27]])
  t.end()
})

t.test('decayed sums are the same from tiles and from rows, whatever comes and is taken back', (t) => {
  const [HALF, AT] = [100 * TILE, 90 * NEXT]
  const { run, at } = index({ score: over('decayedSum', null, { halfLife: HALF }) })
  const times = Array.from({ length: 3000 }, (_, i) => (i * 7919 * 1009) % (80 * NEXT))
  const rows = times.map((time, i) => paid(time, (i % 17) - 5))
  const extra = times.map((time) => paid(time + 1, 1e9))
  run.push(batchOf(Payment, [...rows.toReversed(), ...extra]))
  run.advance([0])
  run.push(
    batchOf(
      Payment,
      extra.map((one) => ({ ...one, diff: -1 })),
    ),
  )
  run.advance([0])
  const expected = (until: number) =>
    rows.reduce((sum, { row }) => (row.at > until ? sum : sum + row.amount! * 2 ** ((row.at - until) / HALF)), 0)
  for (const until of [AT, 40 * NEXT + 77, 80 * NEXT, 3 * NEXT - 1]) {
    const [score] = at(until) as [number]
    t.ok(Math.abs(score - expected(until)) <= 1e-9 * Math.abs(expected(until)) + 1e-9, `${score} is ${expected(until)}`)
  }
  t.strictSame(at(AT + 2000 * HALF), [0], 'nothing of it is left')
  t.end()
})

t.test('what no look-up can ask for goes, but for what never ends', (t) => {
  const [finite, endless] = [
    index({ n: over('count', NEXT) }, { history: NEXT }),
    index({ n: over('count', null) }, { history: NEXT }),
  ]
  for (const { run } of [finite, endless]) {
    // Before 1970, where the widest tile ends.
    run.push(batchOf(Payment, [paid(-5, 1)]))
    for (let i = 0; i < 200; i++) {
      run.push(batchOf(Payment, [paid(i * TILE, i)]))
      run.advance([i * TILE])
    }
    for (let i = 0; i < 20; i++) run.advance([200 * TILE])
  }
  t.ok(finite.run.keysOf('rows').length < 70, `${finite.run.keysOf('rows').length} rows are kept`)
  t.equal(
    finite.run.keysOf('tiles').length,
    3,
    'two blocks of the narrowest, the third has few rows, and one of the next',
  )
  t.ok(endless.run.keysOf('rows').length < 40)
  t.strictSame(finite.at(200 * TILE), [31])
  t.strictSame(endless.at(200 * TILE), [201])
  t.strictSame(endless.at(180 * TILE), [182])
  t.end()
})

t.test('of a few rows there are no tiles but the widest, and of none nothing is left', (t) => {
  const { run, at } = index({ n: over('count', 40 * NEXT), max: over('max', 40 * NEXT) })
  const rows = Array.from({ length: 30 }, (_, i) => paid(i, i))
  run.push(batchOf(Payment, rows.slice(0, 8)))
  run.advance([0])
  t.equal(run.keysOf('tiles').length, 1)
  run.push(batchOf(Payment, rows.slice(8)))
  run.advance([0])
  t.equal(run.keysOf('tiles').length, 3)
  t.strictSame(at(20), [21, 20])
  for (const keep of [8, 0]) {
    const now = Math.round(run.keysOf('rows').length)
    run.push(
      batchOf(
        Payment,
        rows.slice(keep, now).map(({ row }) => paid(row.at, row.amount, -1)),
      ),
    )
    run.advance([0])
    t.equal(run.keysOf('tiles').length, keep === 0 ? 0 : 1)
    t.strictSame(at(20), keep === 0 ? undefined : [8, 7])
  }
  t.equal(run.keysOf('rows').length, 0)
  t.end()
})

t.test('what stands for rows that have gone stays, however many of the others are taken back', (t) => {
  const day = 86_400_000_000
  const { run, at } = index({ n: over('count', null), max: over('max', null) }, { history: 0, bound: 10 * day })
  run.push(
    batchOf(
      Payment,
      Array.from({ length: 5 }, (_, i) => paid(1000 * day + i, 9 - i)),
    ),
  )
  run.advance([1000 * day])
  run.push(
    batchOf(
      Payment,
      Array.from({ length: 5 }, (_, i) => paid(2500 * day + i, i)),
    ),
  )
  for (let i = 0; i < 5; i++) run.advance([2500 * day])
  t.equal(run.keysOf('rows').length, 5)
  t.strictSame(at(2501 * day), [10, 9])
  run.push(batchOf(Payment, [paid(2500 * day, 0, -1), paid(2500 * day + 4, 4, -1)]))
  run.advance([2500 * day])
  t.strictSame(at(2501 * day), [8, 9])
  t.strictSame(at(2500 * day + 1), [6, 9])
  t.end()
})

t.test('an extreme that was taken back before it came is none, nor is what is no number', (t) => {
  const { run, at } = index({ max: over('max', 40 * NEXT), n: over('count', 40 * NEXT) }, { bound: 100 })
  run.push(batchOf(Payment, [paid(5, 9, -1), paid(6, 4), paid(7, Number.NaN)]))
  // So many that there are tiles below, which are made of rows that stand there.
  run.advance([10])
  run.push(
    batchOf(
      Payment,
      Array.from({ length: 12 }, (_, i) => paid(20 + i, 1)),
    ),
  )
  run.advance([10])
  run.advance([10])
  for (const time of [39 * NEXT, 10 * TILE]) t.equal(at(time)?.[0], 4, 'before it has come')
  run.push(batchOf(Payment, [paid(5, 9)]))
  run.advance([10])
  t.strictSame(at(10), [4, 2])
  t.strictSame(at(39 * NEXT), [4, 14])
  t.end()
})

interface Payment {
  readonly at: number
  readonly amount: number | null
}

/** By going through everything. */
function expected(rows: readonly Payment[], time: number, kind: string, span: number | null): unknown {
  const within = rows.filter(({ at }) => at <= time && (span === null || at > time - span))
  const amounts = within.flatMap(({ amount }) => (amount === null ? [] : [amount]))
  switch (kind) {
    case 'count':
      return within.length
    case 'sum':
      return amounts.length === 0 ? null : amounts.reduce((sum, amount) => sum + amount, 0)
    case 'countDistinct':
      return new Set(amounts).size
    case 'min':
      return amounts.length === 0 ? null : Math.min(...amounts)
    default:
      return amounts.length === 0 ? null : Math.max(...amounts)
  }
}

const BOUND = 3 * NEXT
const SPANS = [3, TILE, 5 * TILE + 1, NEXT + 7, 40 * NEXT, null]
const KINDS = ['count', 'sum', 'min', 'max', 'countDistinct'] as const
const place = fc.oneof(
  fc.tuple(fc.constantFrom(1, TILE, NEXT, NEXT * 32), fc.nat(4), fc.integer({ min: -1, max: 1 })),
  fc.tuple(fc.constant(1), fc.constant(0), fc.nat(BOUND)),
)
const step = fc.oneof(
  ...passing,
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('row' as const), place, amount: fc.option(fc.nat(5)) }) },
  // So many that there are tiles below, and so many back that there are none any more.
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('burst' as const), place, count: fc.integer({ min: 5, max: 15 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('back' as const), which: fc.nat(), count: fc.constantFrom(1, 1, 10) }),
  },
)
const aggregate = fc.tuple(fc.constantFrom(...KINDS), fc.constantFrom(...SPANS))

t.test('random rows, retractions, times and crashes: every look-up is that of a search through all', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(aggregate, { minLength: 1, maxLength: 4 }),
      fc.constantFrom(Number.POSITIVE_INFINITY, 2 * NEXT),
      fc.array(step, { maxLength: 40 }),
      fc.array(place, { minLength: 1, maxLength: 10 }),
      async (aggregates, history, steps, times) => {
        const named = aggregates.map(([kind, span], a) => [`a${a}`, over(kind, span)] as const)
        const { run, at } = index(Object.fromEntries(named), { history, bound: BOUND })
        let watermark = 1000 * NEXT
        const rows: Payment[] = []
        const timeOf = ([scale, many, near]: readonly [number, number, number]) =>
          Math.max(watermark - BOUND, Math.floor((watermark - BOUND) / scale) * scale + many * scale + near)
        run.advance([watermark])
        for (const one of steps) {
          if (one.kind === 'advance') run.advance([(watermark += one.by * (one.isWhole ? NEXT : TILE + 1))])
          else if (one.kind === 'flush' || one.kind === 'reopen') await run[one.kind](one.store)
          else if (one.kind === 'crash') await run.crash()
          else if (one.kind === 'row') {
            const row = { at: timeOf(one.place), amount: one.amount }
            rows.push(row)
            run.push(batchOf(Payment, [paid(row.at, row.amount)]))
          } else if (one.kind === 'back') {
            const recent = rows.filter((row) => row.at >= watermark - BOUND)
            const at = one.which % Math.max(1, recent.length)
            const gone = recent.slice(at, at + one.count)
            for (const row of gone) rows.splice(rows.indexOf(row), 1)
            if (gone.length > 0)
              run.push(
                batchOf(
                  Payment,
                  gone.map((row) => paid(row.at, row.amount, -1)),
                ),
              )
          } else if (one.kind === 'burst') {
            const start = timeOf(one.place)
            const burst = Array.from({ length: one.count }, (_, i) => ({
              at: start + i * (i % 2 === 0 ? 1 : TILE / 4),
              amount: i % 6,
            }))
            rows.push(...burst)
            run.push(
              batchOf(
                Payment,
                burst.map((row) => paid(row.at, row.amount)),
              ),
            )
          }
        }
        await run.flush()
        run.advance([watermark])
        const floor = watermark - Math.max(history, BOUND)
        for (const time of [...times.map(timeOf), ...rows.map((row) => row.at)].filter((one) => one >= floor)) {
          const wanted = aggregates.map(([kind, span]) => expected(rows, time, kind, span))
          const isEmpty = rows.every((row) => row.at > time)
          const found = at(time)
          if (found === undefined)
            deepStrictEqual(
              wanted.every((value) => value === null || value === 0),
              true,
            )
          else deepStrictEqual(found, wanted, `at ${time}`)
          if (isEmpty) deepStrictEqual(found, undefined)
        }
      },
    ),
    { numRuns: runs(300) },
  )
})
