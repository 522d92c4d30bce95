/** A reader in another thread and another process: it sees commits, holds no transaction, and follows a replaced store. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { open } from 'lmdb'
import t, { type Test } from 'tap'
import { nodeSeam } from '../../../src/base/real/node-seam.ts'
import { LmdbEnvironment } from '../../../src/storage/lmdb-environment.ts'
import { ReplaceableReader } from '../../../src/storage/reader.ts'
import { seal } from '../../../src/storage/sealed-value.ts'
import type { Sight } from './reader-life.ts'
import { linesOf, metaOf, put } from './support.ts'

interface Peer {
  look(): Promise<Sight>
  close(): Promise<unknown>
}
const life = path.join(import.meta.dirname, 'reader-life.ts')

/** lmdb holds one native environment for all threads of a process, and each process its own. */
const peers: Record<string, (store: string) => Peer> = {
  thread(store) {
    const worker = new Worker(life, { workerData: { path: store } })
    const look = async () => {
      worker.postMessage('look')
      return (await once(worker, 'message'))[0] as Sight
    }
    return { look, close: () => worker.terminate() }
  },
  process(store) {
    const child = fork(life, [store])
    const look = async () => {
      child.send('look')
      return (await once(child, 'message'))[0] as Sight
    }
    const close = async () => {
      const left = once(child, 'exit')
      child.disconnect()
      await left
    }
    return { look, close }
  },
}

t.jobs = 2
for (const [kind, start] of Object.entries(peers)) {
  t.test(`in another ${kind}`, { buffered: true }, async (t) => {
    const store = path.join(t.testdir(), 'store')
    const peer = start(store)
    t.equal(await peer.look(), null, 'no store yet')
    t.notOk(fs.existsSync(store), 'and looking makes none')

    let writer = make(store)
    t.same(await peer.look(), { version: 0, lines: [] })
    await writer.commit(0, metaOf(1), [put('a', 'x', '1')])
    t.same(await peer.look(), { version: 1, lines: ['x=1'] }, 'a commit is seen')
    for (let version = 1; version < 20; version++) {
      await writer.commit(version, metaOf(version + 1), [put('a', 'x', `${version}`), put('a', `k${version}`, '')])
      const sight = await peer.look()
      if (sight?.lines.length !== version + 1 || sight.version !== version + 1) t.fail(`version ${version} is not seen`)
    }
    await writer.close()
    writer = make(store)
    t.equal(await writer.commit(20, metaOf(21), []), true, 'who opens it after the reader can write')
    t.equal((await peer.look())?.version, 21)
    await checkReaders(t, store)

    for (let life = 1; life <= 3; life++) {
      await writer.close()
      fs.rmSync(store, { recursive: true })
      if (life > 1) t.equal(await peer.look(), null, 'the store is gone')
      writer = make(store)
      await writer.commit(0, metaOf(life), [put('a', 'life', `${life}`)])
      t.same(await peer.look(), { version: life, lines: [`life=${life}`] }, 'another one of the same path is followed')
    }
    await writer.close()
    await peer.close()
  })
}

const make = (store: string) => new LmdbEnvironment({ path: store, tables: ['a'], mapSize: 2 ** 28 })

/** No slot of any thread or process holds a transaction: it would keep every page freed since, and the file would grow. */
async function checkReaders(t: Test, store: string): Promise<void> {
  const raw = open({ path: store, noSubdir: false, maxDbs: 64 })
  const held = () => (raw.readerList() as string).split('\n').filter((line) => /^\s*\d+\s+\w+\s+\d+/.test(line))
  const slots = () => (raw.readerList() as string).split('\n').filter((line) => /^\s*\d+/.test(line))
  await new Promise((resolve) => setTimeout(resolve, 1))
  t.ok(slots().length > 0)
  t.same(held(), [], 'no transaction is held')
  const transaction = raw.useReadTransaction()
  raw.get('x')
  t.equal(held().length, 1, 'one that is held would be listed')
  transaction.done()
  await raw.close()
}

t.test('who comes while the store is being made sees it when it is there', async (t) => {
  const store = path.join(t.testdir(), 'store')
  const reader = new ReplaceableReader({ files: nodeSeam.files, path: store, tables: ['a'] })
  fs.mkdirSync(store)
  fs.writeFileSync(path.join(store, 'data.mdb'), '')
  t.equal(await reader.current(), null, 'an empty file is none')
  fs.rmSync(store, { recursive: true })
  const raw = open({ path: store, noSubdir: false, maxDbs: 64 })
  const early = (await reader.current())!
  t.equal(early.meta(), null, 'no tables yet')
  t.equal(early.get('a', Buffer.from('x')), undefined)
  t.same(linesOf(early, 'a'), [])
  await t.rejects(async () => linesOf(early, 'b'), { message: /table 'b' was not named/ })
  const writer = make(store)
  await writer.commit(0, metaOf(1), [put('a', 'x', '1')])
  const there = (await reader.current())!
  t.same(there.meta(), metaOf(1))
  t.same(linesOf(there, 'a'), ['x=1'])
  const table = raw.openDB<Buffer, Buffer>('a', { encoding: 'binary', keyEncoding: 'binary' })
  table.putSync(Buffer.from('y'), seal(Buffer.from('y'), Buffer.from('2')))
  t.same(linesOf((await reader.current())!, 'a'), ['x=1', 'y=2'], 'what was committed within the turn too')
  await Promise.all([reader.close(), writer.close(), raw.close()])
})

t.test('a store replaced while it is being opened is none yet; a damaged one is corrupt', async (t) => {
  const store = path.join(t.testdir(), 'store')
  const { files } = nodeSeam
  fs.mkdirSync(store)
  fs.writeFileSync(path.join(store, 'data.mdb'), 'not an environment')
  const reader = new ReplaceableReader({ files, path: store, tables: [] })
  await t.rejects(reader.current(), { kind: 'corruption', code: 'store' })
  let looks = 0
  const moving = { ...files, identity: () => `${looks++}` }
  t.equal(await new ReplaceableReader({ files: moving, path: store, tables: [] }).current(), null)
  const gone = { ...files, identity: (file: string) => files.identity(`${file}.gone`) }
  t.equal(await new ReplaceableReader({ files: gone, path: store, tables: [] }).current(), null)
})
