import t from 'tap'
import { skipsAfter } from '../../../src/actors/suspects.ts'

const TOGETHER = { kind: 'together', calls: 40, reason: 'full' } as const
const INPUT = { kind: 'calls', epoch: 3, slices: [{ sender: 0, from: 2, to: 5 }], retry: null } as const
const POISON = [{ number: 8, node: 4, nth: 8, reason: 'exit', stack: null }]
const SKIPPED = { ...INPUT, calls: [{ call: 8, reason: 'exit', stack: null }] }
const ROW = { reason: 'exit', stack: null }

t.test('a shard that is filled up, and that a row ends, too, goes on with few rows and without that one', async (t) => {
  const few = skipsAfter(TOGETHER)!
  t.same(few, { leftOut: null, fewRows: 10 })
  const both = skipsAfter({ kind: 'found', input: INPUT, poison: POISON }, few)!
  t.same(both, { leftOut: SKIPPED, fewRows: 10 })
  t.same(skipsAfter({ ...TOGETHER, calls: 4 }, both), { leftOut: null, fewRows: 1 }, 'of an epoch that is cut anew')
})

t.test('what ends it while it replays takes nothing from what is known', async (t) => {
  t.same(skipsAfter({ kind: 'replaying', reason: 'full' }), { leftOut: null, fewRows: 256 })
  t.same(skipsAfter({ kind: 'replaying', reason: 'full' }, { leftOut: SKIPPED, fewRows: 3 }), {
    leftOut: SKIPPED,
    fewRows: 3,
  })
})

t.test('of a source the rows add up, whatever else ends it', async (t) => {
  const of = (offset: number) => ({ kind: 'rows', splits: [1, 1], offsets: [offset, offset + 5] }) as const
  const first = skipsAfter({ kind: 'found', input: of(10), poison: [{ ...POISON[0]!, number: 2 }] })!
  const then = skipsAfter(
    { kind: 'found', input: of(40), poison: [{ ...POISON[0]!, number: 1 }] },
    skipsAfter(TOGETHER, first)!,
  )
  const rows = [15, 40].map((offset) => ({ split: 1, offset, ...ROW }))
  t.same(then, { leftOut: { kind: 'rows', rows }, fewRows: 10 })
})

t.test('trials that find nothing change nothing', async (t) => {
  for (const verdict of [{ kind: 'innocent' }, { kind: 'ended' }, { kind: 'hopeless', reason: 'full' }] as const)
    t.equal(skipsAfter(verdict), null)
})
