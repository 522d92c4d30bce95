/** The simulated cluster keeps back what Kafka keeps back, and fences whom Kafka fences. */
import t from 'tap'
import type { OutgoingRecord } from '../../../src/mailbox/log.ts'
import { BrokerLog } from '../../../src/testing/broker-log.ts'
import { seededRandom } from '../../../src/testing/random.ts'
import { SimulatedBroker } from '../../../src/testing/simulated-broker.ts'
import { Life, World } from '../../../src/testing/world.ts'

const EDGE = 0

const recordOf = (epoch: number, text = 'x'): OutgoingRecord => ({
  epoch,
  layout: 0,
  isRetired: false,
  watermarks: [{ edge: EDGE, watermark: epoch }],
  frames: [{ edge: EDGE, partition: 1, chunks: [Buffer.from(text.padEnd(8))] }],
  marker: Buffer.from(`marker ${epoch}`),
})

class Setup {
  readonly world: World
  readonly broker: SimulatedBroker
  readonly announced = new Map<string, number>()

  constructor(seed: number) {
    this.world = new World(seededRandom(seed))
    this.broker = new SimulatedBroker(this.world)
  }

  /** Runs until a promise is settled, or virtual time has gone on by so much: then it is null. */
  async until<T>(promise: Promise<T>, ms = 60_000): Promise<T | null> {
    let settled: { value: T } | { error: unknown } | null = null
    promise.then(
      (value) => (settled = { value }),
      (error) => (settled = { error }),
    )
    await this.world.run(() => settled !== null, this.world.now + ms)
    const end = settled as { value: T } | { error: unknown } | null
    if (end === null) return null
    if ('error' in end) throw end.error
    return end.value
  }

  async claim(sender: string, life: Life) {
    const log = this.logOf(life)
    return (await this.until(log.claim(sender, { epoch: 0, incarnation: 0 })))!
  }

  logOf(life: Life): BrokerLog {
    const announce = (sender: string, epoch: number) => void this.announced.set(sender, epoch)
    return new BrokerLog({
      broker: this.broker,
      life,
      announced: (sender) => this.announced.get(sender) ?? -1,
      announce,
    })
  }
}

t.test('what is committed is read, once no older transaction is open', async (t) => {
  let timesHeld = 0
  for (let seed = 1; seed <= 20; seed++) {
    const setup = new Setup(seed)
    const [dying, living] = [new Life('dying'), new Life('living')]
    const first = await setup.claim('a', dying)
    const second = await setup.claim('b', living)
    // The first dies with its transaction open, at some point.
    void first.append(recordOf(1))
    const isOpen = () => setup.broker.read('a', 1, 1) === null && setup.broker.end('a') === 0
    await setup.world.run(() => false, setup.world.now + 0.5)
    const wasOpen = isOpen()
    dying.end()
    t.ok(await setup.until(second.append(recordOf(1, 'of b'))), 'a commit waits for nobody')
    const reader = setup.logOf(living).reader('b', [EDGE], 1, 0)
    await setup.world.run(() => false, setup.world.now + 1000)
    const held = await reader.next()
    if (held === null) {
      timesHeld++
      t.ok(wasOpen, 'it is held back by the other alone')
    }
    await setup.claim('a', new Life('next'))
    await setup.world.run(() => false, setup.world.now + 1000)
    const record = held ?? (await reader.next())
    t.match(record, { epoch: 1, watermarks: [{ edge: EDGE, watermark: 1 }] })
    t.equal(Buffer.from(record!.frames[0]!.bytes).toString().trim(), 'of b')
    t.same(setup.broker.settle(), [])
    t.equal(setup.broker.read('a', 1, 1) !== null, setup.broker.end('a') === 1, 'of the first, all or nothing')
  }
  t.ok(timesHeld > 2, `${timesHeld} times it was`)
})

t.test('a transaction that nobody ends is aborted in time', async (t) => {
  const setup = new Setup(3)
  const [dying, living] = [new Life('dying'), new Life('living')]
  const first = await setup.claim('a', dying)
  const second = await setup.claim('b', living)
  void first.append(recordOf(1))
  await setup.world.run(() => setup.broker.end('a') > 0, setup.world.now + 1)
  dying.end()
  await setup.until(second.append(recordOf(1)))
  const log = setup.logOf(living)
  await setup.world.run(() => false, setup.world.now + 20_000)
  t.ok(await log.reader('b', [EDGE], 1, 0).next())
  t.same(setup.broker.settle(), [])
})

t.test('a zombie is fenced, and nothing that it has begun is seen', async (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const setup = new Setup(seed)
    const [zombie, living] = [new Life('zombie'), new Life('living')]
    const old = await setup.claim('a', zombie)
    await setup.until(old.append(recordOf(1, 'first')))
    const late = old.append(recordOf(2, 'zombie')).catch((error: Error) => error)
    await setup.world.run(() => false, setup.world.now + setup.world.random() * 2)
    const writer = await setup.claim('a', living)
    t.ok(writer.incarnation > old.incarnation)
    const heard = await setup.until(late, 10)
    if (writer.end === 1) {
      t.match(heard, { kind: 'fenced' })
      await setup.until(writer.append(recordOf(2, 'newer')))
    }
    await t.rejects(setup.until(old.append(recordOf(3))), { kind: 'fenced', code: 'fenced' })
    setup.broker.settle()
    const bytes = setup.broker.read('a', 1, 2)!.frames[0]!.bytes
    t.equal(Buffer.from(bytes).toString().trim(), writer.end === 1 ? 'newer' : 'zombie')
    const markers: string[] = []
    for await (const { marker } of setup.logOf(living).markers('a', 1, 2)) markers.push(Buffer.from(marker).toString())
    t.same(markers, ['marker 1', 'marker 2'])
  }
})

t.test('what was trimmed is damage to whoever asks for it', async (t) => {
  const setup = new Setup(5)
  const life = new Life('one')
  const writer = await setup.claim('a', life)
  for (let epoch = 1; epoch <= 3; epoch++) await setup.until(writer.append(recordOf(epoch)))
  const log = setup.logOf(life)
  setup.broker.settle()
  await log.trim('a', 3)
  t.equal(log.first('a'), 2)
  await t.rejects(log.reader('a', [EDGE], 1, 1).next(), { kind: 'corruption', code: 'log' })
  t.match(await log.reader('a', [EDGE], 1, 2).next(), { epoch: 3 })
  await t.rejects(setup.until(log.claim('a', { epoch: 9, incarnation: 0 })), { kind: 'corruption', code: 'log' })
})
