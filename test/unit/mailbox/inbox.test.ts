/**
 * The inbox over a log in memory, against a model: each sender's records by position. Random histories append to three
 * senders of two edges and fill in between; every fill is then repeated by another inbox from its slices alone.
 */
import fc from 'fast-check'
import t from 'tap'
import type { InboxState } from '../../../src/mailbox/inbox.ts'
import { Inbox, type InboxBatch, type Slice } from '../../../src/mailbox/inbox.ts'
import type { LogWriter } from '../../../src/mailbox/log.ts'
import { MemoryLog } from '../../../src/mailbox/memory-log.ts'
import { encodeFrame } from '../../../src/records/frame-encoder.ts'
import { eventTime, int, schema, string } from '../../../src/records/schema.ts'
import { anySchema, rowsOf, runs } from '../operators/support.ts'

const Left = schema({ at: eventTime(), id: int() })
const Right = schema({ at: eventTime(), name: string() })
/** `both/0` sends on both edges. */
const SENDERS = ['left/0', 'both/0', 'right/0']
const EDGES = [
  { edge: 4, schema: anySchema(Left), senders: ['left/0', 'both/0'] },
  { edge: 7, schema: anySchema(Right), senders: ['both/0', 'right/0'] },
]
const inboxEdges = (edges: readonly (typeof EDGES)[number][]) =>
  edges.map((edge) => ({ ...edge, senders: [edge.senders.map((id) => ({ id, cell: SENDERS.indexOf(id) }))] }))
const PARTITION = 1
const ROWS_MAX = 4

class Net {
  readonly log: MemoryLog
  readonly inbox: Inbox
  readonly #announced = new Map<string, number>()
  readonly #writers = new Map<string, LogWriter>()
  /** By sender: rows and watermarks of each record. */
  readonly sent = new Map<string, { rows: string[]; watermarks: Map<number, number> }[]>(SENDERS.map((id) => [id, []]))

  constructor() {
    this.log = new MemoryLog({
      random: () => 0,
      announced: (sender) => this.#announced.get(sender) ?? -1,
      announce: (sender, epoch) => void this.#announced.set(sender, epoch),
    })
    this.inbox = new Inbox(this.log, inboxEdges(EDGES), PARTITION)
  }

  async append(sender: string, count: number, watermark: number, layout = 0): Promise<void> {
    let writer = this.#writers.get(sender)
    if (writer === undefined) {
      writer = await this.log.claim(sender, { epoch: 0, incarnation: 0 })
      this.#writers.set(sender, writer)
    }
    const sent = this.sent.get(sender)!
    const epoch = sent.length + 1
    const edges = EDGES.filter(({ senders }) => senders.includes(sender)).map(({ edge }) => edge)
    const rows: string[] = []
    const frames = edges.flatMap((edge) =>
      [0, PARTITION].map((partition) => {
        const ids = Array.from({ length: count }, (_, i) => epoch * 100 + i)
        if (partition === PARTITION) rows.push(...ids.map((id) => `${edge}:${sender}${id}`))
        const batch =
          edge === 4
            ? rowsOf(Left, ...ids.map((id) => ({ at: SENDERS.indexOf(sender), id })))
            : rowsOf(Right, ...ids.map((id) => ({ at: SENDERS.indexOf(sender), name: `${id}` })))
        return { edge, partition, chunks: count > 0 ? [encodeFrame(batch)] : [] }
      }),
    )
    const watermarks = edges.map((edge) => ({ edge, watermark }))
    const append = writer.append({ epoch, layout, isRetired: false, frames, watermarks, marker: new Uint8Array(0) })
    this.log.step()
    await append
    sent.push({ rows, watermarks: new Map(edges.map((edge) => [edge, watermark])) })
  }

  /** What the watermark of an edge is, after the records up to `positions`. */
  watermark(edge: number, senders: readonly string[], positions: readonly number[]): number {
    const least = senders.map((sender) => {
      const read = this.sent.get(sender)!.slice(0, positions[SENDERS.indexOf(sender)])
      return Math.max(Number.NEGATIVE_INFINITY, ...read.map(({ watermarks }) => watermarks.get(edge)!))
    })
    return Math.min(...least)
  }
}

const rowsIn = (batches: readonly InboxBatch[]) =>
  batches.flatMap(({ edge, batch }) =>
    batch.rows().map((row) => `${edge}:${SENDERS[row.at as number]}${row.id ?? row.name}`),
  )

const INFINITE = Number.POSITIVE_INFINITY

interface Fill {
  readonly before: InboxState
  readonly slices: Slice[]
  readonly batches: InboxBatch[]
  readonly after: InboxState
}

async function fill(inbox: Inbox, rows: number, { bytes = INFINITE, fetchBytes = INFINITE } = {}): Promise<Fill> {
  const before = inbox.state()
  const batches: InboxBatch[] = []
  const slices = await inbox.fill({ rows, bytes, fetchBytes }, (batch) => batches.push(batch))
  return { before, slices, batches, after: inbox.state() }
}

const append = fc.record({
  sender: fc.constantFrom(...SENDERS),
  rows: fc.nat({ max: ROWS_MAX }),
  watermark: fc.oneof(fc.nat({ max: 50 }), fc.constant(Number.POSITIVE_INFINITY)),
})
const script = fc.array(fc.oneof(append, fc.integer({ min: 1, max: 12 })), { maxLength: 40 })

t.test('fills hand out every row once, in order within its sender, within bounds, and can be repeated', async () => {
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      const net = new Net()
      const fills: Fill[] = []
      for (const step of [...steps, 1e9]) {
        if (typeof step !== 'number') await net.append(step.sender, step.rows, step.watermark)
        else {
          const filled = await fill(net.inbox, step)
          checkFill(net, filled, step)
          fills.push(filled)
        }
      }
      const wanted = SENDERS.flatMap((sender) => net.sent.get(sender)!.flatMap(({ rows }) => rows))
      const got = rowsIn(fills.flatMap(({ batches }) => batches))
      equal(got.slice().sort(), wanted.slice().sort(), 'every row once')
      for (const sender of SENDERS) {
        const own = (row: string) => row.includes(sender)
        equal(got.filter(own), wanted.filter(own), `in the order of ${sender}`)
      }
      await checkReplays(net, fills)
    }),
    { numRuns: runs(150) },
  )
})

function checkFill(net: Net, { before, slices, batches, after }: Fill, rowsMax: number): void {
  const rows = rowsIn(batches)
  // A record is taken whole: the last one may go beyond, by what both edges hold.
  if (rows.length >= rowsMax + 2 * ROWS_MAX) throw new Error(`${rows.length} rows in a fill of ${rowsMax}`)
  const positions = before.positions.slice()
  const sliced = slices.flatMap(({ sender, from, to }) => {
    if (from !== positions[sender] || to <= from) throw new Error(`slice ${from} to ${to} at ${positions[sender]}`)
    positions[sender] = to
    const records = net.sent.get(net.inbox.senders[sender]!.id)!.slice(from, to)
    return records.flatMap((record) => record.rows)
  })
  equal(rows, sliced, 'slices say what was read')
  equal(after.positions, positions, 'positions are where the slices end')
  equal(
    net.inbox.watermarks(),
    EDGES.map(({ edge, senders }) => net.watermark(edge, senders, positions)),
    'a watermark is the least over the senders',
  )
  const isOver = net.inbox.watermarks().every((watermark) => watermark === Number.POSITIVE_INFINITY)
  if (net.inbox.isFinished !== isOver) throw new Error('finished is when every input has ended')
}

/** A shard that comes back replays from what is stored: each fill, and all from the start. */
async function checkReplays(net: Net, fills: readonly Fill[]): Promise<void> {
  const whole = new Inbox(net.log, inboxEdges(EDGES), PARTITION)
  for (const { before, slices, batches, after } of fills) {
    const restored = new Inbox(net.log, inboxEdges(EDGES), PARTITION)
    restored.restore(before)
    // Twice from where it stands then, too: a slice says where it begins.
    for (const inbox of [restored, restored, whole]) {
      const again: InboxBatch[] = []
      await inbox.replay(slices, (batch) => again.push(batch))
      equal(again.map(plain), batches.map(plain), 'the very same batches')
      equal(inbox.state(), after, 'positions and watermarks are as they were')
    }
  }
}

const plain = ({ edge, batch }: InboxBatch) => [edge, batch.rows()]

/** As `t.same`, without a line for each of thousands. */
function equal(got: unknown, wanted: unknown, what: string): void {
  const [left, right] = [got, wanted].map((value) => JSON.stringify(value, (_, v) => (isFiniteOrNot(v) ? `${v}` : v)))
  if (left !== right) throw new Error(`${what}: ${left} is not ${right}`)
}
const isFiniteOrNot = (value: unknown) => typeof value === 'number' && !Number.isFinite(value)

t.test('a record of a layout that is not known yet waits until it is known for whom it is cut', async (t) => {
  const net = new Net()
  const { inbox } = net
  inbox.learn(inboxEdges(EDGES), INFINITE, 0)
  await net.append('left/0', 1, 1)
  await net.append('left/0', 1, 2, 1)
  const left = inbox.senders.findIndex(({ id }) => id === 'left/0')
  const read = async () => (await fill(inbox, INFINITE)).after.positions[left]
  t.equal(await read(), 1)
  t.equal(await read(), 1)
  inbox.learn(inboxEdges(EDGES), INFINITE, 1)
  t.equal(await read(), 2)
  await net.append('left/0', 1, 3, 2)
  inbox.learn(inboxEdges(EDGES), 2, 2)
  t.equal(await read(), 2, 'and one that is cut for those who follow is theirs')
})

t.test('a busy sender does not keep the others waiting', async (t) => {
  const net = new Net()
  for (let i = 0; i < 30; i++) await net.append('left/0', 3, i)
  for (let i = 0; i < 3; i++) await net.append('right/0', 1, i)
  for (let i = 0; i < 3; i++) await net.append('both/0', 1, i)
  let positions = net.inbox.state().positions
  for (let round = 0; round < 3; round++) {
    for (let turn = 0; turn < SENDERS.length; turn++) await fill(net.inbox, 1)
    const now = net.inbox.state().positions
    t.ok(
      now.every((position, s) => position > positions[s]!),
      `from ${positions} to ${now}`,
    )
    positions = now
  }
})

t.test('a watermark waits for senders that were not heard yet, and never goes back', async (t) => {
  const net = new Net()
  await net.append('left/0', 1, 30)
  await fill(net.inbox, 100)
  t.same(net.inbox.watermarks(), [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY])
  await net.append('both/0', 0, 20)
  await fill(net.inbox, 100)
  t.same(net.inbox.watermarks(), [20, Number.NEGATIVE_INFINITY])
  await net.append('right/0', 0, 5)
  await net.append('left/0', 0, 10)
  await fill(net.inbox, 100)
  t.same(net.inbox.watermarks(), [20, 5])
  t.equal(net.inbox.isFinished, false)
  for (const sender of SENDERS) await net.append(sender, 0, Number.POSITIVE_INFINITY)
  t.equal(net.inbox.isFinished, false, 'not before it has read so')
  await fill(net.inbox, 100)
  t.equal(net.inbox.isFinished, true)
})

t.test('a frame of other columns, or a damaged one, is corruption', async (t) => {
  const net = new Net()
  await net.append('both/0', 2, 1)
  const swapped = new Inbox(net.log, inboxEdges([{ ...EDGES[0]!, schema: EDGES[1]!.schema }]), PARTITION)
  await t.rejects(fill(swapped, 10), { kind: 'corruption', code: 'frame-schema' })
  const writer = await net.log.claim('left/0', { epoch: 0, incarnation: 0 })
  const frame = encodeFrame(rowsOf(Left, { at: 1, id: 1 }))
  frame[frame.length - 1]! ^= 1
  const frames = [{ edge: 4, partition: PARTITION, chunks: [frame] }]
  const append = writer.append({ epoch: 1, layout: 0, isRetired: false, frames, watermarks: [], marker: frame })
  net.log.step()
  await append
  await t.rejects(fill(net.inbox, 10), { kind: 'corruption', code: 'frame' })
})

t.test(
  'a fill ends with the record that reaches its bytes, of rows or of the log; a larger one comes alone',
  async (t) => {
    const sizes = async (limits: { bytes?: number; fetchBytes?: number }): Promise<number[]> => {
      const net = new Net()
      for (const count of [10, 10, 500, 10]) await net.append('left/0', count, 1)
      const rows: number[] = []
      for (;;) {
        const { batches, slices } = await fill(net.inbox, INFINITE, limits)
        if (slices.length === 0) return rows
        rows.push(batches.reduce((sum, { batch }) => sum + batch.length, 0))
      }
    }
    t.strictSame(await sizes({}), [530])
    // A row is two numbers.
    t.strictSame(await sizes({ bytes: 161 }), [20, 500, 10])
    t.strictSame(await sizes({ bytes: 160 }), [10, 10, 500, 10])
    // What would fetch too much is left for the next.
    t.strictSame(await sizes({ fetchBytes: 1000 }), [20, 500, 10])
    t.strictSame(await sizes({ fetchBytes: 1 }), [10, 10, 500, 10])
  },
)
