/** Each planted bug is noticed by the simulation within 500 seeds. `BUG=text` runs those whose names contain it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { buildWith } from '../planted-build.ts'
import { planted } from './planted.ts'

const SEEDS = 500
const root = path.resolve(import.meta.dirname, '../..')

/** Ends with the test, whatever becomes of that. */
async function simulate(t: Test, ...args: string[]) {
  const main = path.join(root, 'test/simulation/main.mjs')
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, [main, ...args, '--jobs', '1'], { cwd: root, env })
  t.teardown(() => child.kill())
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { status: child.exitCode, stdout, stderr }
}

// Each is a process of its own, mostly.
t.jobs = os.availableParallelism()

t.test('a seed gives the same run again, step by step', async (t) => {
  const runs = await Promise.all([1, 2].map(() => simulate(t, '--seeds', '20', '--verbose')))
  const [one, other] = runs.map(({ stdout }) => stdout)
  t.match(one, /seed 20: .* faults, \d+ starts, \d+ ms, \d+ tasks\n/)
  t.equal(one, other)
})

for (const [number, bug] of planted.entries()) {
  if (!bug.name.includes(process.env.BUG ?? '')) continue
  t.test(bug.name, { buffered: true }, async (t) => {
    const dist = buildWith(t, `planted-${number}`, [bug])
    const scenario = bug.scenario === undefined ? [] : ['--scenario', bug.scenario]
    const args = ['--dist', dist, '--seeds', String(SEEDS), '--first', '--no-shrink', ...scenario]
    const { status, stdout, stderr } = await simulate(t, ...args)
    t.equal(status, 1, `it is noticed ${stderr}`)
    t.match(stdout, /^\d+ seeds, [1-9]\d* violations\n$/m)
    t.comment(stdout.split('\n').slice(0, 2).join(' '), stdout.trimEnd().split('\n').at(-1))
  })
}
