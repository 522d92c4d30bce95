/** Each planted bug is noticed by the simulation within 500 seeds. `BUG=text` runs those whose names contain it. */
import os from 'node:os'
import t from 'tap'
import { runScript, testPlanted } from '../planted-run.ts'
import { planted } from './planted.ts'

const SEEDS = 500
const script = 'test/simulation/main.mjs'

// Each is a process of its own, mostly.
t.jobs = os.availableParallelism()

t.test('a seed gives the same run again, step by step', async (t) => {
  const runs = await Promise.all([1, 2].map(() => runScript(t, script, '--seeds', '20', '--verbose')))
  const [one, other] = runs.map(({ stdout }) => stdout)
  t.match(one, /seed 20: .* faults, \d+ starts, \d+ ms, \d+ tasks\n/)
  t.equal(one, other)
})

testPlanted(t, planted, {
  script,
  argsOf: ({ scenario, firstSeed = 1 }) => [
    ...['--seeds', `${SEEDS}`, '--from', `${firstSeed}`],
    ...(scenario === undefined ? [] : ['--scenario', scenario]),
  ],
})
