import fc from 'fast-check'
import t from 'tap'
import { PoisonSearch, type TrialOutcome } from '../../../src/actors/poison-search.ts'
import type { Trial, TrialInput } from '../../../src/recovery/trial.ts'

const CALLS: TrialInput = { kind: 'calls', epoch: 3, slices: [{ sender: 0, from: 2, to: 5 }], retry: null }
const rows = (count: number): TrialInput => ({
  kind: 'rows',
  splits: Array.from({ length: count }, (_, i) => i % 2),
  offsets: Array.from({ length: count }, (_, i) => i * 10),
})

const nodeOf = ({ kind }: TrialInput): number => (kind === 'rows' ? -1 : 4)

/** Whether a trial makes a call of an epoch whose calls are all of one function. */
const isMade = ({ last, alone, without }: Trial, number: number): boolean =>
  (alone === null ? number <= last : number === alone.nth) && !without.some((one) => one.nth === number)

const lives = (input: TrialInput | null, size: number, { last }: Trial, rows = 10): TrialOutcome => ({
  ...{ lived: true, input, rows },
  next: input === null || last >= size ? null : { number: last + 1, node: nodeOf(input), nth: last + 1 },
})

/** Searches an epoch of so many calls; `dies` says with which one a trial of those that are made does. */
function searchedBy(
  input: TrialInput,
  size: number,
  dies: (made: readonly number[]) => number | undefined,
  { isSeen = true, isSingle = false, rows = 10 } = {},
) {
  const search = new PoisonSearch(isSingle)
  const all = Array.from({ length: size }, (_, i) => i + 1)
  const outcome = (trial: Trial): TrialOutcome => {
    const call = trial.input === null ? undefined : dies(all.filter((number) => isMade(trial, number)))
    if (call === undefined) return lives(input, size, trial, rows)
    return { lived: false, call: isSeen ? call : 0, reason: `call ${call}`, stack: null }
  }
  for (let trials = 1; ; trials++) {
    const verdict = search.take(outcome(search.next()))
    if (verdict !== null) return { verdict, trials }
  }
}

/** Some of the calls end whoever makes them; `isSeen` where the call is known at once. */
const searched = (input: TrialInput, size: number, bad: readonly number[], isSeen: boolean) =>
  searchedBy(input, size, (made) => bad.find((call) => made.includes(call)), { isSeen })

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
  t.equal(searched(CALLS, 600, [412], true).trials, 7)
  t.ok(searched(CALLS, 600, [412], false).trials <= 38)
  t.ok(searched(rows(600), 600, [412], false).trials <= 17)
  t.ok(searched(rows(600), 600, [412], true).trials <= 8, 'where rows have one function')
})

t.test('an epoch that lives, or has no input, is innocent', async (t) => {
  t.equal(searched(CALLS, 10, [], true).verdict.kind, 'innocent')
  const nothing = new PoisonSearch(false)
  t.same(nothing.take(lives(null, 0, nothing.next())), { kind: 'innocent' })
})

const dead = (call: number, reason = 'full'): TrialOutcome => ({ lived: false, call, reason, stack: null })

t.test('an epoch that dies whatever is left out is hopeless, and so is one of too many such rows', async (t) => {
  const search = new PoisonSearch(false)
  t.equal(search.take(lives(CALLS, 10, search.next())), null)
  t.equal(search.next().last, Number.POSITIVE_INFINITY)
  t.equal(search.take(dead(0)), null)
  t.equal(search.next().last, 0)
  t.same(search.take(dead(0)), { kind: 'hopeless', reason: 'full' })
  const many = Array.from({ length: 150 }, (_, i) => i + 1)
  t.equal(searched(rows(200), 200, many, true).verdict.kind, 'hopeless')
})

t.test('one that dies before it comes to the epoch is told apart', async (t) => {
  t.same(new PoisonSearch(false).take(dead(3)), { kind: 'replaying', reason: 'full' })
})

t.test('a death while calls are left out is one of memory that hardly suffices for the rows', async (t) => {
  const search = new PoisonSearch(false)
  search.take(lives(CALLS, 1000, search.next()))
  search.next()
  t.equal(search.take(dead(900)), null)
  t.equal(search.next().last, 0)
  t.same(search.take(dead(400)), { kind: 'together', calls: 400, reason: 'full' })
})

t.test('calls that end it together, and none of them alone, are no poison, but in the epoch of one row', async (t) => {
  /** Dies with the `most`-th of the calls that are made. */
  const together = (most: number, options = {}) => searchedBy(CALLS, 50, (made) => made[most - 1], options).verdict
  t.same(together(40), { kind: 'together', calls: 40, reason: 'call 40' })
  t.match(together(50), { kind: 'together', calls: 50 })
  const one = { isSingle: true, rows: 1 }
  const cause = searchedBy(CALLS, 5, (made) => made[4], one).verdict
  t.match(cause, { kind: 'found', poison: [{ number: 5 }] }, 'with what it has caused')
  t.match(searchedBy(CALLS, 5, (made) => made[4], { ...one, rows: 2 }).verdict, { kind: 'together' })
  t.match(together(50, one), { kind: 'together' }, 'too many to be one of a cause')
})

t.test('where another call of its function is deadly alone too, it is none of its own', async (t) => {
  const any = searchedBy(CALLS, 50, (made) => (made.length === 1 || made.length > 30 ? made.at(-1) : undefined))
  t.match(any.verdict, { kind: 'together', calls: 31 })
})

t.test('a death that does not come again counts against nobody', async (t) => {
  const search = new PoisonSearch(false)
  const live = () => search.take(lives(CALLS, 500, search.next()))
  live()
  // Killed from outside in what looked like call 7, whenever everything runs; never again with the rest left out.
  for (let doubts = 1; doubts <= 3; doubts++) {
    search.next()
    search.take(dead(7, 'from outside'))
    // That it lives with everything left out is seen once.
    if (doubts === 1) live()
    live()
    t.match(search.next(), { alone: { nth: 7 } }, 'confirmed before it is believed')
    t.equal(live(), null)
    t.match(search.next(), { alone: null, last: 7 })
    const verdict = live()
    t.same(verdict, doubts < 3 ? null : { kind: 'innocent' })
  }
})
