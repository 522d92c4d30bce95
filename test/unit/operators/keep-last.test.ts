import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { KeepLast } from '../../../src/operators/keep-last.ts'
import type { Emission } from '../../../src/operators/window.ts'
import { eventTime, float, int, optional, schema, string } from '../../../src/records/schema.ts'
import { foldOf, type OracleUpdate } from '../../oracle/folds.ts'
import { anySchema, batchOf, linesOf, originOf, passing, Recorder, runs, updatesOf } from './support.ts'

const END = Number.POSITIVE_INFINITY
const Event = schema({
  at: eventTime(),
  key: optional(string()),
  part: int(),
  n: optional(int()),
  x: optional(float()),
})
const event = (at: number, key: string | null, n: number | null = null, x: number | null = null, part = 1) => ({
  ...{ at, key, part, n, x },
})
const update = (row: ReturnType<typeof event>, seq = 0) => ({ row, origin: originOf(1, seq) })

interface Setup {
  readonly emit?: Emission
  readonly bound?: number
  readonly keys?: readonly string[]
  readonly origin?: Uint8Array | null
}

function kept({ emit = 'eager', bound = 0, keys = ['key'], origin = null }: Setup = {}): Recorder {
  const input = anySchema(Event)
  const results = input.names.filter((name) => name !== 'at' && !keys.includes(name))
  const plan = { input, output: input, keys, results, emit, bound, origin }
  return new Recorder((context) => new KeepLast(plan, context))
}

t.test('a row holds from its time on; one that comes between takes its place in the history', async (t) => {
  for (const reopen of [false, true]) {
    const run = kept({ bound: 10 })
    run.push(batchOf(Event, [update(event(5, 'a', 1)), update(event(9, 'a', 2))]))
    run.advance([9])
    t.strictSame(updatesOf(run.emitted), [
      '+ at=5 key=a part=1 n=1 x=null',
      '- at=9 key=a part=1 n=1 x=null',
      '+ at=9 key=a part=1 n=2 x=null',
    ])
    if (reopen) await run.reopen()
    run.push(batchOf(Event, [update(event(7, 'a', 3))]))
    run.advance([9])
    t.strictSame(updatesOf(run.emitted).slice(3), [
      '- at=7 key=a part=1 n=1 x=null',
      '+ at=7 key=a part=1 n=3 x=null',
      '+ at=9 key=a part=1 n=1 x=null',
      '- at=9 key=a part=1 n=3 x=null',
    ])
  }
})

t.test('of rows of one time the highest origin is the latest, in whatever order they came', async (t) => {
  for (const emit of ['final', 'eager'] as const) {
    for (const order of [
      [0, 1, 2],
      [2, 0, 1],
      [1, 2, 0],
    ]) {
      const run = kept({ emit })
      for (const seq of order) {
        run.push(batchOf(Event, [update(event(5, 'a', seq), seq)]))
        await run.reopen()
      }
      run.advance([END], 1)
      t.strictSame(linesOf(run.emitted), ['at=5 key=a part=1 n=2 x=null'])
    }
  }
})

t.test('with final nothing is said before the watermark has passed it, and then once, in order', async (t) => {
  const run = kept({ emit: 'final' })
  run.push(batchOf(Event, [update(event(5, 'a', 2)), update(event(3, 'a', 1)), update(event(9, 'b'))]))
  run.advance([5])
  t.strictSame(updatesOf(run.emitted), ['+ at=3 key=a part=1 n=1 x=null'])
  await run.reopen()
  run.push(batchOf(Event, [update(event(6, 'a', 3)), update(event(5, 'a', 4), 1)]))
  run.advance([END], 100)
  t.strictSame(updatesOf(run.emitted).slice(1, 7), [
    ...['- at=5 key=a part=1 n=1 x=null', '+ at=5 key=a part=1 n=2 x=null'],
    ...['- at=5 key=a part=1 n=2 x=null', '+ at=5 key=a part=1 n=4 x=null'],
    ...['- at=6 key=a part=1 n=4 x=null', '+ at=6 key=a part=1 n=3 x=null'],
  ])
})

t.test('a row with the values of the one before says nothing', (t) => {
  const run = kept()
  run.push(batchOf(Event, [update(event(1, 'a', 1, Number.NaN)), update(event(2, 'a', 1, Number.NaN), 1)]))
  run.advance([END])
  t.strictSame(updatesOf(run.emitted), ['+ at=1 key=a part=1 n=1 x=NaN'])
  t.end()
})

const row = fc.record({
  ahead: fc.integer({ min: 0, max: 14 }),
  key: fc.constantFrom('a', 'b', '', 'a\0', null),
  part: fc.constantFrom(1, 2),
  n: fc.option(fc.integer({ min: -2, max: 2 }), { freq: 4 }),
  x: fc.option(fc.constantFrom(0.1, -0, 0, Number.NaN, 1e300), { freq: 4 }),
})
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('push' as const),
      rows: fc.array(row, { minLength: 1, maxLength: 6 }),
    }),
  },
  ...passing,
)
const setup = fc.record({
  emit: fc.constantFrom('final' as const, 'eager' as const),
  bound: fc.constantFrom(0, 0, 3, 10, 30),
  keys: fc.constantFrom(['key'], ['part'], ['key', 'part'], []),
  withOrigin: fc.boolean(),
})

t.test('random histories come to what brute force says', async () => {
  await fc.assert(
    fc.asyncProperty(setup, fc.array(action, { maxLength: 40 }), async ({ withOrigin, ...one }, actions) => {
      const { emit, bound, keys } = one
      const run = kept({ ...one, origin: withOrigin ? Uint8Array.of(1) : null })
      const fold = { which: 'latest' as const, by: [], limit: 1 }
      const expected = (updates: readonly OracleUpdate[]) =>
        linesOf([batchOf(Event, foldOf(updates, { time: 'at', keys, fold }) as never)])
      let watermark = -20
      let seq = 0
      let updates: OracleUpdate[] = []
      const check = () => {
        const said = updates.filter(({ row }) => emit === 'eager' || (row.at as number) < watermark)
        deepStrictEqual(linesOf(run.emitted), expected(said))
      }
      for (const act of actions) {
        if (act.kind === 'push') {
          // While something is due no batch comes.
          run.advance([watermark])
          const added = act.rows.map(({ ahead, ...rest }) => ({
            ...update({ at: watermark - bound + ahead, ...rest }, seq++),
            diff: 1,
          }))
          run.push(batchOf(Event, added))
          updates = [...updates, ...added]
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
