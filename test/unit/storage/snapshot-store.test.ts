/** Snapshots in a directory: what is copied, what is kept, and what damage is found. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { nodeFiles } from '../../../src/base/real/node-seam.ts'
import { DirectoryObjectStore } from '../../../src/storage/object-store.ts'
import { SnapshotStore } from '../../../src/storage/snapshot-store.ts'

const CHUNK = 256 << 10

class Setup {
  readonly directory: string
  readonly store: SnapshotStore<{ say: string }>
  readonly #file: string
  pauses = 0

  constructor(directory: string) {
    this.directory = path.join(directory, 'objects')
    this.#file = path.join(directory, 'file')
    this.store = new SnapshotStore(new DirectoryObjectStore(nodeFiles, this.directory), 'job/shard.0')
  }

  /** Writes a snapshot of a file of these bytes. */
  async write(number: number, bytes: Uint8Array) {
    fs.writeFileSync(this.#file, bytes)
    const file = nodeFiles.openRead(this.#file)
    try {
      const about = { number, takenAt: number * 1000, body: { say: `number ${number}` } }
      return await this.store.write(about, file, async () => void this.pauses++)
    } finally {
      file.close()
    }
  }

  async bytesOf(number: number): Promise<Buffer> {
    const parts: Uint8Array[] = []
    const { chunks, changes } = await this.store.manifest(number)
    for await (const part of this.store.read([...chunks, ...changes])) parts.push(part)
    return Buffer.concat(parts)
  }

  chunks(): string[] {
    return fs.readdirSync(path.join(this.directory, 'job/shard.0/chunks'))
  }

  /** Changes a byte of a file of the objects. */
  damage(name: string): void {
    const file = path.join(this.directory, 'job/shard.0', name)
    const bytes = fs.readFileSync(file)
    bytes[bytes.length >> 1]! ^= 1
    fs.writeFileSync(file, bytes)
  }
}

/** `n` chunks and a half, the i-th filled with `fills[i]`. */
const fileOf = (...fills: number[]): Buffer =>
  Buffer.concat(fills.map((fill, i) => Buffer.alloc(i === fills.length - 1 ? CHUNK / 2 : CHUNK, fill)))

t.test('a snapshot gives back the bytes, and what it was told', async (t) => {
  const setup = new Setup(t.testdir())
  for (const [number, bytes] of [fileOf(1, 2, 3), Buffer.alloc(0), fileOf(4)].entries()) {
    const written = await setup.write(number, bytes)
    t.equal(written.manifest.bytes, bytes.length)
    t.ok((await setup.bytesOf(number)).equals(bytes))
    t.match(await setup.store.manifest(number), { number, takenAt: number * 1000, body: { say: `number ${number}` } })
    t.equal(await setup.store.problem(number), null)
  }
  t.strictSame(await setup.store.numbers(), [0, 1, 2])
  t.equal(setup.pauses, 4, 'the thread is free between chunks')
})

t.test('only chunks that are new are copied', async (t) => {
  const setup = new Setup(t.testdir())
  t.equal((await setup.write(1, fileOf(1, 2, 1, 3))).copied, 2.5 * CHUNK, 'equal ones once')
  t.equal((await setup.write(2, fileOf(1, 2, 9, 3))).copied, CHUNK)
  t.equal((await setup.write(3, fileOf(9, 9, 2, 3))).copied, 0)
  t.ok((await setup.bytesOf(1)).equals(fileOf(1, 2, 1, 3)))
})

t.test('old snapshots go, and chunks that no other names', async (t) => {
  const setup = new Setup(t.testdir())
  await setup.write(1, fileOf(1, 2, 3))
  await setup.write(2, fileOf(1, 4, 3))
  await setup.write(3, fileOf(1, 5, 3))
  t.equal(setup.chunks().length, 5)
  t.strictSame(
    (await setup.store.collect(2)).map(({ number }) => number),
    [2, 3],
  )
  t.strictSame(await setup.store.numbers(), [2, 3])
  t.equal(setup.chunks().length, 4)
  for (const number of [2, 3]) t.equal(await setup.store.problem(number), null)
  // What an interrupted snapshot has left.
  fs.writeFileSync(path.join(setup.directory, 'job/shard.0/chunks/ff00'), 'left')
  t.equal((await setup.store.collect(1)).length, 1)
  t.equal(setup.chunks().length, 3)
  t.ok((await setup.bytesOf(3)).equals(fileOf(1, 5, 3)))
})

t.test('a damaged chunk is found, and written anew by the next snapshot', async (t) => {
  const setup = new Setup(t.testdir())
  await setup.write(1, fileOf(1, 2))
  const [chunk] = (await setup.store.manifest(1)).chunks
  setup.damage(`chunks/${chunk}`)
  await t.rejects(setup.bytesOf(1), {
    kind: 'corruption',
    code: 'snapshot',
    message: /was damaged, and is removed: the next snapshot writes it anew$/,
  })
  t.match(await setup.store.problem(1), /is gone$/)
  t.equal((await setup.write(2, fileOf(1, 2))).copied, CHUNK)
  t.equal(await setup.store.problem(1), null, 'which mends the older one too')
})

t.test('a damaged manifest is no snapshot, and does not stay', async (t) => {
  const setup = new Setup(t.testdir())
  await setup.write(1, fileOf(1, 2))
  await setup.write(2, fileOf(1, 3))
  setup.damage('manifests/0000000000000002.json')
  await t.rejects(setup.store.manifest(2), { kind: 'corruption', code: 'snapshot', message: /is damaged$/ })
  await t.rejects(setup.store.manifest(3), { kind: 'corruption', code: 'snapshot', message: /is gone$/ })
  t.strictSame(
    (await setup.store.collect(2)).map(({ number }) => number),
    [1],
  )
  t.strictSame(await setup.store.numbers(), [1])
  t.equal(setup.chunks().length, 2)
})

t.test('a snapshot of changes names what is below it, and stays whole when that goes', async (t) => {
  const setup = new Setup(t.testdir())
  const whole = (await setup.write(1, fileOf(1, 2))).manifest
  const extend = (earlier: typeof whole, number: number, ...pieces: string[]) =>
    setup.store.extend(
      earlier,
      { number, takenAt: 0, body: { say: 'changes' } },
      pieces.map((piece) => Buffer.from(piece)),
      async () => void setup.pauses++,
    )
  const second = (await extend(whole, 2, 'ab', 'c'))!
  t.equal(second.copied, 3)
  t.equal(second.manifest.bytes, 1.5 * CHUNK + 3)
  const third = (await extend(second.manifest, 3, 'd', 'ab'))!
  t.equal(third.copied, 1, 'a piece that is there is not copied')
  t.equal((await setup.store.collect(1)).length, 1)
  t.equal(setup.chunks().length, 5)
  t.equal(await setup.store.problem(3), null)
  t.ok((await setup.bytesOf(3)).equals(Buffer.concat([fileOf(1, 2), Buffer.from('abcdab')])), 'in order')
  setup.damage(`chunks/${third.manifest.changes[1]}`)
  t.match(await setup.store.problem(3), /was damaged, and is removed: the next snapshot writes it anew$/)
  t.equal(await extend(third.manifest, 4, 'e'), null, 'nothing goes on top of what is no longer whole')
  t.strictSame(await setup.store.numbers(), [3])
})

t.test('the manifest is written when every chunk is there, and not at all when one is not', async (t) => {
  const directory = t.testdir()
  fs.writeFileSync(path.join(directory, 'file'), fileOf(1, 2, 3, 4, 5, 6, 7))
  const put: string[] = []
  const waiting: (() => void)[] = []
  let fails = false
  const objects = {
    place: 'memory',
    put: (name: string) =>
      new Promise<void>((resolve, reject) => {
        waiting.push(() => {
          put.push(name.replace(/[0-9a-f]{64}/, 'hash'))
          if (fails && put.length === 3) reject(new Error('the disk is full'))
          else resolve()
        })
        // The latest first, and none before others wait too.
        setImmediate(() => waiting.pop()?.())
      }),
    get: async () => undefined,
    list: async () => [],
    remove: async () => {},
  }
  const store = new SnapshotStore<null>(objects, 'p')
  const write = async () => {
    const file = nodeFiles.openRead(path.join(directory, 'file'))
    await store.write({ number: 1, takenAt: 1, body: null }, file, async () => {}).finally(() => file.close())
  }
  await write()
  t.strictSame(put, [...Array(7).fill('p/chunks/hash'), 'p/manifests/0000000000000001.json'])
  put.length = 0
  fails = true
  await t.rejects(write(), { message: 'the disk is full' })
  t.notOk(put.some((name) => name.includes('manifest')))
})
