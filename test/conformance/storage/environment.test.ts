/** The one suite over both environments, and what only the real one can show. */
import fs from 'node:fs'
import path from 'node:path'
import { type Database, open } from 'lmdb'
import t from 'tap'
import { nodeFiles } from '../../../src/base/real/node-seam.ts'
import { STORE_LAYOUT } from '../../../src/storage/environment.ts'
import { LmdbEnvironment } from '../../../src/storage/lmdb-environment.ts'
import { MemoryEnvironment } from '../../../src/storage/memory-environment.ts'
import { testEnvironment } from './suite.ts'
import { linesOf, metaOf, put } from './support.ts'

const tables = ['a', 'b']

t.test('in memory', async (t) =>
  testEnvironment(t, {
    open: () => new MemoryEnvironment(nodeFiles),
    openCopy: (directory) => MemoryEnvironment.fromCopy(nodeFiles, directory),
  }),
)

t.test('LMDB', async (t) => {
  const root = t.testdir()
  const places = new Map<unknown, string>()
  const openAt = (place: string) => {
    const environment = new LmdbEnvironment({ path: place, tables, mapSize: 2 ** 28 })
    places.set(environment, place)
    return environment
  }
  testEnvironment(t, {
    open: () => openAt(path.join(root, String(places.size))),
    reopen: async (environment) => {
      await environment.close()
      return openAt(places.get(environment)!)
    },
    openCopy: openAt,
  })
})

t.test('reopened, LMDB has the last commit, and those queued before the close', async (t) => {
  const path = t.testdir()
  const first = new LmdbEnvironment({ path, tables })
  await first.commit(0, metaOf(1), [put('a', 'x', '1')])
  const queued = first.commit(1, metaOf(2), [put('b', 'y', '2')])
  await first.close()
  t.equal(await queued, true)
  const second = new LmdbEnvironment({ path, tables: ['b', 'c'] })
  t.same(second.meta(), metaOf(2))
  t.same(linesOf(second, 'b'), ['y=2'])
  t.same(linesOf(second, 'c'), [], 'a table may be added')
  t.throws(() => second.get('a', Buffer.from('x')), { message: /table 'a' was not named/ })
  t.equal(await second.commit(2, metaOf(3), []), true)
  await second.close()
})

t.test('a store of another layout is corrupt, and is left as it is', async (t) => {
  const path = t.testdir()
  const made = new LmdbEnvironment({ path, tables })
  await made.commit(0, metaOf(1), [])
  await made.close()
  const raw = open({ path, noSubdir: false, maxDbs: 64 })
  const meta: Database<Buffer, Buffer> = raw.openDB('umbel.meta', {
    encoding: 'binary',
    keyEncoding: 'binary',
    useVersions: true,
  })
  const bytes = Buffer.from(meta.get(Buffer.from('meta'))!)
  bytes.writeUInt32LE(99, 0)
  await meta.put(Buffer.from('meta'), bytes, 1)
  await raw.close()
  for (const readOnly of [false, true]) {
    t.throws(() => new LmdbEnvironment({ path, tables, readOnly }), {
      kind: 'corruption',
      code: 'store',
      message: new RegExp(`store layout 99 is not ${STORE_LAYOUT}`),
    })
  }
  t.equal(openDescriptors(path), 0, 'what could not be used was closed')
})

/** How many of this process's descriptors are of the environment. */
function openDescriptors(path: string): number {
  const own = '/proc/self/fd'
  if (!fs.existsSync(own)) return 0
  return fs.readdirSync(own).filter((fd) => {
    try {
      return fs.readlinkSync(`${own}/${fd}`).startsWith(`${fs.realpathSync(path)}/`)
    } catch {
      return false
    }
  }).length
}

t.test('damage in a value, or in a key, is found when it is read, and by looking at everything', async (t) => {
  for (const harmed of ['value', 'key'] as const) {
    const path = t.testdir({})
    const entries = Array.from({ length: 500 }, (_, i) => ({
      key: Buffer.from(`key-${String(i).padStart(4, '0')}`),
      value: Buffer.from(`value-${i}-${'x'.repeat(i)}`),
    }))
    const first = new LmdbEnvironment({ path, tables: ['a'] })
    const meta = { version: 1, body: Buffer.from('body') }
    await first.commit(
      0,
      meta,
      entries.map((entry) => ({ table: 'a', ...entry })),
    )
    for (const _ of first.verify());
    await first.close()
    const file = `${path}/data.mdb`
    const bytes = fs.readFileSync(file)
    const at = bytes.indexOf(harmed === 'value' ? 'value-300-' : 'key-0300')
    bytes[at + 6]! ^= 1
    fs.writeFileSync(file, bytes)
    const second = new LmdbEnvironment({ path, tables: ['a'] })
    const damaged = { kind: 'corruption', code: 'store' }
    t.same(second.get('a', entries[299]!.key), entries[299]!.value)
    if (harmed === 'value') t.throws(() => second.get('a', entries[300]!.key), damaged)
    t.throws(() => [...second.range('a')], damaged)
    t.throws(() => [...second.verify()], damaged)
    await second.close()
  }
})
