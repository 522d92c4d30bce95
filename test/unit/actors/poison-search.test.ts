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
function searched(input: TrialInput, size: number, bad: readonly number[], isSeen: boolean) {
  const search = new PoisonSearch()
  let trials = 0
  const outcome = (trial: Trial): TrialOutcome => {
    if (trial.input === null) return { lived: true, input }
    const first = bad.find((call) => call <= Math.min(trial.last, size) && !trial.without.includes(call))
    if (first === undefined) return { lived: true, input }
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
  const nothing = new PoisonSearch()
  nothing.next()
  t.same(nothing.take({ lived: true, input: null }), { kind: 'innocent' })
})

t.test('an epoch that dies whatever is left out, or before it is looked at, is hopeless', async (t) => {
  const dies: TrialOutcome = { lived: false, call: 0, reason: 'of old age', stack: null }
  const search = new PoisonSearch()
  search.next()
  t.equal(search.take({ lived: true, input: CALLS }), null)
  t.equal(search.next().last, Number.POSITIVE_INFINITY)
  t.equal(search.take(dies), null)
  t.equal(search.next().last, 0)
  t.same(search.take(dies), { kind: 'hopeless', reason: 'of old age' })
  t.same(new PoisonSearch().take(dies), { kind: 'hopeless', reason: 'of old age' })
  const many = searched(
    rows(200),
    200,
    Array.from({ length: 150 }, (_, i) => i + 1),
    true,
  )
  t.equal(many.verdict.kind, 'hopeless')
})

t.test('a death that does not come again counts against nobody', async (t) => {
  const search = new PoisonSearch()
  const lives: TrialOutcome = { lived: true, input: CALLS }
  const say = (outcome: TrialOutcome) => {
    search.next()
    return search.take(outcome)
  }
  say(lives)
  // Killed from outside in what looked like call 7, whenever everything runs; never again with the rest left out.
  for (let doubts = 1; doubts <= 3; doubts++) {
    say({ lived: false, call: 7, reason: 'from outside', stack: null })
    say(lives)
    say(lives)
    t.equal(search.next().last, 7, 'confirmed before it is believed')
    const verdict = search.take(lives)
    t.same(verdict, doubts < 3 ? null : { kind: 'innocent' })
  }
})
