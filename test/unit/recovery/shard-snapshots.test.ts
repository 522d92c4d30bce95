/** Snapshots of a store that goes on meanwhile, taken as copies and as changes: each gives back the state of its epoch. */
import fs from 'node:fs'
import path from 'node:path'
import * as fc from 'fast-check'
import t from 'tap'
import { nodeSeam } from '../../../src/base/real/node-seam.ts'
import { ShardSnapshots, type SnapshotBody } from '../../../src/recovery/shard-snapshots.ts'
import { ShardStore } from '../../../src/recovery/shard-store.ts'
import { ChangedKeys } from '../../../src/storage/changed-keys.ts'
import { LmdbEnvironment } from '../../../src/storage/lmdb-environment.ts'
import { DirectoryObjectStore } from '../../../src/storage/object-store.ts'
import { SnapshotStore } from '../../../src/storage/snapshot-store.ts'

const TABLES = ['a', 'b']
const inbox = { positions: [], watermarks: [], retried: 0, retired: [] }

/** A shard's store with its snapshots, and what it held at each epoch. */
class Setup {
  readonly directory: string
  readonly store: SnapshotStore<SnapshotBody>
  readonly snapshots: ShardSnapshots
  readonly changed: ChangedKeys
  readonly shard: ShardStore
  readonly contents = new Map<number, string>()
  readonly #content = new Map<string, string>()
  epoch = 0

  constructor(directory: string, keep = 2, changedBytesMax = 1 << 20) {
    this.directory = path.join(directory, 'store')
    fs.mkdirSync(this.directory, { recursive: true })
    this.store = new SnapshotStore(new DirectoryObjectStore(nodeSeam.files, path.join(directory, 'objects')), 's')
    const open = (at: string, more: readonly string[] = []) =>
      new LmdbEnvironment({ path: at, tables: [...new Set([...TABLES, ...more])], mapSize: 2 ** 26 })
    this.snapshots = new ShardSnapshots({
      shard: 's/0',
      seam: nodeSeam,
      store: this.store,
      directory: this.directory,
      open,
      keep,
    })
    this.shard = new ShardStore(open(this.directory), 1)
    this.changed = new ChangedKeys(changedBytesMax)
    this.shard.note(this.changed)
  }

  /** An epoch that writes `key=value`, or removes where the value is null; its commit is under way when this returns. */
  write(changes: readonly (readonly [table: string, key: string, value: string | null])[]): Promise<void> {
    for (const [table, key, value] of changes) {
      if (value === null) {
        this.shard.table(table).remove(Buffer.from(key))
        this.#content.delete(table + key)
      } else {
        this.shard.table(table).put(Buffer.from(key), Buffer.from(value))
        this.#content.set(table + key, value)
      }
    }
    this.epoch++
    this.contents.set(this.epoch, JSON.stringify([...this.#content].sort()))
    return this.shard.seal({ epoch: this.epoch, marker: this.epoch, inbox })()
  }

  take() {
    return this.snapshots.take(this.shard.environment, this.changed)
  }

  /** What the newest snapshot holds. */
  async restored(): Promise<{ epoch: number; content: string }> {
    await this.shard.close()
    const { epoch, problems } = await this.snapshots.restore(async () => true)
    if (epoch === null) throw new Error(problems.join())
    const environment = new LmdbEnvironment({ path: this.directory, tables: TABLES, mapSize: 2 ** 26 })
    const content = TABLES.flatMap((table) =>
      [...environment.range(table)].map(([key, value]) => [table + Buffer.from(key), `${Buffer.from(value)}`]),
    )
    await environment.close()
    return { epoch, content: JSON.stringify(content.sort()) }
  }
}

const change = fc.tuple(
  fc.constantFrom(...TABLES),
  fc.constantFrom('k', 'l', 'm', 'n', 'o', 'long'.repeat(600)),
  fc.option(fc.string({ maxLength: 8 })),
)
const step = fc.record({ changes: fc.array(change, { maxLength: 4 }), takes: fc.constantFrom('no', 'after', 'during') })

t.test('whatever is written meanwhile, the newest snapshot is the state of its epoch', async (t) => {
  const root = t.testdir()
  let run = 0
  let extended = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 14 }), async (steps) => {
      const setup = new Setup(path.join(root, `${run++}`))
      await setup.shard.fence({ epoch: 0, marker: 0, inbox })
      setup.contents.set(0, '[]')
      for (const { changes, takes } of steps) {
        const written = setup.write(changes)
        if (takes === 'after') await written
        const taken = takes === 'no' ? null : await setup.take()
        await written
        if ((taken?.manifest.changes.length ?? 0) > 0) extended++
      }
      const { manifest } = await setup.take()
      const { epoch, content } = await setup.restored()
      return epoch === manifest.number && content === setup.contents.get(epoch)
    }),
    { numRuns: 40 },
  )
  t.ok(extended > 40, `${extended} of them were changes`)
})

t.test('changes follow a copy until they are many, and a copy follows what is not known', async (t) => {
  const setup = new Setup(t.testdir(), 2, 300)
  await setup.shard.fence({ epoch: 0, marker: 0, inbox })
  const pieces: number[] = []
  const take = async () => {
    const { manifest } = await setup.take()
    pieces.push(manifest.changes.length)
    return manifest
  }
  for (let i = 0; i < 7; i++) {
    await setup.write([['a', `k${i}`, 'v']])
    await take()
  }
  t.strictSame(pieces, [0, 1, 2, 3, 4, 5, 0], 'a few, since the store is small')
  await setup.write(Array.from({ length: 10 }, (_, i) => ['b', `k${i}`, 'v'] as const))
  t.equal((await take()).changes.length, 0, 'more keys than were kept')
  await setup.write([['a', 'x', null]])
  const manifest = await take()
  t.equal(manifest.changes.length, 1)
  fs.rmSync(path.join(path.dirname(setup.directory), 'objects/s/chunks', manifest.changes[0]!))
  await setup.write([['a', 'y', 'v']])
  t.equal((await take()).changes.length, 0, 'a piece is gone')
  t.strictSame(await setup.restored(), { epoch: setup.epoch, content: setup.contents.get(setup.epoch)! })
})

t.test('damage of the store is no snapshot: an earlier one is put in its place', async (t) => {
  const directory = t.testdir()
  const setup = new Setup(directory)
  await setup.write([['a', 'x', 'a value of some length']])
  await setup.take()
  await setup.write([['b', 'y', 'another value of some length']])
  await setup.shard.close()
  const file = path.join(setup.directory, 'data.mdb')
  const at = fs.readFileSync(file).indexOf('another value of some length')
  t.ok(at > 0)
  const handle = fs.openSync(file, 'r+')
  fs.writeSync(handle, 'B', at + 3)
  fs.closeSync(handle)
  const next = new Setup(directory)
  await t.rejects(next.take(), { kind: 'corruption', code: 'store', message: /a value in the store is damaged/ })
  t.same(await next.store.numbers(), [1])
  t.match(await next.restored(), { epoch: 1, content: setup.contents.get(1)! })
})
