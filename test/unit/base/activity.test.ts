import t from 'tap'
import { Activity, LeftOut } from '../../../src/base/activity.ts'

t.test('another thread sees which operator of which shard has the thread, and whether it gets on', async (t) => {
  const own = new Activity()
  const seen = new Activity(own.memory)
  own.startEpoch(3)
  t.equal(seen.now(), null)
  const outer = own.enter(4, 7)
  own.call()
  t.same(seen.now(), { cell: 4, node: 7, call: 1 })
  const before = seen.progress()
  const inner = own.enter(4, 9)
  t.not(seen.progress(), before)
  own.call()
  t.same(seen.now(), { cell: 4, node: 9, call: 2 })
  own.leave(inner)
  t.match(seen.now(), { node: 7 })
  own.leave(outer)
  t.equal(seen.now(), null)
})

t.test('calls are left out by their number, which counts those too', async (t) => {
  const activity = new Activity()
  const skip = { call: 2, reason: 'it kills', stack: null }
  const made = (count: number): number[] =>
    Array.from({ length: count }, (_, i) => i + 1).filter(() => {
      try {
        activity.call()
        return true
      } catch (error) {
        if (!(error instanceof LeftOut)) throw error
        return false
      }
    })
  activity.startEpoch(3, { skips: [skip] })
  t.same(made(4), [1, 3, 4])
  activity.startEpoch(3, { isChosen: ({ number }) => number < 3 })
  t.same(made(4), [1, 2])
  activity.startEpoch(3, { skips: [skip] })
  activity.call()
  t.throws(() => activity.call(), { message: 'it kills', skipped: skip })
  activity.startEpoch(3)
  t.same(made(4), [1, 2, 3, 4], 'each epoch anew')
  activity.startEpoch(3, { isChosen: () => false })
  activity.endEpoch()
  t.same(made(2), [1, 2], 'and nothing behind its end')
})
