import fs from 'node:fs'
import t from 'tap'
import { LmdbEnvironment } from '../../../src/storage/lmdb-environment.ts'
import { LMDB_HEAD_BYTES, whyNotLmdb } from '../../../src/storage/lmdb-file.ts'

async function makeFile(path: string): Promise<Buffer> {
  const environment = new LmdbEnvironment({ path, tables: ['a'] })
  await environment.commit(0, { version: 1, body: Buffer.from('x') }, [])
  await environment.close()
  return fs.readFileSync(`${path}/data.mdb`)
}

t.test('what LMDB has written looks like it', async (t) => {
  const bytes = await makeFile(t.testdir())
  t.equal(whyNotLmdb(bytes.subarray(0, LMDB_HEAD_BYTES)), null)
})

t.test('something else is told by what it lacks', async (t) => {
  const bytes = await makeFile(t.testdir())
  const changed = (at: number, value: number) => {
    const copy = Buffer.from(bytes)
    copy[at] = value
    return copy
  }
  t.equal(whyNotLmdb(new Uint8Array(0)), 'it has 0 bytes only')
  t.equal(whyNotLmdb(bytes.subarray(0, 4096 + 24)), 'it ends within meta page 1')
  t.equal(whyNotLmdb(changed(24, 0)), 'meta page 0 is not one of LMDB')
  t.equal(whyNotLmdb(changed(4096 + 24, 0)), 'meta page 1 is not one of LMDB')
  t.equal(whyNotLmdb(changed(28, 9)), 'it has data version 9, not 2')
  t.equal(whyNotLmdb(Buffer.alloc(8192)), 'it ends within meta page 0')
})

t.test('such a store is corrupt for its user, and the process lives', async (t) => {
  const path = t.testdir({ 'data.mdb': 'not an environment' })
  t.throws(() => new LmdbEnvironment({ path, tables: [] }), {
    kind: 'corruption',
    code: 'store',
    message: /cannot be opened: it is no environment, it has 18 bytes only/,
  })
})

t.test('what the system refuses is no damage: the store must not be thrown away for it', async (t) => {
  const path = t.testdir({ 'data.mdb': {} })
  t.throws(() => new LmdbEnvironment({ path, tables: [] }), { kind: 'retryable', code: 'store' })
})
