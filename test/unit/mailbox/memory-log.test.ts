/** What is the memory log's own: everything follows from the seed. The contract is tested in `test/conformance/mailbox`. */
import t from 'tap'
import { MemoryLog } from '../../../src/mailbox/memory-log.ts'
import { markersOf, randomOf, recordOf } from '../../conformance/mailbox/records.ts'

/** A life with appends in flight, fenced by the next, and a crash: all that was heard, and what was left. */
async function historyOf(seed: number): Promise<string[]> {
  const heard: string[] = []
  const log = new MemoryLog({
    random: randomOf(seed),
    announced: () => 0,
    announce: (_, epoch) => heard.push(`announced ${epoch}`),
  })
  for (let life = 0; life < 6; life++) {
    const writer = await log.claim('stage/0', { epoch: 0, incarnation: 0 })
    heard.push(`claimed at ${writer.end}`)
    for (let epoch = writer.end + 1; epoch <= writer.end + 5; epoch++) {
      writer.append(recordOf(epoch, `${life}`)).then(
        () => heard.push(`${life} heard of ${epoch}`),
        (error) => heard.push(`${life} failed at ${epoch}: ${error.kind}`),
      )
    }
    for (let step = 0; step < 3; step++) {
      log.step()
      await new Promise(setImmediate)
    }
    if (life % 2) log.crash('stage/0')
    await new Promise(setImmediate)
  }
  const { end } = await log.claim('stage/0', { epoch: 0, incarnation: 0 })
  return [...heard, ...(await markersOf(log, 'stage/0', 1, end))]
}

t.test('a seed repeats a history, and another makes another', async (t) => {
  const histories = new Set<string>()
  for (let seed = 0; seed < 10; seed++) {
    const history = await historyOf(seed)
    t.same(await historyOf(seed), history)
    histories.add(history.join())
  }
  t.ok(histories.size > 8, `${histories.size} histories`)
})

t.test('an append takes as many steps as its options allow', async (t) => {
  const took = new Set<number>()
  const log = new MemoryLog({ random: randomOf(1), announced: () => 0, announce: () => {}, stepsMax: 3 })
  const writer = await log.claim('stage/0', { epoch: 0, incarnation: 0 })
  for (let epoch = 1; epoch <= 50; epoch++) {
    let isOver = false
    void writer.append(recordOf(epoch, 'a')).then(() => (isOver = true))
    let steps = 0
    for (; !isOver; steps++) {
      log.step()
      await new Promise(setImmediate)
    }
    took.add(steps)
  }
  t.same([...took].sort(), [1, 2, 3])
})

t.test('what is appended is a copy: the caller may use its bytes again', async (t) => {
  const log = new MemoryLog({ random: () => 0, announced: () => 1, announce: () => {} })
  const writer = await log.claim('stage/0', { epoch: 0, incarnation: 0 })
  const frames = [{ edge: 1, partition: 0, chunks: [Buffer.from('frame')] }]
  const record = { ...recordOf(1, 'a'), frames }
  const append = writer.append(record)
  record.marker.fill(0)
  frames[0]!.chunks[0]!.fill(0)
  log.step()
  await append
  t.same(await markersOf(log, 'stage/0', 1, 1), ['1: a 1'])
  const read = await log.reader('stage/0', [1], 0, 0).next()
  t.equal(`${Buffer.from(read!.frames[0]!.bytes)}`, 'frame')
})

t.test('trimming leaves the last record, however far the announcements are said to be', async (t) => {
  const log = new MemoryLog({ random: () => 0, announced: () => 9, announce: () => {} })
  const writer = await log.claim('stage/0', { epoch: 0, incarnation: 0 })
  for (const epoch of [1, 2]) {
    const append = writer.append(recordOf(epoch, 'a'))
    log.step()
    await append
  }
  await log.trim('stage/0', 100)
  t.same(await markersOf(log, 'stage/0', 2, 2), ['2: a 2'])
  await t.rejects(markersOf(log, 'stage/0', 1, 1), { kind: 'corruption', code: 'log' })
})
