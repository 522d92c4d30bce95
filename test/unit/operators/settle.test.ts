import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Settle } from '../../../src/operators/settle.ts'
import { eventTime, int, schema } from '../../../src/records/schema.ts'
import { anySchema, batchOf, linesOf, originOf, passing, Recorder, runs, updatesOf } from './support.ts'

const Event = schema({ at: eventTime(), n: int() })
const update = (at: number, n: number, diff = 1) => ({ row: { at, n }, diff, origin: originOf(1, n) })
const settling = () => new Recorder((context) => new Settle({ schema: anySchema(Event), delay: 10 }, context))

t.test(
  'a row is said when the watermark is so far past it, and one that was taken back before that never',
  async (t) => {
    for (const reopen of [false, true]) {
      const run = settling()
      run.push(batchOf(Event, [update(5, 1), update(0, 2), update(3, 3)]))
      run.advance([10])
      t.same(updatesOf(run.emitted), [])
      run.push(batchOf(Event, [update(3, 3, -1), update(3, 4)]))
      if (reopen) await run.reopen()
      run.advance([13])
      t.same(updatesOf(run.emitted), ['+ at=0 n=2'])
      run.advance([15])
      t.same(updatesOf(run.emitted).slice(1), ['+ at=3 n=4'])
      run.advance([Number.POSITIVE_INFINITY])
      t.same(updatesOf(run.emitted).slice(2), ['+ at=5 n=1'])
    }
  },
)

t.test('what comes behind that is a correction at once', (t) => {
  const run = settling()
  run.push(batchOf(Event, [update(0, 1)]))
  run.advance([20])
  run.push(batchOf(Event, [update(0, 1, -1), update(12, 2)]))
  t.same(updatesOf(run.emitted), ['+ at=0 n=1', '- at=0 n=1'])
  t.end()
})

const came = fc.record({ kind: fc.constant('came' as const), at: fc.nat(12), isBack: fc.boolean() })

t.test('after any history what was said comes to what has come, and nothing in time is said twice', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ weight: 6, arbitrary: came }, ...passing), { maxLength: 40 }),
      async (history) => {
        const run = settling()
        const all: ReturnType<typeof update>[] = []
        let [watermark, seq] = [0, 0]
        // What is due goes out before anything else comes, as in a shard.
        let isDone = true
        for (const act of history) {
          if (act.kind === 'advance') {
            watermark += act.by
            isDone = act.isWhole ? run.advance([watermark], act.budget) > 0 : run.step([watermark], act.budget)
          } else if (act.kind === 'came') {
            if (!isDone) continue
            const there = all.filter(({ row, diff }) => diff > 0 && row.at >= watermark - 10)
            const lone = there.findLast(({ row }) => !all.some((one) => one.diff < 0 && one.row.n === row.n))
            const next = act.isBack && lone !== undefined ? { ...lone, diff: -1 } : update(watermark + act.at, seq++)
            all.push(next)
            run.push(batchOf(Event, [next]))
          } else if (act.kind === 'crash') await run.crash()
          else await run[act.kind](act.store)
        }
        run.advance([Number.POSITIVE_INFINITY])
        deepStrictEqual(linesOf(run.emitted), linesOf(all.map((one) => batchOf(Event, [one]))))
        deepStrictEqual(
          updatesOf(run.emitted).filter((line) => line.startsWith('-')),
          [],
        )
      },
    ),
    { numRuns: runs(200) },
  ),
)
