/** A run of a script that looks for what is wrong, over a build with a planted bug. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { buildWith, type Change } from './planted-build.ts'

const root = path.resolve(import.meta.dirname, '..')

/** Ends with the test, whatever becomes of that. */
export async function runScript(t: Test, script: string, ...args: string[]) {
  const { NODE_OPTIONS: _, ...env } = process.env
  const child = spawn(process.execPath, [path.join(root, script), ...args, '--jobs', '1'], { cwd: root, env })
  t.teardown(() => child.kill())
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { status: child.exitCode, stdout, stderr }
}

export interface Planted extends Change {
  readonly name: string
  /** Where it takes changes in several places. */
  readonly more?: readonly Change[]
}

/** A test for each bug, of those whose names contain `BUG`: the script ends with the first that it finds, and says so in its last line. */
export function testPlanted<B extends Planted>(
  t: Test,
  bugs: readonly B[],
  { script, argsOf }: { script: string; argsOf: (bug: B) => readonly string[] },
): void {
  for (const [number, bug] of bugs.entries()) {
    if (!bug.name.includes(process.env.BUG ?? '')) continue
    t.test(bug.name, { buffered: true }, async (t) => {
      const dist = buildWith(t, `planted-${number}`, [bug, ...(bug.more ?? [])])
      const { status, stdout, stderr } = await runScript(
        t,
        script,
        '--dist',
        dist,
        '--first',
        '--no-shrink',
        ...argsOf(bug),
      )
      t.equal(status, 1, `it is noticed ${stderr}`)
      t.match(stdout, /^\d+ (seeds|cases), [1-9]\d* (violations|differences)\n$/m)
      t.comment(stdout.split('\n').slice(0, 2).join(' '), stdout.trimEnd().split('\n').at(-1))
    })
  }
}
