import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Aggregation } from '../../../src/operators/aggregation.ts'
import { type Emission, hopping, tumbling, type Window } from '../../../src/operators/window.ts'
import { WindowAggregate } from '../../../src/operators/window-aggregate.ts'
import { windowSchema } from '../../../src/operators/window-output.ts'
import { bool, eventTime, float, int, optional, schema, string } from '../../../src/records/schema.ts'
import { windowsOf } from '../../oracle/windows.ts'
import { anySchema, batchOf, linesOf, linesOfRows, passing, Recorder, rowsOf, runs, updatesOf } from './support.ts'

const END = Number.POSITIVE_INFINITY
const Visit = schema({ at: eventTime(), key: string(), n: optional(int()), x: optional(float()), on: optional(bool()) })
const visit = (at: number, key: string, values: { n?: number; x?: number; on?: boolean } = {}) => ({
  ...{ at, key, n: null, x: null, on: null },
  ...values,
})

interface Setup {
  readonly keys?: readonly string[]
  readonly bound?: number
  readonly origin?: Uint8Array | null
  readonly emit?: Emission
}

function windowed(window: Window, aggregates: Record<string, Aggregation>, options: Setup = {}): Recorder {
  const { keys = ['key'], bound = 0, origin = null, emit = 'final' } = options
  const input = anySchema(Visit)
  const output = windowSchema(input, keys, aggregates)
  const aggregations = Object.values(aggregates)
  return new Recorder(
    (context) => new WindowAggregate({ input, output, keys, window, aggregations, bound, origin, emit }, context),
  )
}

const rows = { rows: { kind: 'count' } } as const

t.test('a row at exactly the end of a window belongs to the next one', async (t) => {
  const run = windowed(tumbling(10), rows)
  run.push(rowsOf(Visit, visit(9, 'a'), visit(10, 'a'), visit(-1, 'a'), visit(0, 'a'), visit(-10, 'a')))
  run.advance([END])
  t.strictSame(updatesOf(run.emitted), [
    '+ key=a window_start=-10 window_end=0 rows=2',
    '+ key=a window_start=0 window_end=10 rows=2',
    '+ key=a window_start=10 window_end=20 rows=1',
  ])
})

t.test('hopping windows overlap, also where the hop does not divide the size', async (t) => {
  for (const flush of [false, true]) {
    const run = windowed(hopping(6, 4), rows)
    run.push(rowsOf(Visit, visit(5, 'a'), visit(7, 'a')))
    if (flush) await run.reopen()
    run.advance([END])
    t.strictSame(updatesOf(run.emitted), [
      '+ key=a window_start=0 window_end=6 rows=1',
      '+ key=a window_start=4 window_end=10 rows=2',
    ])
  }
  const run = windowed(hopping('24h', '1h'), rows)
  run.push(rowsOf(Visit, visit(0, 'a')))
  run.advance([END], 1)
  t.equal(run.emitted.length, 24)
})

t.test('a window comes out when the watermark has reached its end, not before', async (t) => {
  const run = windowed(tumbling(10), rows)
  run.push(rowsOf(Visit, visit(3, 'a')))
  run.advance([9])
  t.equal(run.emitted.length, 0)
  run.advance([10])
  t.strictSame(updatesOf(run.emitted), ['+ key=a window_start=0 window_end=10 rows=1'])
  run.advance([END])
  t.equal(run.emitted.length, 1, 'and once')
})

t.test('a late row within the bound takes back what was said and says what holds now', async (t) => {
  for (const flush of [false, true]) {
    const run = windowed(tumbling(10), rows, { bound: 10 })
    run.push(rowsOf(Visit, visit(3, 'a'), visit(4, 'b')))
    run.advance([12])
    if (flush) await run.reopen()
    const before = run.emitted.length
    run.push(rowsOf(Visit, visit(9, 'a'), visit(2, 'c'), visit(13, 'a')))
    run.push(rowsOf(Visit, visit(8, 'a')))
    run.advance([12])
    t.strictSame(
      updatesOf(run.emitted.slice(before)),
      [
        '- key=a window_start=0 window_end=10 rows=1',
        '+ key=a window_start=0 window_end=10 rows=3',
        '+ key=c window_start=0 window_end=10 rows=1',
      ],
      'once, however many batches the epoch had',
    )
  }
})

t.test('a late row corrects a window whose other panes are older than the bound', async (t) => {
  for (const flush of [false, true]) {
    const run = windowed(hopping(8, 2), rows, { bound: 4 })
    run.push(rowsOf(Visit, visit(1, 'a')))
    run.advance([10])
    if (flush) await run.reopen()
    run.push(rowsOf(Visit, visit(6, 'a')))
    run.advance([END])
    t.ok(linesOf(run.emitted).includes('key=a window_start=0 window_end=8 rows=2'))
  }
})

t.test('a row that is taken back takes its group along', async (t) => {
  const run = windowed(tumbling(10), { ...rows, sum: { kind: 'sum', column: 'n' } }, { bound: 10 })
  run.push(rowsOf(Visit, visit(1, 'a', { n: 5 }), visit(2, 'b', { n: 7 })))
  run.advance([10])
  run.push(batchOf(Visit, [{ row: visit(1, 'a', { n: 5 }), diff: -1 }]))
  run.advance([10])
  t.strictSame(updatesOf(run.emitted).slice(2), ['- key=a window_start=0 window_end=10 rows=1 sum=5'])
  t.strictSame(linesOf(run.emitted), ['key=b window_start=0 window_end=10 rows=1 sum=7'])
})

t.test(
  'an emission that takes several epochs says each group once, with flushes and late rows in between',
  async (t) => {
    const run = windowed(tumbling(10), rows, { bound: 10 })
    run.push(rowsOf(Visit, ...['e', 'b', 'd', 'a', 'c'].map((key) => visit(1, key))))
    t.equal(run.step([10], 2), false)
    await run.reopen()
    // Behind what is out: a correction. Ahead of it: part of what is still to come.
    run.push(rowsOf(Visit, visit(2, 'a'), visit(2, 'e')))
    t.equal(run.step([10], 2), false)
    await run.crash()
    run.advance([10], 2)
    const of = (key: string, n: number) => `key=${key} window_start=0 window_end=10 rows=${n}`
    t.strictSame(updatesOf(run.emitted), [
      `+ ${of('a', 1)}`,
      `+ ${of('b', 1)}`,
      `- ${of('a', 1)}`,
      `+ ${of('a', 2)}`,
      `+ ${of('c', 1)}`,
      `+ ${of('d', 1)}`,
      `+ ${of('e', 2)}`,
    ])
  },
)

t.test('a late row for a window that was passed over, while a later one is under way, is not lost', (t) => {
  const run = windowed(tumbling(10), rows, { bound: 30 })
  run.push(rowsOf(Visit, visit(21, 'a'), visit(22, 'b')))
  t.equal(run.step([30], 1), false)
  run.push(rowsOf(Visit, visit(11, 'a')))
  run.advance([END])
  t.strictSame(linesOf(run.emitted), [
    'key=a window_start=10 window_end=20 rows=1',
    'key=a window_start=20 window_end=30 rows=1',
    'key=b window_start=20 window_end=30 rows=1',
  ])
  t.end()
})

t.test(
  'groups without rows do not count against the budget, so that a replay pauses where the first run did',
  async (t) => {
    const run = windowed(hopping(2, 1), rows)
    run.push(rowsOf(Visit, visit(0, 'a'), visit(1, 'b')))
    await run.flush('later')
    // From memory a window is made from the one before, in which `a` was; from the store it is read anew.
    run.advance([3], 1)
    await run.crash()
    t.equal(updatesOf(run.emitted).length, 4)

    const other = windowed(tumbling(10), rows)
    other.push(rowsOf(Visit, visit(1, 'a'), visit(1, 'b'), visit(1, 'c')))
    other.push(batchOf(Visit, [{ row: visit(1, 'a'), diff: -1 }]))
    await other.flush('later')
    t.equal(other.step([10], 1), false)
    t.strictSame(updatesOf(other.emitted), ['+ key=b window_start=0 window_end=10 rows=1'])
    t.equal(other.step([10], 1), false, 'the budget is used up')
    t.equal(other.step([10], 1), true)
    await other.crash()
  },
)

const statistics = {
  rows: { kind: 'count' },
  sum: { kind: 'sum', column: 'x' },
  mean: { kind: 'mean', column: 'x' },
  stddev: { kind: 'stddev', column: 'x' },
  min: { kind: 'min', column: 'x' },
  max: { kind: 'max', column: 'x' },
} as const

t.test('nulls are skipped by all but count', async (t) => {
  const run = windowed(tumbling(10), statistics)
  run.push(
    rowsOf(
      Visit,
      visit(1, 'a', { x: 2 }),
      visit(1, 'a'),
      visit(1, 'a', { x: 4 }),
      visit(1, 'a', { x: 9 }),
      visit(1, 'b'),
    ),
  )
  run.advance([END])
  t.strictSame(updatesOf(run.emitted), [
    `+ key=a window_start=0 window_end=10 rows=4 sum=15 mean=5 stddev=${Math.sqrt(26 / 3)} min=2 max=9`,
    '+ key=b window_start=0 window_end=10 rows=1 sum=null mean=null stddev=null min=null max=null',
  ])
})

t.test('the mean of a bool is the share of true, its sum a whole number', async (t) => {
  const run = windowed(tumbling(10), { sum: { kind: 'sum', column: 'on' }, share: { kind: 'mean', column: 'on' } })
  run.push(
    rowsOf(
      Visit,
      visit(1, 'a', { on: true }),
      visit(1, 'a', { on: false }),
      visit(2, 'a'),
      visit(1, 'a', { on: false }),
      visit(1, 'a', { on: false }),
    ),
  )
  run.advance([END])
  t.strictSame(updatesOf(run.emitted), ['+ key=a window_start=0 window_end=10 sum=1 share=0.25'])
})

t.test('the standard deviation is that of the population, without cancellation', async (t) => {
  const run = windowed(tumbling(10), { stddev: { kind: 'stddev', column: 'x' } })
  // Far from 0 the textbook formula in doubles gives 0 or worse.
  run.push(rowsOf(Visit, ...[1, 2, 3, 4].map((x) => visit(1, 'a', { x: x + 1e9 }))))
  run.push(rowsOf(Visit, ...[2, 4, 4, 4, 5, 5, 7, 9].map((x) => visit(1, 'b', { x }))))
  run.push(rowsOf(Visit, visit(1, 'c', { x: 0.1 }), visit(1, 'c', { x: 0.1 })))
  run.advance([END])
  t.strictSame(
    run.emitted.flatMap((batch) => batch.rows().map((row) => row.stddev)),
    [Math.sqrt(1.25), 2, 0],
  )
})

t.test('sums of floats are exact, so that large ones can be taken back', async (t) => {
  const large = [1e16, 3e15 + 1, -1e300]
  const run = windowed(tumbling(10), { sum: { kind: 'sum', column: 'x' } }, { bound: 10 })
  run.push(rowsOf(Visit, visit(1, 'a', { x: 1e-3 }), ...large.map((x) => visit(2, 'a', { x }))))
  run.advance([10])
  t.strictSame(updatesOf(run.emitted), ['+ key=a window_start=0 window_end=10 sum=-1e+300'])
  await run.reopen()
  run.push(
    batchOf(
      Visit,
      large.map((x) => ({ row: visit(2, 'a', { x }), diff: -1 })),
    ),
  )
  run.advance([END])
  t.strictSame(linesOf(run.emitted), ['key=a window_start=0 window_end=10 sum=0.001'])
})

t.test('infinities and NaN can be taken back', async (t) => {
  const odd = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]
  const run = windowed(
    tumbling(10),
    { sum: { kind: 'sum', column: 'x' }, stddev: { kind: 'stddev', column: 'x' } },
    { bound: 10 },
  )
  run.push(rowsOf(Visit, visit(1, 'a', { x: 0.5 }), ...odd.map((x) => visit(2, 'a', { x })), visit(2, 'b', { x: END })))
  await run.reopen()
  run.advance([10])
  t.strictSame(updatesOf(run.emitted), [
    '+ key=a window_start=0 window_end=10 sum=NaN stddev=NaN',
    '+ key=b window_start=0 window_end=10 sum=Infinity stddev=NaN',
  ])
  run.push(
    batchOf(
      Visit,
      odd.map((x) => ({ row: visit(2, 'a', { x }), diff: -1 })),
    ),
  )
  run.advance([10])
  t.equal(updatesOf(run.emitted).at(-1), '+ key=a window_start=0 window_end=10 sum=0.5 stddev=0')
})

t.test('a correction has the origin of the row that it takes back', async (t) => {
  const run = windowed(tumbling(10), rows, { bound: 10, origin: Uint8Array.from([0, 0, 0, 7]) })
  run.push(rowsOf(Visit, visit(3, 'a'), visit(3, 'b')))
  run.advance([10])
  run.push(rowsOf(Visit, visit(4, 'a')))
  run.advance([10])
  const origins = run.emitted.flatMap(({ origins }) =>
    Array.from(origins!.head, (head) => Buffer.from(origins!.heads[head]!).toString('hex')),
  )
  const [a, b] = ['0000000701610000', '0000000701620000']
  t.strictSame(origins, [a, b, a, a])
})

t.test(
  'an eager window says what it knows at the end of each epoch, and nothing anew when it has passed',
  async (t) => {
    for (const flush of [false, true]) {
      const run = windowed(tumbling(10), { ...rows, most: { kind: 'max', column: 'n' } }, { emit: 'eager' })
      run.push(rowsOf(Visit, visit(3, 'a', { n: 5 }), visit(13, 'a', { n: 1 })))
      t.equal(run.emitted.length, 0)
      run.advance([3])
      if (flush) await run.reopen()
      run.push(rowsOf(Visit, visit(4, 'a', { n: 7 })))
      run.push(rowsOf(Visit, visit(5, 'a', { n: 2 }), visit(5, 'b')))
      run.advance([5])
      run.advance([END])
      t.strictSame(updatesOf(run.emitted), [
        '+ key=a window_start=0 window_end=10 rows=1 most=5',
        '+ key=a window_start=10 window_end=20 rows=1 most=1',
        '- key=a window_start=0 window_end=10 rows=1 most=5',
        '+ key=a window_start=0 window_end=10 rows=3 most=7',
        '+ key=b window_start=0 window_end=10 rows=1 most=null',
      ])
    }
  },
)

t.test('what does not change a result is not said again', (t) => {
  for (const emit of ['eager', 'final'] as const) {
    const run = windowed(tumbling(10), { most: { kind: 'max', column: 'n' } }, { emit, bound: 10 })
    run.push(rowsOf(Visit, visit(3, 'a', { n: 5 }), visit(3, 'b')))
    run.advance([10])
    const before = run.emitted.length
    run.push(rowsOf(Visit, visit(4, 'a', { n: 4 }), visit(4, 'a'), visit(3, 'b')))
    run.advance([10])
    t.equal(run.emitted.length, before)
  }
  t.end()
})

t.test('an empty list of keys is one group of everything', async (t) => {
  const run = windowed(tumbling(10), rows, { keys: [] })
  run.push(rowsOf(Visit, visit(3, 'a'), visit(3, 'b')))
  await run.reopen()
  run.push(rowsOf(Visit, visit(3, 'c')))
  run.advance([END])
  t.strictSame(updatesOf(run.emitted), ['+ window_start=0 window_end=10 rows=3'])
})

t.test('a window needs a size and a hop that leave no row out', (t) => {
  t.throws(() => tumbling(0), { code: 'window' })
  t.throws(() => hopping(10, 0), { code: 'window' })
  t.throws(() => hopping('1h', '2h'), {
    code: 'window',
    message: 'the hop 2h is longer than the size 1h: rows between the windows would be lost',
  })
  t.end()
})

// Random histories: what the operator says in the end must be what brute force says of the rows that hold in the end.

const Event = schema({
  at: eventTime(),
  name: optional(string()),
  number: optional(int()),
  id: int(),
  n: optional(int()),
  x: optional(float()),
})
type EventRow = {
  at: number
  id: number
  name: string | null
  number: number | null
  n: number | null
  x: number | null
}

const normal = (x: number) => (Math.abs(x) < 1e-100 ? 0 : x)
const floats = fc.oneof(
  fc.integer({ min: -9, max: 9 }),
  fc.constantFrom(1e-3, 0.1, 0.7, 1e16, 3e15 + 1, -1e16, 1e22, -1e60, 1e-30),
  fc.double({ min: -1e60, max: 1e60, noNaN: true }).map(normal),
)
const row = fc.record({
  ahead: fc.integer({ min: 0, max: 25 }),
  name: fc.constantFrom('a', 'b', 'ä', 'a\0', '', null),
  number: fc.constantFrom(-1, 0, 2 ** 40, null),
  id: fc.constantFrom(-(2 ** 40), -1, 0, 1, 10),
  n: fc.option(fc.integer({ min: -1000, max: 1000 }), { freq: 4 }),
  x: fc.option(floats, { freq: 4 }),
})
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('push' as const),
      rows: fc.array(row, { minLength: 1, maxLength: 6 }),
      back: fc.array(fc.nat(), { maxLength: 2 }),
    }),
  },
  ...passing,
)
const setup = fc.record({
  window: fc.oneof(
    fc.integer({ min: 1, max: 9 }).map((size) => ({ size, hop: size })),
    fc
      .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 12 }))
      .map(([a, b]) => ({ size: Math.max(a, b), hop: Math.min(a, b) })),
  ),
  keys: fc.constantFrom(['name'], ['number'], ['id'], ['id', 'name'], ['name', 'number'], ['number', 'name']),
  bound: fc.constantFrom(0, 0, 3, 10, 30),
  retracts: fc.boolean(),
  withOrigin: fc.boolean(),
  emit: fc.constantFrom('final' as const, 'eager' as const),
})

t.test('random histories come to what brute force says', async () => {
  await fc.assert(
    fc.asyncProperty(
      setup,
      fc.array(action, { maxLength: 40 }),
      async ({ window, keys, bound, retracts, withOrigin, emit }, actions) => {
        const aggregates: Record<string, Aggregation> = {
          rows: { kind: 'count' },
          sum: { kind: 'sum', column: 'x' },
          mean: { kind: 'mean', column: 'x' },
          stddev: { kind: 'stddev', column: 'x' },
          whole: { kind: 'sum', column: 'n' },
          middle: { kind: 'mean', column: 'n' },
          spread: { kind: 'stddev', column: 'n' },
          ...(retracts ? {} : { least: { kind: 'min', column: 'x' }, most: { kind: 'max', column: 'n' } }),
        }
        const input = anySchema(Event)
        const output = windowSchema(input, keys, aggregates)
        const plan = {
          input,
          output,
          keys,
          window: { ...window, offset: 0 },
          aggregations: Object.values(aggregates),
          bound,
          origin: withOrigin ? Uint8Array.of(1) : null,
          emit,
        }
        const run = new Recorder((context) => new WindowAggregate(plan, context))
        let watermark = -20
        let live: EventRow[] = []
        const outcome = {
          ...window,
          time: 'at',
          keys,
          aggregates: Object.fromEntries(
            Object.entries(aggregates).map(([name, { kind, column }]) => [name, [kind, column] as const]),
          ),
        }
        const said = new Map<string, string>()
        let seen = 0
        const check = () => {
          const saidUpTo = emit === 'eager' ? END : run.watermarks[0]!
          for (; seen < run.emitted.length; seen++) checkSaid(said, run.emitted[seen]!, keys, saidUpTo)
        }
        /** What stands at the end of an epoch that left nothing due: all windows that have passed, or all that have rows. */
        const checkStanding = () => {
          const standing = windowsOf(live, outcome).filter(
            ({ window_end }) => emit === 'eager' || (window_end as number) <= watermark,
          )
          deepStrictEqual(linesOf(run.emitted), linesOfRows(output, standing))
        }
        for (const act of actions) {
          if (act.kind === 'push') {
            const added = act.rows.map(({ ahead, ...rest }) => ({ at: watermark - bound + ahead, ...rest }))
            const taken: EventRow[] = []
            for (const nth of retracts ? act.back : []) {
              const open = live.filter((one) => one.at >= watermark - bound && !taken.includes(one))
              if (open.length > 0) taken.push(open[nth % open.length]!)
            }
            live = [...live.filter((one) => !taken.includes(one)), ...added]
            run.push(
              batchOf(Event, [...taken.map((one) => ({ row: one, diff: -1 })), ...added.map((one) => ({ row: one }))]),
            )
          } else if (act.kind === 'advance') {
            watermark += act.by
            const isDone = act.isWhole ? run.advance([watermark], act.budget) > 0 : run.step([watermark], act.budget)
            if (isDone) checkStanding()
          } else if (act.kind === 'crash') await run.crash()
          else await run[act.kind](act.store)
          check()
        }
        run.advance([END], 3)
        check()
        deepStrictEqual(linesOf(run.emitted), linesOfRows(output, windowsOf(live, outcome)))
      },
    ),
    { numRuns: runs(400) },
  )
})

/** A group is said when its window's end is at or below `upTo`; a retraction takes back exactly what was said last. */
function checkSaid(
  said: Map<string, string>,
  batch: Parameters<typeof updatesOf>[0] extends Iterable<infer B> ? B : never,
  keys: readonly string[],
  upTo: number,
): void {
  batch.rows().forEach((row, i) => {
    const group = JSON.stringify([row.window_end, ...keys.map((key) => row[key])])
    const text = JSON.stringify(row)
    if ((row.window_end as number) > upTo) throw new Error(`${text} came at ${upTo}`)
    if (batch.diff(i) > 0) {
      if (said.has(group)) throw new Error(`${text} while ${said.get(group)} stands`)
      said.set(group, text)
    } else {
      if (said.get(group) !== text) throw new Error(`${text} taken back while ${said.get(group)} stands`)
      said.delete(group)
    }
  })
}

t.test(
  'emission pauses at bytes as it does at rows, behind the same key from memory and from stored runs',
  async (t) => {
    const wide = (i: number) => String(i).padStart(3, '0').padEnd(1000, '.')
    const slices = async (flushes: number): Promise<number[][]> => {
      const run = windowed(tumbling(10), rows)
      for (let f = 0; f <= flushes; f++) {
        run.push(rowsOf(Visit, ...Array.from({ length: 20 }, (_, i) => visit(1, wide(i)))))
        run.step([0], 1)
        if (f < flushes) await run.flush()
      }
      const counts: number[][] = []
      for (let isDone = false; !isDone; ) {
        const before = run.emitted.length
        isDone = run.step([END], 1000, 3500)
        counts.push(
          run.emitted.slice(before).flatMap((batch) => batch.rows().map(({ key }) => Number.parseInt(`${key}`, 10))),
        )
      }
      return counts
    }
    const expected = [0, 4, 8, 12, 16].map((from) => [from, from + 1, from + 2, from + 3])
    for (const flushes of [0, 1, 10])
      t.strictSame(
        (await slices(flushes)).filter(({ length }) => length > 0),
        expected,
      )
  },
)

t.test('a group that is wider than the budget is emitted alone', async (t) => {
  const run = windowed(tumbling(10), rows)
  run.push(rowsOf(Visit, visit(1, 'a'.repeat(5000)), visit(1, 'b'.repeat(5000))))
  t.equal(run.step([END], 1000, 100), false)
  t.equal(
    run.emitted.reduce((sum, { length }) => sum + length, 0),
    1,
  )
  t.equal(run.advance([END], 1000, 100) > 0, true)
  t.equal(
    run.emitted.reduce((sum, { length }) => sum + length, 0),
    2,
  )
})
