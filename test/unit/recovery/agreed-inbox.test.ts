/** Shards that hand over have read the same, however much each has heard of those that send (RS-1). */
import t from 'tap'
import type { InboxState } from '../../../src/mailbox/inbox.ts'
import { agreedInbox } from '../../../src/recovery/agreed-inbox.ts'

const state = (positions: number[], watermarks: number[], retired: number[] = [], retried = 0): InboxState => ({
  positions,
  watermarks: watermarks.map((watermark) => [watermark]),
  retired,
  retried,
})
const agreed = (...states: InboxState[]) => agreedInbox(states.map((inbox, i) => ({ shard: `s/${i}`, inbox })))

t.test('one state is all there is to agree on; which letters were retried is not handed over', async (t) => {
  t.same(agreed(state([3], [5], [], 7)), state([3], [5]))
  t.same(agreed(state([3, 4], [5, 6], [0], 7), state([3, 4], [5, 6], [0], 2)), state([3, 4], [5, 6], [0]))
})

t.test('a sender of which nothing was read may be known to some and not to others', async (t) => {
  const few = state([45, 38], [56, 109])
  const more = state([45, 38, 0], [56, 109, Number.NEGATIVE_INFINITY])
  const most = state([45, 38, 0, 0], [56, 109, 56, 56])
  t.same(agreed(few, more, most), most)
  t.same(agreed(most, few), most, 'in any order')
  t.same(agreed(state([0, 0], [1, 1]), state([0], [1])), state([0, 0], [1, 1]))
})

t.test('of a sender that has said its last one may have read further, where nothing is for it', async (t) => {
  const END = Number.POSITIVE_INFINITY
  t.same(agreed(state([32, 45], [END, END]), state([32, 40], [END, END])), state([32, 45], [END, END]))
  t.same(agreed(state([32, 40], [7, END]), state([32, 45], [7, END])), state([32, 45], [7, END]))
  t.throws(() => agreed(state([33, 40], [7, END]), state([32, 45], [7, END])), { code: 'RS-1' })
})

t.test('whatever else is different ends it, and is told', async (t) => {
  const one = state([4, 5], [1, 2])
  for (const other of [
    state([4, 6], [1, 2]),
    state([4, 5], [1, 3]),
    state([4, 5, 1], [1, 2, 2]),
    state([4, 5], [1, 2], [1]),
  ]) {
    for (const [a, b] of [
      [one, other],
      [other, one],
    ] as const) {
      t.throws(() => agreed(a, a, b), { code: 'RS-1', message: /s\/0 ended at .*"4".*s\/2 at/ })
    }
  }
  t.throws(() => agreed(state([4], [Number.POSITIVE_INFINITY]), state([4], [Number.NEGATIVE_INFINITY])), {
    code: 'RS-1',
  })
})
