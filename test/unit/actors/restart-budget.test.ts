import t from 'tap'
import { isFatal, RestartBudget } from '../../../src/actors/restart-budget.ts'
import { corruptionError, fencedError, fromWireError, toWireError, userError } from '../../../src/base/errors.ts'
import { StillClock } from '../connectors/support.ts'

const middle = () => 0.5
const died = (budget: RestartBudget) => budget.next('host 0', 'signal SIGSEGV')

t.test('the wait doubles while nothing comes of the restarts, up to a cap', async (t) => {
  const budget = new RestartBudget(new StillClock(), middle)
  t.same(
    Array.from({ length: 9 }, () => died(budget)),
    [0, 50, 100, 200, 400, 800, 1600, 3200, 5000],
  )
})

t.test('waits are jittered by a quarter', async (t) => {
  const second = (random: number) => {
    const budget = new RestartBudget(new StillClock(), () => random)
    died(budget)
    return died(budget)
  }
  t.equal(second(0), 37.5)
  t.ok(second(0.999) > 62)
})

t.test('a shard that comes further ends the backoff; one that only comes back does not', async (t) => {
  const budget = new RestartBudget(new StillClock(), middle)
  budget.see([{ shard: 'a/0', epoch: 7 }])
  died(budget)
  died(budget)
  budget.see([
    { shard: 'a/0', epoch: 0 },
    { shard: 'a/0', epoch: 7 },
    { shard: 'b/0', epoch: 1 },
  ])
  t.equal(died(budget), 100)
  budget.see([{ shard: 'a/0', epoch: 8 }])
  t.equal(died(budget), 0)
})

t.test('too many deaths of late end it, whatever comes of the restarts', async (t) => {
  const clock = new StillClock()
  const budget = new RestartBudget(clock, middle)
  for (let i = 0; i < 20; i++) {
    died(budget)
    budget.see([{ shard: 'a/0', epoch: i }])
    clock.ms += 1000
  }
  t.throws(() => died(budget), {
    code: 'restarts',
    message: /host 0 died 21 times in 5 minutes, .*signal SIGSEGV.*run again/,
  })
  clock.ms += 300_000
  t.doesNotThrow(() => died(budget), 'older deaths are forgotten')
})

t.test('a restart cannot mend what the user must, also when told across threads', async (t) => {
  for (const [error, fatal] of [
    [userError('a', 'b'), true],
    [corruptionError('log', 'b'), true],
    [fencedError('b'), false],
    [new Error('b'), false],
  ] as const) {
    t.equal(isFatal(error), fatal)
    t.equal(isFatal(fromWireError(structuredClone(toWireError(error)))), fatal)
  }
})
