import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { ActorDefinition } from '../../../src/operators/actor-definition.ts'
import { ActorOperator } from '../../../src/operators/actor-operator.ts'
import type { OperatorContext } from '../../../src/operators/operator.ts'
import { eventTime, int, optional, schema, string } from '../../../src/records/schema.ts'
import { anySchema, batchOf, originOf, Recorder, rowsOf, runs, updatesOf } from './support.ts'

const END = Number.POSITIVE_INFINITY
const Click = schema({ at: eventTime(), user: optional(string()), n: int() })
const Note = schema({ at: eventTime(), user: optional(string()), text: string() })
const click = (at: number, user: string | null, n = 0) => ({ at, user, n })
/** A row with an origin that ends in its number. */
const from = (row: ReturnType<typeof click>, diff = 1) => ({ row, diff, origin: originOf(1, row.n) })

interface Outside {
  readonly inputBound?: number
  readonly clock?: () => number
  readonly random?: () => number
}

function acting(definition: Partial<ActorDefinition>, outside: Outside = {}): Recorder {
  const { inputBound = 0, clock = () => 0, random = () => 0 } = outside
  const whole: ActorDefinition = {
    output: anySchema(Note),
    order: 'event-time',
    bound: 0,
    onRow: () => {},
    ...definition,
  }
  return new Recorder(
    (context) =>
      new ActorOperator(
        {
          input: anySchema(Click),
          keys: ['user'],
          definition: whole,
          inputBound,
          origin: Uint8Array.of(7),
          clock,
          random,
        },
        context,
      ),
  )
}

/** `time text` of each emitted row. */
const texts = (run: Recorder): string[] =>
  run.emitted.flatMap((batch) => batch.rows().map(({ at, text }, i) => `${batch.diff(i) < 0 ? '-' : ''}${at} ${text}`))

const echo: ActorDefinition['onRow'] = (row, context) =>
  context.emit({ at: context.time, user: row.user as string, text: `${row.user}${row.n}` })

t.test('rows come in order of time and origin, whatever their arrival', async (t) => {
  const run = acting({ onRow: echo }, { inputBound: 5 })
  run.push(batchOf(Click, [from(click(7, 'a', 3)), from(click(4, 'b', 2)), from(click(7, 'a', 1))]))
  run.push(batchOf(Click, [from(click(4, 'a', 9)), from(click(3, 'a', 4)), from(click(12, 'a', 5))]))
  run.advance([9], 1)
  t.strictSame(texts(run), ['3 a4'], 'rows at 4 can still be joined by others')
  await run.reopen()
  run.push(batchOf(Click, [from(click(4, 'c', 0))]))
  run.advance([17], 1)
  t.strictSame(texts(run), ['3 a4', '4 c0', '4 b2', '4 a9', '7 a1', '7 a3'])
  run.advance([END], 1)
  t.equal(texts(run).at(-1), '12 a5')
})

t.test('in order of arrival, rows come at once', (t) => {
  const run = acting({ onRow: echo, order: 'arrival', bound: 10 })
  run.push(rowsOf(Click, click(7, 'a', 1), click(3, 'b', 2)))
  t.strictSame(texts(run), ['7 a1', '3 b2'])
  t.end()
})

t.test('timers come after rows of the same time, and then by key', (t) => {
  const run = acting({
    bound: 2,
    onRow: (row, context) => {
      echo(row, context)
      context.setTimer(10)
      context.setTimer(10)
      if (row.n === 3) context.setTimer(8)
    },
    onTimer: (at, context) =>
      context.emit({ at, user: context.key[0]!, text: `timer ${context.key[0]} ${context.diff}` }),
  })
  run.push(
    batchOf(Click, [from(click(1, 'c', 1)), from(click(2, 'a', 2)), from(click(10, 'b', 3)), from(click(11, 'b', 4))]),
  )
  run.advance([10], 1)
  t.strictSame(texts(run), ['1 c1', '2 a2'])
  run.advance([END], 1)
  // The timer at 8 was set at 10: it is due at once, before those at 10.
  t.strictSame(texts(run).slice(2), [
    '10 b3',
    '8 timer b 1',
    '10 timer a 1',
    '10 timer b 1',
    '10 timer c 1',
    '11 b4',
    '10 timer b 1',
  ])
  t.end()
})

t.test('a timer can be cleared, and can set others that are due', (t) => {
  const run = acting({
    bound: 100,
    onRow: (row, context) => {
      context.setTimer(row.n as number)
      context.setTimer(20)
      context.clearTimer(20)
    },
    onTimer: (at, context) => {
      context.emit({ at, user: context.key[0]!, text: `${context.key[0]}` })
      if (at < 14) context.setTimer(at + 5)
    },
  })
  run.push(batchOf(Click, [from(click(1, 'b', 5)), from(click(2, 'a', 5))]))
  run.advance([30], 1)
  t.strictSame(texts(run), ['5 a', '5 b', '10 a', '10 b', '15 a', '15 b'])
  t.end()
})

t.test('a timer needs a finite time', (t) => {
  const run = acting({ onRow: (_, context) => context.setTimer(END) })
  run.push(batchOf(Click, [from(click(1, 'a'))]))
  t.throws(() => run.advance([5]), {
    kind: 'user',
    code: 'timer',
    message: 'a timer needs a finite time, got Infinity',
  })
  t.end()
})

t.test('a function that is async is told so: what it does later is in no epoch', (t) => {
  const run = acting({ onRow: (async () => Promise.reject(new Error('later'))) as never })
  run.push(batchOf(Click, [from(click(1, 'a'))]))
  t.throws(() => run.advance([5]), { message: /it gave a promise: the functions of an actor are not async/ })
  t.end()
})

t.test('state belongs to the key and outlives flush, reopening and crash', async (t) => {
  const run = acting({
    onRow: (row, context) => {
      const list = [...(context.get<number[]>('list') ?? []), row.n as number]
      if (list.length === 3) context.delete('list')
      else context.set('list', list)
      context.set('other', null)
      context.emit({ at: context.time, user: row.user as string, text: `${context.key[0]}: ${list}` })
    },
  })
  const push = (at: number, user: string | null, n: number) => {
    run.push(batchOf(Click, [from(click(at, user, n))]))
    run.advance([at + 1], 1)
  }
  push(1, 'a', 1)
  await run.reopen()
  push(2, 'b', 2)
  push(3, 'a', 3)
  await run.crash()
  push(4, null, 4)
  await run.flush('later')
  push(5, 'a', 5)
  await run.crash()
  push(6, 'a', 6)
  t.strictSame(texts(run), ['1 a: 1', '2 b: 2', '3 a: 1,3', '4 null: 4', '5 a: 1,3,5', '6 a: 6'])
})

t.test('keys that begin alike keep their states apart', (t) => {
  const run = acting({
    onRow: (row, context) => {
      const name = row.n === 0 ? 'x' : 'x\0'
      const before = context.get<string>(name) ?? 'none'
      context.set(name, `${row.user}`)
      context.emit({ at: context.time, user: null, text: before })
    },
  })
  run.push(
    batchOf(Click, [
      from(click(1, 'a', 0)),
      from(click(2, 'a\0', 0)),
      from(click(3, '', 0)),
      from(click(4, 'a', 1)),
      from(click(5, 'a', 0)),
    ]),
  )
  run.advance([END])
  t.strictSame(
    texts(run).map((line) => line.slice(2)),
    ['none', 'none', 'none', 'none', 'a'],
  )
  t.end()
})

t.test('an emission behind the bound is refused, and the message names the remedy', (t) => {
  const late = (bound: number, at: number) => {
    const run = acting(
      { bound, onRow: (row, context) => context.emit({ at, user: row.user as string, text: '' }) },
      { inputBound: 3 },
    )
    run.advance([20])
    run.push(batchOf(Click, [from(click(18, 'a'))]))
    run.advance([30])
    return run.emitted.length
  }
  t.equal(late(0, 17), 1, 'the bound of the input is added')
  t.equal(late(7, 10), 1)
  for (const [bound, at] of [
    [0, 16],
    [7, 9],
  ] as const) {
    t.throws(() => late(bound, at), {
      kind: 'user',
      code: 'bound',
      message: `an actor emitted a row at ${at}, more than its bound behind the watermark 20: declare a larger bound`,
    })
  }
  t.end()
})

t.test('what one watermark has made due may be emitted though it takes several epochs and a restart', async (t) => {
  const told: number[] = []
  for (const again of ['reopen', 'crash'] as const) {
    const run = acting({ onRow: echo, onWatermark: (watermark) => told.push(watermark) })
    run.push(
      batchOf(
        Click,
        [1, 2, 3, 4].map((at) => from(click(at, 'a', at))),
      ),
    )
    run.advance([1])
    t.equal(run.step([10], 2), false)
    await run[again]()
    run.advance([10], 2)
    t.strictSame(texts(run), ['1 a1', '2 a2', '3 a3', '4 a4'])
    await run.reopen()
    const before = told.length
    run.advance([10])
    t.equal(told.length, before, 'a watermark is told once')
    t.throws(
      () => {
        run.push(batchOf(Click, [from(click(9, 'a', 9))]))
        run.advance([12])
      },
      { code: 'bound' },
    )
  }
  t.strictSame(told.filter((watermark) => watermark === 10).length, 2)
})

t.test('an emitted row must be of the output schema', (t) => {
  const run = acting({ onRow: (_, context) => context.emit({ at: 1, user: null, text: 5 }) })
  run.push(batchOf(Click, [from(click(1, 'a'))]))
  t.throws(() => run.advance([5]), { kind: 'record', code: 'type', message: /'text' must be string, got 5/ })
  t.end()
})

t.test('the watermark callback is told when time has moved, and may neither emit nor write', async (t) => {
  const told: number[] = []
  const run = acting({ onWatermark: (watermark) => told.push(watermark) })
  run.advance([5])
  run.advance([5])
  await run.reopen()
  run.advance([5])
  run.advance([9])
  t.strictSame(told, [5, 9])
  const tries = {
    emit: (context: ActorHandle) => context.emit({ at: 9, user: null, text: '' }),
    set: (context: ActorHandle) => context.set('a', 1),
    delete: (context: ActorHandle) => context.delete('a'),
    setTimer: (context: ActorHandle) => context.setTimer(1),
    clearTimer: (context: ActorHandle) => context.clearTimer(1),
  }
  for (const [name, use] of Object.entries(tries)) {
    let kept!: ActorHandle
    const other = acting({ onRow: (_, context) => void (kept = context), onWatermark: () => use(kept) })
    other.push(batchOf(Click, [from(click(1, 'a'))]))
    t.throws(() => other.advance([9]), {
      kind: 'user',
      code: 'actor',
      message: `${name} may only be called while a row or a timer is being handled`,
    })
  }
})
type ActorHandle = Parameters<ActorDefinition['onRow']>[1]

t.test('retractions come with their diff, and rows can be taken back', (t) => {
  const run = acting({
    onRow: (row, context) => context.emit({ at: context.time, user: null, text: `${row.n}` }, context.diff as 1 | -1),
  })
  run.push(batchOf(Click, [from(click(1, 'a', 1)), from(click(2, 'a', 2)), from(click(1, 'a', 1), -1)]))
  run.advance([1])
  // Of one time and origin, in whatever order: nothing. A row that stands, and one taken back that was never there, do.
  const of = (n: number, diff: number) => ({ row: click(3, 'a', n), diff, origin: originOf(3) })
  run.push(batchOf(Click, [of(4, -1), of(5, 1), of(6, 1), of(7, -1), of(6, 1)]))
  run.push(batchOf(Click, [of(5, -1), of(4, 1)]))
  run.advance([END])
  t.strictSame(texts(run), ['2 2', '3 6', '3 6', '-3 7'])
  t.end()
})

t.test('a row that is corrected before its time has come is seen once, as it is in the end', async (t) => {
  for (const again of ['none', 'reopen', 'crash'] as const) {
    const run = acting(
      {
        onRow: (row, context) =>
          context.emit({ at: context.time, user: null, text: `${row.n}` }, context.diff as 1 | -1),
      },
      { inputBound: 10 },
    )
    const origin = originOf(5)
    const update = (at: number, n: number, diff: number) => ({ row: click(at, 'a', n), diff, origin })
    // The first batch reaches further than those that correct it, as a window's output and its corrections do.
    run.push(batchOf(Click, [update(5, 1, 1), from(click(4, 'a', 7)), from(click(9, 'a', 8)), from(click(12, 'a', 9))]))
    run.push(batchOf(Click, [update(5, 1, -1), update(5, 2, 1), from(click(6, 'b', 10))]))
    run.step([15], 1)
    run.push(batchOf(Click, [update(5, 2, -1), update(5, 3, 1)]))
    if (again !== 'none') await run[again]()
    run.step([16], 1)
    run.step([16], 2)
    if (again !== 'none') await run[again]()
    run.advance([END], 1)
    t.strictSame(texts(run), ['4 7', '5 3', '6 10', '9 8', '12 9'])
  }
})

t.test('each emitted row has an origin of its own, that follows from its cause', (t) => {
  const run = acting({
    onRow: (row, context) => {
      for (const text of ['x', 'y']) context.emit({ at: context.time, user: null, text })
      context.setTimer(row.n as number)
    },
    onTimer: (at, context) => context.emit({ at, user: null, text: 'timer' }),
  })
  run.push(batchOf(Click, [from(click(1, 'a', 5)), from(click(2, 'b', 6))]))
  run.advance([END])
  const origins = run.emitted.flatMap(({ origins }) =>
    Array.from(origins!.head, (head, i) => `${Buffer.from(origins!.heads[head]!).toString('hex')}/${origins!.seq[i]}`),
  )
  t.equal(new Set(origins).size, 6)
  t.strictSame(
    origins.slice(0, 2).map((origin) => origin.split('/')[1]),
    ['0', '1'],
  )
  t.end()
})

t.test('the clock and randomness are asked once; a replay sees the same answers', async (t) => {
  let asked = 0
  const run = acting(
    {
      onRow: (row, context) =>
        context.emit({ at: context.time, user: row.user as string, text: `${context.now()} ${context.random()}` }),
    },
    { clock: () => 1000 + ++asked, random: () => ++asked / 100 },
  )
  run.push(batchOf(Click, [from(click(1, 'a', 1)), from(click(2, 'a', 2))]))
  run.advance([2])
  await run.flush('later')
  run.advance([3])
  await run.crash()
  run.push(batchOf(Click, [from(click(3, 'a', 3))]))
  run.advance([4])
  t.strictSame(texts(run), ['1 1001 0.02', '2 1003 0.04', '3 1005 0.06'])
  t.equal(asked, 6)
})

const action = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('push' as const),
      rows: fc.array(fc.tuple(fc.nat(20), fc.constantFrom('a', 'b', null), fc.nat(255)), {
        minLength: 1,
        maxLength: 5,
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      by: fc.nat(8),
      budget: fc.integer({ min: 1, max: 4 }),
      isWhole: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('flush' as const, 'reopen' as const),
      store: fc.constantFrom('now' as const, 'later' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
)

t.test('random arrivals: every key sees its rows and timers in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(0, 3, 10), fc.array(action, { maxLength: 30 }), async (inputBound, actions) => {
      const run = acting(
        {
          onRow: (row, context) => {
            const count = (context.get<number>('count') ?? 0) + 1
            context.set('count', count)
            context.setTimer(context.time + 4)
            context.emit({ at: context.time, user: row.user as string, text: `row ${row.n} is number ${count}` })
          },
          onTimer: (at, context) =>
            context.emit({ at, user: context.key[0]!, text: `timer at ${context.get('count')}` }),
        },
        { inputBound },
      )
      let watermark = -20
      const all: { at: number; user: string | null; n: number; head: number }[] = []
      for (const act of actions) {
        if (act.kind === 'push') {
          const added = act.rows.map(([ahead, user, head], i) => ({
            at: watermark - inputBound + ahead,
            user,
            n: all.length + i,
            head,
          }))
          all.push(...added)
          run.push(
            batchOf(
              Click,
              added.map(({ head, ...row }) => ({ row, origin: originOf(head, row.n) })),
            ),
          )
        } else if (act.kind === 'advance') {
          watermark += act.by
          if (act.isWhole) run.advance([watermark], act.budget)
          else run.step([watermark], act.budget)
        } else if (act.kind === 'crash') await run.crash()
        else await run[act.kind](act.store)
      }
      run.advance([END], 3)
      deepStrictEqual(updatesOf(run.emitted), expected(all))
    }),
    { numRuns: runs(300) },
  )
})

/** Rows by (time, origin); before each, the timers before it; timers by (time, key). */
function expected(rows: readonly { at: number; user: string | null; n: number; head: number }[]): string[] {
  const sorted = [...rows].sort((a, b) => a.at - b.at || a.head - b.head || a.n - b.n)
  const counts = new Map<string | null, number>()
  let timers: { at: number; user: string | null }[] = []
  const said: string[] = []
  const fire = (until: number) => {
    const due = timers.filter(({ at }) => at < until)
    timers = timers.filter(({ at }) => at >= until)
    due.sort(
      (a, b) =>
        a.at - b.at || (a.user === b.user ? 0 : a.user === null || (b.user !== null && a.user < b.user) ? -1 : 1),
    )
    for (const { at, user } of due) said.push(`+ at=${at} user=${user} text=timer at ${counts.get(user)}`)
  }
  for (const { at, user, n } of sorted) {
    fire(at)
    counts.set(user, (counts.get(user) ?? 0) + 1)
    if (!timers.some((timer) => timer.at === at + 4 && timer.user === user)) timers.push({ at: at + 4, user })
    said.push(`+ at=${at} user=${user} text=row ${n} is number ${counts.get(user)}`)
  }
  fire(END)
  return said
}

t.test('a row that is refused has done nothing, whatever of it was written, now or in a replay', async (t) => {
  const refused: number[] = []
  const definition: ActorDefinition = {
    output: anySchema(Note),
    order: 'arrival',
    bound: 0,
    onRow(row, context) {
      const before = context.get<number>('n') ?? 0
      context.set('n', row.n)
      context.set('n', (row.n as number) + 1)
      context.set('other', before)
      context.setTimer(50)
      context.clearTimer(60)
      if (row.n === 1) context.setTimer(60)
      context.emit({ at: context.time, user: row.user as string, text: `${before}` })
      if ((row.n as number) < 0) throw new Error('negative')
    },
    onTimer(at, context) {
      context.emit({ at, user: 'timer', text: `${at}` })
    },
  }
  const plan = { input: anySchema(Click), keys: ['user'], definition, inputBound: 0, origin: new Uint8Array(4) }
  const clock = () => 0
  const make = (context: OperatorContext) => new ActorOperator({ ...plan, clock, random: clock }, context)
  const recorder = new Recorder(make, 1, { call() {}, refuse: ({ at }) => refused.push(at), mayRefuse: true })
  recorder.push(
    batchOf(
      Click,
      [1, -2, 3].map((n, i) => ({ row: click(10 + i, 'ann', n), origin: originOf(1, i) })),
    ),
  )
  recorder.push(rowsOf(Click, click(20, 'bob', -1)))
  await recorder.crash()
  recorder.advance([100])
  t.strictSame(updatesOf(recorder.emitted), [
    '+ at=10 user=ann text=0',
    '+ at=12 user=ann text=2',
    '+ at=50 user=timer text=50',
  ])
  t.strictSame(refused.slice(0, 2), [11, 20])
  t.equal(refused.length, 4, 'refused again in the replay')
})
