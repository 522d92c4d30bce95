import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Aggregation } from '../../../src/operators/aggregation.ts'
import { openAggregates } from '../../../src/operators/fold/aggregate-group.ts'
import { aggregatedColumns } from '../../../src/operators/fold/cell-rows.ts'
import { SESSION_FOLD_TABLES, SessionFold } from '../../../src/operators/session-fold.ts'
import {
  type AnyWindow,
  cumulating,
  type Emission,
  hopping,
  isSession,
  session,
  tumbling,
  windowsOf as windowsAt,
} from '../../../src/operators/window.ts'
import { WINDOW_FOLD_TABLES, WindowFold } from '../../../src/operators/window-fold.ts'
import { windowSchema } from '../../../src/operators/window-output.ts'
import { eventTime, int, optional, schema, string } from '../../../src/records/schema.ts'
import { type OracleAggregates, type OracleRow, sessionsOf, windowsOf } from '../../oracle/windows.ts'
import { anySchema, batchOf, linesOf, originOf, passing, Recorder, runs, updatesOf } from './support.ts'

const END = Number.POSITIVE_INFINITY
const Event = schema({ at: eventTime(), key: optional(string()), n: optional(int()) })
const event = (at: number, key: string | null, n: number | null = null) => ({ at, key, n })
const update = (row: ReturnType<typeof event>, seq = 0, diff = 1) => ({ row, diff, origin: originOf(1, seq) })

const AGGREGATES: Record<string, Aggregation> = {
  rows: { kind: 'count' },
  most: { kind: 'max', column: 'n' },
  all: { kind: 'distinct', column: 'n' },
}
const ORACLE: OracleAggregates = { rows: ['count'], most: ['max', 'n'], all: ['distinct', 'n'] }

interface Setup {
  readonly emit?: Emission
  readonly bound?: number
}

function windowed(window: AnyWindow, { emit = 'final', bound = 0 }: Setup = {}, aggregates = AGGREGATES): Recorder {
  const input = anySchema(Event)
  const aggregations = Object.values(aggregates)
  const plan = {
    ...{ input, output: windowSchema(input, ['key'], aggregates), keys: ['key'], emit, bound },
    ...{ origin: null, columns: aggregatedColumns(aggregations), open: openAggregates(input, aggregations, false) },
  }
  return new Recorder((context) =>
    isSession(window) ? new SessionFold({ ...plan, window }, context) : new WindowFold({ ...plan, window }, context),
  )
}
const SPARSE = { rows: AGGREGATES.rows!, most: AGGREGATES.most! }
const said = (run: Recorder) =>
  updatesOf(run.emitted).map((line) => line.replace('window_start=', '').replace(' window_end=', '..'))

t.test('windows that grow start together, and shifted ones where they are said to', (t) => {
  t.strictSame(
    [...windowsAt(cumulating(6, 2), 3)],
    [
      [0, 4],
      [0, 6],
    ],
  )
  t.strictSame([...windowsAt(cumulating(6, 2), 4)], [[0, 6]])
  t.strictSame(
    [...windowsAt(hopping(4, 2, { offset: 1 }), 3)],
    [
      [3, 7],
      [1, 5],
    ],
  )
  t.strictSame([...windowsAt(tumbling(4, { offset: 1 }), 0)], [[-3, 1]])
  t.throws(() => cumulating('1d', '7h'), { code: 'window', message: /cannot be cut into steps of 7h/ })
  t.throws(() => session(0), { code: 'window' })
  t.end()
})

t.test('an extreme that is taken back gives way to the next one', async (t) => {
  const run = windowed(tumbling(10), { bound: 20 }, SPARSE)
  run.push(batchOf(Event, [update(event(3, 'a', 1)), update(event(4, 'a', 7), 1)]))
  run.advance([10])
  await run.reopen()
  run.push(batchOf(Event, [update(event(4, 'a', 7), 1, -1)]))
  run.advance([10])
  run.push(batchOf(Event, [update(event(3, 'a', 1), 0, -1)]))
  run.advance([10])
  t.strictSame(said(run), [
    '+ key=a 0..10 rows=2 most=7',
    '- key=a 0..10 rows=2 most=7',
    '+ key=a 0..10 rows=1 most=1',
    '- key=a 0..10 rows=1 most=1',
  ])
  run.advance([END])
  t.strictSame(run.keysOf(...WINDOW_FOLD_TABLES.slice(0, 2)), [])
})

t.test('a window that looks back is said so much later', (t) => {
  const run = windowed(tumbling(10, { lookback: 5 }), {}, SPARSE)
  run.push(batchOf(Event, [update(event(3, 'a', 1))]))
  run.advance([14])
  t.strictSame(said(run), [])
  run.push(batchOf(Event, [update(event(14, 'a', 2))]))
  run.advance([15])
  t.strictSame(said(run), ['+ key=a 0..10 rows=1 most=1'])
  t.end()
})

t.test('rows no further apart than the gap are in one session, which ends behind its last row', async (t) => {
  for (const reopen of [false, true]) {
    const run = windowed(session(3), { bound: 20 }, SPARSE)
    const times = [25, 26, 27, 28, 29, 30, 32, 33, 37, 38]
    run.push(
      batchOf(
        Event,
        times.map((at, i) => update(event(at, 'a', i), i)),
      ),
    )
    run.advance([36])
    t.strictSame(said(run), [], 'a row at 36 would still belong to it')
    if (reopen) await run.reopen()
    run.advance([37])
    t.strictSame(said(run), ['+ key=a 25..34 rows=8 most=7'])
    // A row between two sessions joins them; without it they are two again.
    run.push(batchOf(Event, [update(event(35, 'a', 99), 99)]))
    run.advance([37])
    t.strictSame(said(run).slice(1), ['- key=a 25..34 rows=8 most=7'])
    if (reopen) await run.crash()
    run.advance([42])
    t.strictSame(said(run).slice(2), ['+ key=a 25..39 rows=11 most=99'])
    run.push(batchOf(Event, [update(event(35, 'a', 99), 99, -1)]))
    run.advance([42])
    t.strictSame(said(run).slice(3), [
      '- key=a 25..39 rows=11 most=99',
      '+ key=a 25..34 rows=8 most=7',
      '+ key=a 37..39 rows=2 most=9',
    ])
    run.advance([END])
    t.strictSame(run.keysOf(...SESSION_FOLD_TABLES.slice(0, 4)), [])
  }
})

t.test('a row that is taken back in an epoch before it comes is in no session', async (t) => {
  for (const others of [
    [],
    [update(event(4, 'k', 2), 2)],
    [update(event(4, 'k', 2), 2), update(event(7, 'k', 3), 3)],
  ]) {
    const run = windowed(session(3), { emit: 'eager', bound: 20 }, SPARSE)
    const row = update(event(5, 'k', 9), 1)
    run.push(batchOf(Event, [{ ...row, diff: -1 }]))
    run.advance([0])
    if (others.length > 0) run.push(batchOf(Event, others))
    run.advance([0])
    const before = linesOf(run.emitted)
    await run.reopen()
    run.push(batchOf(Event, [row]))
    run.advance([0])
    t.strictSame(linesOf(run.emitted), before, `${others.length} others`)
    run.push(batchOf(Event, [update(event(6, 'k', 8), 4)]))
    run.advance([END])
    t.match(linesOf(run.emitted).at(-1), `rows=${others.length + 1} most=8`)
  }
})

t.test('a session that goes on is taken back and said again', (t) => {
  const run = windowed(session(3), { bound: 20 }, SPARSE)
  run.push(batchOf(Event, [update(event(1, 'a', 1))]))
  run.advance([5])
  run.push(batchOf(Event, [update(event(4, 'a', 2), 1)]))
  run.advance([5])
  run.advance([8])
  t.strictSame(said(run), ['+ key=a 1..2 rows=1 most=1', '- key=a 1..2 rows=1 most=1', '+ key=a 1..5 rows=2 most=2'])
  t.end()
})

const row = fc.record(
  { at: fc.nat(30), key: fc.option(fc.constantFrom('a', 'b')), n: fc.option(fc.integer({ min: -2, max: 2 })) },
  { noNullPrototype: true },
)
const action = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.array(row, { minLength: 1, maxLength: 4 }).map((rows) => ({ kind: 'push' as const, rows })),
  },
  { weight: 2, arbitrary: fc.nat(20).map((which) => ({ kind: 'take back' as const, which })) },
  ...passing,
)
const windows: readonly AnyWindow[] = [
  tumbling(7),
  hopping(9, 4, { offset: 3 }),
  cumulating(12, 4),
  tumbling(5, { lookback: 6 }),
  session(1),
  session(4),
]

t.test('random histories come to what brute force says', async () => {
  const setup = fc.record({
    window: fc.constantFrom(...windows),
    emit: fc.constantFrom('final' as const, 'eager' as const),
    bound: fc.constantFrom(0, 5, 40),
  })
  await fc.assert(
    fc.asyncProperty(setup, fc.array(action, { maxLength: 40 }), async ({ window, emit, bound }, actions) => {
      const run = windowed(window, { emit, bound })
      const output = windowSchema(anySchema(Event), ['key'], AGGREGATES)
      let watermark = -20
      let seq = 0
      let rows: ReturnType<typeof update>[] = []
      const waits = isSession(window) ? window.gap : window.lookback
      const check = () => {
        const live = rows.map((one): OracleRow => one.row)
        const oracle = { ...window, time: 'at', keys: ['key'], aggregates: ORACLE } as never
        const all = isSession(window) ? sessionsOf(live, oracle) : windowsOf(live, oracle)
        const expected = all.filter((one) => emit === 'eager' || (one.window_end as number) + waits <= watermark)
        deepStrictEqual(
          linesOf(run.emitted),
          linesOf([
            batchOf(
              output,
              expected.map((one) => ({ row: one as never })),
            ),
          ]),
        )
      }
      for (const act of actions) {
        if (act.kind === 'push') {
          const late = act.rows.map((one) => ({ ...one, at: Math.max(one.at, watermark - bound) }))
          const added = late.map((one) => update(one, seq++))
          rows.push(...added)
          run.push(batchOf(Event, added))
          run.advance([watermark])
        } else if (act.kind === 'take back') {
          const open = rows.filter((one) => one.row.at >= watermark - bound)
          if (open.length === 0) continue
          const gone = open[act.which % open.length]!
          rows = rows.filter((one) => one !== gone)
          run.push(batchOf(Event, [{ ...gone, diff: -1 }]))
          run.advance([watermark])
        } else if (act.kind === 'advance') {
          watermark += act.by
          run.advance([watermark], act.budget)
        } else if (act.kind === 'flush') await run.flush(act.store)
        else if (act.kind === 'reopen') await run.reopen(act.store)
        else await run.crash()
        check()
      }
      watermark = END
      run.advance([END])
      check()
      deepStrictEqual(run.keysOf('groups', 'members', 'sessions', 'rows', 'due'), [])
    }),
    { numRuns: runs(300) },
  )
})
