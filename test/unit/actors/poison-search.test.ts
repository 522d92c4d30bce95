import fc from 'fast-check'
import t from 'tap'
import { PoisonSearch, type TrialOutcome, type Verdict } from '../../../src/actors/poison-search.ts'
import type { Trial, TrialInput } from '../../../src/recovery/trial.ts'

const CALLS: TrialInput = { kind: 'calls', epoch: 3, slices: [{ sender: 0, from: 2, to: 5 }], retry: null }
const rows = (count: number): TrialInput => ({
  kind: 'rows',
  split: 1,
  offsets: Array.from({ length: count }, (_, i) => i * 10),
})

/** An epoch of so many calls, some of which end whoever makes them; `isSeen` where the call is known at once. */
function searched(input: TrialInput, size: number, bad: readonly number[], isSeen: boolean, replayed = 0) {
  const search = new PoisonSearch(false)
  let trials = 0
  const outcome = (trial: Trial): TrialOutcome => {
    if (trial.input === null) return { lived: true, input, size, replayed }
    const isMade = (call: number) => call >= trial.first && call <= Math.min(trial.last, size)
    const first = bad.find((call) => isMade(call) && !trial.without.includes(call))
    if (first === undefined) return { lived: true, input, size, replayed }
    return { lived: false, call: isSeen ? first : 0, reason: `call ${first}`, stack: null }
  }
  let verdict: Verdict | null = null
  while (verdict === null) {
    trials++
    verdict = search.take(outcome(search.next()))
  }
  return { verdict, trials }
}

t.test('exactly the calls that end it are found, whether or not they were seen', async () => {
  const cases = fc.tuple(fc.integer({ min: 1, max: 5000 }), fc.array(fc.nat(), { minLength: 1, maxLength: 6 }))
  fc.assert(
    fc.property(cases, fc.boolean(), fc.boolean(), ([size, numbers], isSeen, isSource) => {
      const bad = [...new Set(numbers.map((n) => 1 + (n % size)))].sort((a, b) => a - b)
      const { verdict } = searched(isSource ? rows(size) : CALLS, size, bad, isSeen)
      return (
        verdict.kind === 'found' &&
        verdict.poison.every(({ number, reason }, i) => number === bad[i] && reason === `call ${number}`) &&
        verdict.poison.length === bad.length
      )
    }),
  )
})

t.test('a call that was seen takes few trials, one that was not a binary search', async (t) => {
  t.equal(searched(CALLS, 60_000, [41_234], true).trials, 6)
  t.ok(searched(CALLS, 60_000, [41_234], false).trials <= 37)
  t.ok(searched(rows(60_000), 60_000, [41_234], false).trials <= 22)
})

t.test('an epoch that lives, or has no input, is innocent', async (t) => {
  t.equal(searched(CALLS, 10, [], true).verdict.kind, 'innocent')
  const nothing = new PoisonSearch(false)
  nothing.next()
  t.same(nothing.take({ lived: true, input: null, size: 0, replayed: 0 }), { kind: 'innocent' })
})

t.test('an epoch that dies whatever is left out, or before it is looked at, is hopeless', async (t) => {
  const dies: TrialOutcome = { lived: false, call: 0, reason: 'of old age', stack: null }
  const search = new PoisonSearch(false)
  search.next()
  t.equal(search.take({ lived: true, input: CALLS, size: 500, replayed: 0 }), null)
  t.equal(search.next().last, Number.POSITIVE_INFINITY)
  t.equal(search.take(dies), null)
  t.equal(search.next().last, 0)
  t.same(search.take(dies), { kind: 'hopeless', reason: 'of old age' })
  t.same(new PoisonSearch(false).take(dies), { kind: 'replaying', reason: 'of old age' })
  const many = searched(
    rows(200),
    200,
    Array.from({ length: 150 }, (_, i) => i + 1),
    true,
  )
  t.equal(many.verdict.kind, 'hopeless')
})

t.test('calls that end it together, and none of them alone, are no poison, but in the epoch of one row', async (t) => {
  /** Dies with the `most`-th of the calls that are made. */
  const together = (most: number, isSingle = false) => {
    const search = new PoisonSearch(isSingle)
    const outcome = ({ input, first, last, without }: Trial): TrialOutcome => {
      const made = Array.from({ length: 500 }, (_, i) => i + 1).filter(
        (call) => call >= first && call <= last && !without.includes(call),
      )
      if (input === null || made.length < most) return { lived: true, input: CALLS, size: 500, replayed: 0 }
      return { lived: false, call: made[most - 1]!, reason: 'full', stack: null }
    }
    for (let trials = 1; ; trials++) {
      const verdict = search.take(outcome(search.next()))
      if (verdict !== null) return { verdict, trials }
    }
  }
  t.same(together(40), { verdict: { kind: 'together', calls: 40, reason: 'full' }, trials: 6 })
  t.match(together(500).verdict, { kind: 'together', calls: 500 })
  t.match(together(500, true).verdict, { kind: 'found', poison: [{ number: 500 }] })
})

t.test('where no call lives, what was replayed may be too much', async (t) => {
  const of = (size: number, bad: number[], replayed: number) => searched(CALLS, size, bad, true, replayed).verdict
  const together = { kind: 'together', calls: 1 }
  t.match(of(100, [1, 2], 0), { kind: 'found', poison: { length: 2 } })
  t.match(of(100, [1], 7), { kind: 'found', poison: [{ number: 1 }] }, 'another one lives')
  t.match(of(100, [1, 2, 3], 7), together, 'another one dies too')
  t.match(of(1, [1], 7), together, 'there is no other one')
  t.match(of(100, [1, 3, 4], 7), { kind: 'found', poison: { length: 3 } })
})

t.test('a death that does not come again counts against nobody', async (t) => {
  const search = new PoisonSearch(false)
  const lives: TrialOutcome = { lived: true, input: CALLS, size: 500, replayed: 0 }
  const say = (outcome: TrialOutcome) => {
    search.next()
    return search.take(outcome)
  }
  say(lives)
  // Killed from outside in what looked like call 7, whenever everything runs; never again with the rest left out.
  for (let doubts = 1; doubts <= 3; doubts++) {
    say({ lived: false, call: 7, reason: 'from outside', stack: null })
    // That it lives with everything left out is seen once.
    if (doubts === 1) say(lives)
    say(lives)
    t.match(search.next(), { first: 7, last: 7 }, 'confirmed before it is believed')
    t.equal(search.take(lives), null)
    t.match(search.next(), { first: 1, last: 7 })
    const verdict = search.take(lives)
    t.same(verdict, doubts < 3 ? null : { kind: 'innocent' })
  }
})
