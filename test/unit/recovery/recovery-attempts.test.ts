import fs from 'node:fs'
import t from 'tap'
import { nodeFiles } from '../../../src/base/real/node-seam.ts'
import { RecoveryAttempts } from '../../../src/recovery/recovery-attempts.ts'

t.test('attempts that came to nothing are counted over lives, until one succeeds', async (t) => {
  const path = `${t.testdir()}/by-user.0.opening`
  const life = () => new RecoveryAttempts(nodeFiles, path)
  t.same([life().begin(), life().begin(), life().begin()], [0, 1, 2])
  life().condemn('a value is damaged')
  t.same([life().begin(), life().begin()], ['a value is damaged', 'a value is damaged'])
  life().succeed()
  t.notOk(fs.existsSync(path))
  t.equal(life().begin(), 0)
})
