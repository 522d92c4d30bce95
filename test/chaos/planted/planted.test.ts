/** Each planted bug is noticed by the chaos suite. `BUG=text` runs those whose names contain it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { buildWith } from '../../planted-build.ts'
import { planted } from './bugs.ts'

const FAULTS = 100
const root = path.resolve(import.meta.dirname, '../../..')

for (const { name, job, kinds, changes } of planted) {
  if (!name.includes(process.env.BUG ?? '')) continue
  t.test(name, async (t) => {
    const dist = buildWith(t, 'planted-chaos', changes)
    const { NODE_OPTIONS: _, ...env } = process.env
    const of = kinds === undefined ? [] : ['--kinds', kinds]
    const args = ['--dist', dist, '--job', job, '--seed', '5', '--faults', String(FAULTS), '--first', ...of]
    const child = spawn(process.execPath, [path.join(root, 'test/chaos/run.mjs'), ...args], { cwd: root, env })
    t.teardown(() => child.kill())
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    t.equal(child.exitCode, 1, `it is noticed ${stderr}`)
    t.match(stdout, /^\d+ faults, [1-9]\d* violations\n$/m)
    t.comment(
      stdout.split('\n').find((line) => line.startsWith('VIOLATION')),
      stdout.trimEnd().split('\n').at(-1),
    )
  })
}
