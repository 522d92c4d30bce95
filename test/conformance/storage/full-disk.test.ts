/** A commit that does not fit on the disk: it says so, changes nothing, leaves nothing behind, and the store can be left. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import type { Said } from './full-disk-life.ts'

for (const moment of ['behind', 'during']) {
  t.test(`a store is closed ${moment} a commit that does not fit`, async (t) => {
    const life = path.join(import.meta.dirname, 'full-disk-life.ts')
    // One of tap's hooks, in NODE_OPTIONS too, ends a process by the signal that comes with such a write.
    const hooks = process.execArgv.filter((hook) => !hook.includes('processinfo'))
    const node = [process.execPath, ...hooks, life, t.testdir(), moment]
    // In blocks of 1024 bytes: room for the first commit.
    const { stdout, stderr } = spawnSync(
      'bash',
      ['-c', 'unset NODE_OPTIONS; ulimit -f 128; exec "$@"', 'bash', ...node],
      {
        encoding: 'utf8',
        timeout: 60_000,
      },
    )
    t.not(stdout, '', stderr)
    const { error, strays, again } = JSON.parse(stdout) as Said
    t.match(
      error,
      { code: 5, message: 'Commit failed: Input/output error' },
      'what fits in part is an error of the device',
    )
    t.same(strays, [], 'no rejection that nobody handles: it would end a thread')
    t.same(again, [1, true], 'nothing of it is stored, and the next environment takes commits')
  })
}
