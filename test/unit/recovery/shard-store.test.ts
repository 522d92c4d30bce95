/** On both environments; the zombies of real processes are in `test/conformance/storage/zombie.test.ts`. */
import t, { type Test } from 'tap'
import { storeVersion } from '../../../src/base/ids.ts'
import type { InboxState } from '../../../src/mailbox/inbox.ts'
import { ShardStore, type StoredState } from '../../../src/recovery/shard-store.ts'
import type { Environment } from '../../../src/storage/environment.ts'
import { LmdbEnvironment } from '../../../src/storage/lmdb-environment.ts'
import { MemoryEnvironment } from '../../../src/storage/memory-environment.ts'

const inbox: InboxState = { positions: [0], watermarks: [[Number.NEGATIVE_INFINITY]], retired: [], retried: 0 }
const empty: StoredState = { epoch: 0, marker: 0, inbox }
const state = (epoch: number): StoredState => ({
  epoch,
  marker: 4_000_000_000 + epoch,
  inbox: { positions: [epoch * 10], watermarks: [[epoch, Number.POSITIVE_INFINITY]], retired: [], retried: 0 },
})
const fenced = { kind: 'fenced', code: 'fenced', message: /another life than incarnation 1/ }
const x = Buffer.from('x')
const write = (store: ShardStore, value: string) => store.table('a').put(x, Buffer.from(value))

const environments: Record<string, (t: Test) => Environment> = {
  memory: () => new MemoryEnvironment(),
  LMDB: (t) => new LmdbEnvironment({ path: t.testdir(), tables: ['a'] }),
}

for (const [kind, open] of Object.entries(environments)) {
  t.test(`in ${kind}`, async (t) => {
    t.test('fencing an empty store stores epoch 0 of this life', async (t) => {
      const environment = open(t)
      const store = new ShardStore(environment, 3)
      t.equal(store.stored, null)
      await store.fence(empty)
      t.same(store.stored, empty)
      t.equal(environment.meta()!.version, storeVersion(3, 0))
      await store.close()
    })

    t.test('fencing raises the incarnation and keeps the epoch and its state', async (t) => {
      const environment = open(t)
      const first = new ShardStore(environment, 1)
      await first.fence(empty)
      write(first, '1')
      t.ok(first.pendingBytes > 0)
      await first.seal(state(7))()
      t.equal(first.pendingBytes, 0)
      const second = new ShardStore(environment, 2)
      t.same(second.stored, state(7), 'the state comes back whole')
      await second.fence(empty)
      t.same(second.stored, state(7))
      t.equal(environment.meta()!.version, storeVersion(2, 7))
      t.same(second.table('a').get(x), Buffer.from('1'))
      await second.close()
    })

    t.test('who is fenced rejects as such and writes nothing, whatever it had queued', async (t) => {
      const environment = open(t)
      const zombie = new ShardStore(environment, 1)
      await zombie.fence(empty)
      write(zombie, 'zombie 1')
      await zombie.seal(state(1))()
      write(zombie, 'zombie 2')
      const commit = zombie.seal(state(2))
      const successor = new ShardStore(environment, 2)
      await successor.fence(empty)
      await t.rejects(commit(), fenced)
      t.equal(environment.meta()!.version, storeVersion(2, 1))
      t.same(environment.get('a', x), Buffer.from('zombie 1'))
      t.same(zombie.stored, state(1), 'it does not take itself to be further')
      write(successor, 'successor 2')
      await successor.seal(state(2))()
      await t.rejects(commit(), fenced, 'nor when the successor has the epoch that it had')
      await t.rejects(zombie.fence(empty), fenced)
      t.same(environment.get('a', x), Buffer.from('successor 2'))
      await successor.close()
    })

    t.test('a life that was stopped before it opened the store does not fence its successor', async (t) => {
      const environment = open(t)
      await new ShardStore(environment, 2).fence(empty)
      await t.rejects(new ShardStore(environment, 1).fence(empty), fenced)
      await t.rejects(new ShardStore(environment, 2).fence(empty), { code: 'fenced' }, 'nor one of the same number')
      t.equal(environment.meta()!.version, storeVersion(2, 0))
      await environment.close()
    })

    t.test('one commit may hold the writes of several epochs', async (t) => {
      const environment = open(t)
      const store = new ShardStore(environment, 1)
      await store.fence(empty)
      for (const epoch of [1, 2, 3]) write(store, `${epoch}`)
      const commit = store.seal(state(3))
      write(store, '4')
      await commit()
      t.same(environment.get('a', x), Buffer.from('3'))
      t.same(store.table('a').get(x), Buffer.from('4'), 'the next epoch is not in it')
      await store.seal(state(4))()
      t.equal(environment.meta()!.version, storeVersion(1, 4))
      t.same(environment.get('a', x), Buffer.from('4'))
      await store.close()
    })
  })
}
