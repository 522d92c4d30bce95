/**
 * What is the embedded log's own: segments, files that are left over, writes that fail. What it makes of damage is tested
 * in `segment-chain.test.ts`, the contract that it shares with the other logs in `test/conformance/mailbox`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { nodeFiles } from '../../../src/base/real/node-seam.ts'
import type { Files } from '../../../src/base/seam.ts'
import { encodeRecord, RecordHead } from '../../../src/mailbox/segment.ts'
import { listSegments } from '../../../src/mailbox/segment-chain.ts'
import { markersOf, textOfRead } from '../../conformance/mailbox/records.ts'
import { ended, placesOf, range, replaced, SENDER, small, TestLog, textOfSmall, textsOfSmall } from './support.ts'

t.test('a reader that is up takes the newer record, where the older life left the head of one', async (t) => {
  const { log, segments, first } = await ended(t, 3)
  const reader = log.log.reader(SENDER, [1, 2], 0, 0)
  await reader.next()
  await reader.next()
  const bytes = segments.get(first)!
  const [, , start, end] = placesOf(bytes) as [number, number, number, number]
  // Head and first frame are on disk, and end short of the last bytes.
  log.restore(segments, new Map([[first, replaced(bytes, end - 8, new Uint8Array(8).fill(255))]]))
  t.ok(end - 8 > start)
  const next = new TestLog(log.directory)
  const writer = await next.claim()
  t.equal(writer.end, 2)
  await next.write(writer, [small(3, 'b'), small(4, 'b')])
  log.announced = 4
  t.equal(textOfRead(await reader.next()), textOfSmall(3, 'b'))
  t.equal(textOfRead(await reader.next()), textOfSmall(4, 'b'))
})

t.test('records go on in further segments, and one larger than a segment has its own', async (t) => {
  const log = new TestLog(t.testdir(), undefined, 1024)
  const writer = await log.claim()
  const large = { ...small(4), marker: Buffer.alloc(10_000, 'm') }
  const records = [small(1), small(2), small(3), large, ...range(5, 70).map((epoch) => small(epoch))]
  await log.writeAtOnce(writer, records)
  t.same(await log.read(), textsOfSmall(70))
  t.same(await markersOf(log.log, SENDER, 4, 4), [`4: ${'m'.repeat(10_000)}`])
  const used = listSegments(nodeFiles, `${log.directory}/stage.0`)
  t.ok(used.length > 4, `${used.length} segments`)
  t.match(used, [{ incarnation: 1, index: 1, firstEpoch: 1 }])
  const sizes = used.map(({ path }) => readFileSync(path).length)
  t.equal(sizes[1], 64 + encodeRecord(large, 1, 3).bytes, 'the large one is alone in its file')
  t.ok(
    sizes.every((size, i) => i === 1 || size <= 1024),
    'others keep within the size',
  )
  for (const after of range(0, 70)) t.same(await log.read(after), textsOfSmall(70).slice(after))
  const next = new TestLog(log.directory)
  t.equal((await next.claim()).end, 70)
})

t.test('a segment begins when all before it is durable', async (t) => {
  const log = new TestLog(t.testdir())
  const writer = await log.claim()
  const appends = [small(1), { ...small(2), marker: Buffer.alloc(5000) }].map((record) => writer.append(record))
  const used = async () => {
    await new Promise(setImmediate)
    return listSegments(nodeFiles, `${log.directory}/stage.0`).length
  }
  t.equal(await used(), 1)
  log.held.step()
  t.equal(await used(), 2)
  log.held.step()
  await Promise.all(appends)
})

t.test('a record says what was durable before it, not what was written', async (t) => {
  const log = new TestLog(t.testdir())
  const writer = await log.claim()
  const append = async (epoch: number, slowness: number) => {
    log.slowness = slowness
    const appended = writer.append(small(epoch))
    await new Promise(setImmediate)
    return { appended }
  }
  const first = await append(1, 0)
  await append(2, 0.9)
  log.held.step()
  await first.appended
  const third = await append(3, 0)
  const segment = [...log.segments().values()][0]!
  const durable = placesOf(segment)
    .slice(0, 3)
    .map((at) => new RecordHead(segment.subarray(at)).durable)
  t.same(durable, [0, 0, 1])
  for (let step = 0; step < 4; step++) log.held.step()
  await third.appended
})

t.test('files of dead lives that hold nothing are removed, what is torn is cut off', async (t) => {
  const { log, segments, first } = await ended(t, 3)
  t.equal(segments.size, 2, 'a segment in use and one prepared')
  const end = placesOf(segments.get(first)!).at(-1)!
  for (let life = 2; life < 6; life++) {
    const next = new TestLog(log.directory, () => nodeFiles)
    const writer = await next.claim()
    t.equal(writer.incarnation, life)
    const left = [...next.segments()].map(([path, bytes]) => `${path.slice(-21)} ${bytes.length}`)
    t.same(left, [`00000001-00000001.seg ${end}`, `0000000${life}-00000001.seg 0`])
    await writer.close()
  }
})

t.test('a life that died before its first file lends its incarnation to nobody who has one', async (t) => {
  const { log } = await ended(t, 1)
  const next = new TestLog(log.directory, (held) => ({
    ...held.files,
    createSegment: () => Promise.reject(new Error('disk full')),
  }))
  await t.rejects(next.claim(), { message: 'disk full' })
  const names = readdirSync(`${log.directory}/stage.0`)
  t.same(names, ['00000001-00000001.seg', '00000001-00000002.seg'], 'the files that tell the incarnations are there')
})

t.test('a failed write fails what comes after it, and nothing more is announced', async (t) => {
  let isFull = false
  const log = new TestLog(t.testdir(), (held) => ({
    ...held.files,
    async createSegment(path) {
      const file = await held.files.createSegment(path)
      const write: typeof file.write = (chunks, position) =>
        isFull ? Promise.reject(new Error('disk full')) : file.write(chunks, position)
      return { write, close: () => file.close() }
    },
  }))
  const writer = await log.claim()
  await log.write(writer, [small(1)])
  isFull = true
  const failed = writer.append(small(2))
  await t.rejects(failed, { message: 'disk full' })
  isFull = false
  await t.rejects(log.writeAtOnce(writer, [small(3)]), { message: 'disk full' })
  t.equal(log.announced, 1)
  t.equal((await new TestLog(log.directory).claim()).end, 1)
})

t.test('a reader does not mind files that go while it looks for its own', async (t) => {
  const { log } = await ended(t, 30)
  const gone: Files['list'] = (path) => [...nodeFiles.list(path), '00000009-00000001.seg']
  const next = new TestLog(log.directory, (held) => ({ ...held.files, list: gone }))
  next.announce(30)
  t.same(await next.read(), textsOfSmall(30))
})
