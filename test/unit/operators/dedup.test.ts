import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Dedup, type DedupPlan } from '../../../src/operators/dedup.ts'
import { eventTime, int, optional, schema, string } from '../../../src/records/schema.ts'
import { dedupOf } from '../../oracle/dedup.ts'
import type { OracleUpdate } from '../../oracle/folds.ts'
import { anySchema, batchOf, linesOf, originOf, passing, Recorder, runs, updatesOf } from './support.ts'

const END = Number.POSITIVE_INFINITY
const Event = schema({ at: eventTime(), key: optional(string()), n: optional(int()) })
const event = (at: number, key: string | null, n: number | null = null) => ({ at, key, n })
const update = (row: ReturnType<typeof event>, seq = 0, diff = 1) => ({
  row,
  diff,
  origin: originOf(1 + (seq >> 8), seq % 256),
})

const deduped = (options: Partial<DedupPlan> = {}) => {
  const plan: DedupPlan = {
    ...{ schema: anySchema(Event), keys: ['key'], span: 10, emit: 'final', bound: 0, retracts: false },
    ...options,
  }
  return new Recorder((context) => new Dedup(plan, context))
}

t.test('of a span the latest row is left, said when the watermark has passed it', async (t) => {
  for (const reopen of [false, true]) {
    const run = deduped()
    run.push(batchOf(Event, [update(event(3, 'a', 1)), update(event(9, 'a', 2), 1), update(event(10, 'a', 3), 2)]))
    run.push(batchOf(Event, [update(event(5, 'a', 4), 3), update(event(2, 'b', 5), 4)]))
    run.advance([9])
    t.same(updatesOf(run.emitted), [])
    if (reopen) await run.reopen()
    run.advance([10], 1)
    t.same(updatesOf(run.emitted), ['+ at=9 key=a n=2', '+ at=2 key=b n=5'])
    run.advance([END])
    t.same(updatesOf(run.emitted).slice(2), ['+ at=10 key=a n=3'])
  }
})

t.test('a late row takes the place of what was said, if it is a better one', async (t) => {
  const run = deduped({ bound: 10 })
  run.push(batchOf(Event, [update(event(5, 'a', 1), 1)]))
  run.advance([12])
  await run.reopen()
  run.push(batchOf(Event, [update(event(4, 'a', 2), 2)]))
  run.advance([12])
  run.push(batchOf(Event, [update(event(8, 'a', 3), 3), update(event(8, 'a', 4), 4)]))
  run.advance([12])
  t.same(updatesOf(run.emitted), ['+ at=5 key=a n=1', '- at=5 key=a n=1', '+ at=8 key=a n=4'])
})

t.test('before time has begun nothing is said, and nothing let go', async (t) => {
  for (const emit of ['final', 'eager'] as const) {
    const run = deduped({ bound: 4, emit })
    run.push(batchOf(Event, [update(event(13, 'a', 1), 1)]))
    run.advance([Number.NEGATIVE_INFINITY])
    t.equal(run.emitted.length, emit === 'eager' ? 1 : 0)
    run.push(batchOf(Event, [update(event(13, 'a', 2), 2)]))
    run.advance([END])
    t.same(linesOf(run.emitted), ['at=13 key=a n=2'])
  }
})

t.test('what is taken back reveals the next', async (t) => {
  const run = deduped({ bound: 10, retracts: true, emit: 'eager' })
  run.push(batchOf(Event, [update(event(5, 'a', 1), 1), update(event(6, 'a', 2), 2)]))
  run.advance([0])
  await run.reopen()
  run.push(batchOf(Event, [update(event(6, 'a', 2), 2, -1)]))
  run.advance([0])
  t.same(updatesOf(run.emitted), ['+ at=6 key=a n=2', '- at=6 key=a n=2', '+ at=5 key=a n=1'])
  run.advance([30])
  await run.flush()
  t.same(run.keysOf('groups', 'alike'), [], 'and nothing is kept when nothing can come')
})

const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('push' as const),
      rows: fc.array(
        fc.record({
          ahead: fc.integer({ min: 0, max: 14 }),
          key: fc.constantFrom('a', 'b', null),
          n: fc.constantFrom(1, 2, null),
        }),
        { minLength: 1, maxLength: 6 },
      ),
      back: fc.array(fc.nat(), { maxLength: 3 }),
    }),
  },
  ...passing,
)
const setup = fc.record({
  span: fc.constantFrom(0, 1, 5, 12),
  emit: fc.constantFrom('final' as const, 'eager' as const),
  bound: fc.constantFrom(0, 3, 20),
  retracts: fc.boolean(),
  keys: fc.constantFrom(['key'], ['key', 'n']),
})

t.test('random histories come to what brute force says', async () => {
  await fc.assert(
    fc.asyncProperty(setup, fc.array(action, { maxLength: 40 }), async (one, actions) => {
      const { span, emit, bound, retracts, keys } = one
      const run = deduped(one)
      let [watermark, seq] = [-20, 0]
      let live: (OracleUpdate & { row: ReturnType<typeof event> })[] = []
      const check = () => {
        const endOf = (at: number) => (span === 0 ? at + 1 : (Math.floor(at / span) + 1) * span)
        const said = dedupOf(live, { time: 'at', keys, span }).filter(
          ({ row }) => emit === 'eager' || endOf(row.at as number) <= watermark,
        )
        deepStrictEqual(linesOf(run.emitted), linesOf([batchOf(Event, said as never)]))
      }
      for (const act of actions) {
        if (act.kind === 'push') {
          // While something is due no batch comes.
          run.advance([watermark])
          const open = live.filter(({ row }) => retracts && row.at >= watermark - bound)
          const taken = [...new Set(act.back.flatMap((nth) => open[nth % open.length] ?? []))]
          const added = act.rows.map(({ ahead, key, n }) => update(event(watermark - bound + ahead, key, n), seq++))
          live = [...live.filter((row) => !taken.includes(row)), ...added]
          run.push(batchOf(Event, [...taken.map((row) => ({ ...row, diff: -1 })), ...added]))
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
