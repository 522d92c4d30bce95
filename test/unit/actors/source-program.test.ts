/** Watermarks of a source's splits: disorder, lateness, idleness, and what a marker brings back. By a clock that stands still. */
import t from 'tap'
import { SourceProgram } from '../../../src/actors/source-program.ts'
import { StageProgram } from '../../../src/actors/stage-program.ts'
import { Activity } from '../../../src/base/activity.ts'
import { Board, makeBoardBuffers } from '../../../src/mailbox/board.ts'
import { SourceTimes } from '../../../src/mailbox/source-times.ts'
import { type Batch, BatchBuilder } from '../../../src/records/batch.ts'
import { eventTime, int, schema } from '../../../src/records/schema.ts'
import type { ProgramOutput } from '../../../src/recovery/program.ts'
import { SHARD_LIMITS, type ShardLimits } from '../../../src/recovery/shard-limits.ts'
import type { SourceConnector, SplitRows } from '../../../src/topology/connector.ts'
import { plan } from '../../../src/topology/plan.ts'
import { type SourceSettings, source, topology } from '../../../src/topology/topology.ts'
import { contextOf, StillClock } from '../connectors/support.ts'

const Tick = schema({ at: eventTime(), n: int() })
const MS = 1000

/** Splits whose rows a test hands over: `null` ends one, nothing makes it wait. */
class Hand {
  readonly queues: (number[] | null)[][]
  constructor(splits: number) {
    this.queues = Array.from({ length: splits }, () => [])
  }
  give(split: number, ...times: number[]): void {
    this.queues[split]!.push(times)
  }
  end(split: number): void {
    this.queues[split]!.push(null)
  }
  connector(): SourceConnector {
    const { queues } = this
    return {
      kind: 'hand',
      definition: queues.length,
      isBounded: true,
      splits: queues.length,
      open: async ({ schema: wanted }, split, position) => {
        let offset = (position?.offset as number | undefined) ?? 0
        return {
          async read(): Promise<SplitRows | null | 'wait'> {
            const times = queues[split]!.shift()
            if (times === undefined) return 'wait'
            if (times === null) return null
            const builder = new BatchBuilder(wanted)
            for (const at of times) builder.push({ at, n: at })
            const first = offset
            offset += times.length
            return { batch: builder.finish(), offsets: first, rejected: [] }
          },
          position: () => ({ offset }),
          close() {},
        }
      },
    }
  }
}

const buffersOf = (shards: number) => makeBoardBuffers(shards)

/** Shard `index` of the source, opened over a board that it shares with the other shards. */
async function open(
  hand: Hand,
  settings: SourceSettings,
  options: {
    clock?: StillClock
    marker?: unknown
    board?: Board
    index?: number
    shards?: number
    limits?: Partial<ShardLimits>
  } = {},
) {
  const { clock = new StillClock(), marker = null, index = 0, shards = 1 } = options
  const whole = plan(topology('ticks', source('ticks', Tick, hand.connector(), settings).output('all')), shards)
  const stage = whole.stages[0]!
  const board = options.board ?? new Board(buffersOf(whole.shards.length), 0)
  const sources = whole.shards.filter((shard) => shard.stage === 0).map((shard) => shard.cell)
  const rejects = whole.edges.find((edge) => edge.to !== null)!
  const numbers = hand.queues.map((_, i) => i).filter((i) => i % shards === index)
  const program = new SourceProgram(
    new StageProgram(whole, stage, {
      shard: { index, cell: index },
      activity: new Activity(),
      table: () => {
        throw new Error('a source has no tables')
      },
      journal: (ask) => ask(),
      limits: SHARD_LIMITS,
      make: (_, context) => ({ onBatch: (batch) => context.emit(batch) }),
    }),
    stage.nodes[0]!,
    contextOf(Tick, clock),
    numbers,
    new SourceTimes(board, sources[index]!, () => sources),
  )
  const outputs: ProgramOutput[] = []
  program.output = (output) => outputs.push(output)
  await program.open(marker)
  const edge = whole.edges.find(({ to }) => to === null)!.id
  return {
    clock,
    board,
    program,
    /** One epoch: true when something came. */
    async epoch() {
      const came = await program.read({ ...SHARD_LIMITS, epochRowsMax: 100, ...options.limits })
      if (came) program.advance([], { rows: 100, bytes: Number.POSITIVE_INFINITY })
      return came
    },
    get watermark() {
      return program.watermarkOf(edge)
    },
    /** Event times that were let through, and kinds of rows that were turned away. */
    taken: () => outputs.filter((one) => one.edge === edge).flatMap(({ batch }) => [...batch.times]),
    refused: () => outputs.filter((one) => one.edge === rejects.id).flatMap(({ batch }) => kinds(batch)),
  }
}

const kinds = (batch: Batch): string[] => [...batch.rows()].map(({ kind, at, offset }) => `${kind} ${offset} at ${at}`)

t.test('a row is judged by the rows before it, in its own batch too', async (t) => {
  const hand = new Hand(1)
  const ticks = await open(hand, { disorder: 10, lateness: 5 })
  hand.give(0, 100, 90, 89, 85, 84, 120, 110, 104)
  await ticks.epoch()
  t.same(ticks.taken(), [100, 90, 89, 85, 120, 110], '85 to 89 are late but taken, 84 and 104 are too late')
  t.same(ticks.refused().length, 2)
  t.equal(ticks.watermark, 110)
})

t.test('the watermark of a source is that of its slowest split', async (t) => {
  const hand = new Hand(2)
  const ticks = await open(hand, {})
  hand.give(0, 100)
  await ticks.epoch()
  t.equal(ticks.watermark, Number.NEGATIVE_INFINITY, 'a split not heard yet holds all')
  hand.give(1, 50)
  await ticks.epoch()
  t.equal(ticks.watermark, 50)
  hand.end(1)
  while (await ticks.epoch());
  t.equal(ticks.watermark, 100, 'an ended one holds nobody')
  hand.end(0)
  while (await ticks.epoch());
  t.equal(ticks.watermark, Number.POSITIVE_INFINITY)
})

t.test('an idle split follows the others, and is judged by what was said when it resumes', async (t) => {
  const hand = new Hand(2)
  const ticks = await open(hand, { idleAfter: 500 * MS })
  hand.give(0, 100)
  hand.give(1, 50)
  while (await ticks.epoch());
  ticks.clock.ms = 499
  hand.give(0, 200)
  while (await ticks.epoch());
  t.equal(ticks.watermark, 50, 'silent, but not for long enough')
  ticks.clock.ms = 500
  await ticks.epoch()
  hand.give(0, 300)
  while (await ticks.epoch());
  ticks.clock.ms = 700
  t.equal(await ticks.epoch(), true, 'that time went on is an epoch of its own')
  t.equal(ticks.watermark, 300)
  hand.give(1, 299, 301)
  while (await ticks.epoch());
  t.same(ticks.refused(), ['late 1 at 300'])
  t.equal(ticks.watermark, 300, 'it holds the others again')
})

t.test('an idle source follows other sources, not those that have ended or are idle', async (t) => {
  const hand = new Hand(2)
  const settings = { idleAfter: 500 * MS }
  const first = await open(hand, settings, { shards: 2, index: 0 })
  const second = await open(hand, settings, { shards: 2, index: 1, board: first.board, clock: first.clock })
  hand.give(0, 100)
  hand.give(1, 50)
  await first.epoch()
  await second.epoch()
  t.equal(await second.epoch(), false, 'from now on it is silent')
  first.clock.ms = 600
  hand.give(0, 900)
  await first.epoch()
  await second.epoch()
  t.equal(second.watermark, 900)
  t.equal(await first.epoch(), false)
  first.clock.ms = 1300
  await first.epoch()
  t.equal(await second.epoch(), false)
  t.same([first.watermark, second.watermark], [900, 900], 'all idle: time stands')
  hand.end(0)
  await first.epoch()
  first.clock.ms = 1500
  await second.epoch()
  t.equal(second.watermark, 900, 'the end of another source is no time to follow')
})

t.test('of the splits of a shard the one that is furthest behind is read first', async (t) => {
  const hand = new Hand(2)
  const ticks = await open(hand, {})
  for (const at of [100, 200, 300]) hand.give(0, at)
  for (const at of [10, 20, 150]) hand.give(1, at)
  while (await ticks.epoch());
  t.same(ticks.taken(), [100, 10, 20, 150, 200, 300])
})

t.test('a split that is too far ahead of the slowest of the topology waits for it', async (t) => {
  const hand = new Hand(2)
  const settings = { alignWithin: 50, idleAfter: 500 * MS }
  const first = await open(hand, settings, { shards: 2, index: 0 })
  const second = await open(hand, settings, { shards: 2, index: 1, board: first.board, clock: first.clock })
  for (const at of [100, 160, 161]) hand.give(0, at)
  hand.give(1, 50)
  await first.epoch()
  t.equal(await first.epoch(), false, 'the other has not been heard')
  await second.epoch()
  t.equal(await first.epoch(), true, '100 is within 50 of it')
  t.equal(await first.epoch(), false, '160 is not')
  hand.give(1, 110)
  await second.epoch()
  t.equal(await first.epoch(), true)
  t.same(first.taken(), [100, 160, 161])
  hand.give(0, 500)
  hand.give(0, 501)
  hand.end(1)
  await second.epoch()
  t.equal(await first.epoch(), true, 'one that has ended is not waited for')
  t.equal(await first.epoch(), true)
})

t.test('a split that was held back is not idle for that', async (t) => {
  const hand = new Hand(2)
  const settings = { alignWithin: 50, idleAfter: 500 * MS }
  const first = await open(hand, settings, { shards: 2, index: 0 })
  const second = await open(hand, settings, { shards: 2, index: 1, board: first.board, clock: first.clock })
  hand.give(0, 200)
  hand.give(1, 50)
  await first.epoch()
  await second.epoch()
  first.clock.ms = 450
  t.equal(await first.epoch(), false, 'it is held back')
  hand.give(1, 180)
  await second.epoch()
  first.clock.ms = 600
  await first.epoch()
  t.equal(first.watermark, 200)
  hand.give(1, 900)
  await second.epoch()
  first.clock.ms = 800
  await first.epoch()
  t.equal(first.watermark, 200, 'silent for less than 500 ms: it does not follow')
})

t.test('a split is not idle for the time in which it was not asked', async (t) => {
  const hand = new Hand(2)
  const ticks = await open(hand, { idleAfter: 500 * MS })
  for (let at = 10; at <= 100; at++) hand.give(0, at)
  hand.give(1, 50)
  const epochs = async (count: number, ms: number) => {
    for (let i = 0; i < count; i++) {
      ticks.clock.ms += ms
      await ticks.epoch()
    }
  }
  // The other is behind it all the while.
  await epochs(43, 100)
  t.equal(ticks.watermark, 50)
  await epochs(3, 100)
  t.equal(ticks.watermark, 50, 'asked and silent for 200 ms')
  ticks.program.heldBack()
  ticks.clock.ms += 400
  await epochs(3, 100)
  t.equal(ticks.watermark, 50, 'while it was held back nothing was asked: silent for 400 ms')
  await epochs(2, 100)
  t.ok(ticks.watermark > 50, 'silent for 500 ms')
})

t.test('a split is idle in the end also where the source is held back again and again', async (t) => {
  const hand = new Hand(2)
  const ticks = await open(hand, { idleAfter: 500 * MS })
  hand.give(1, 50)
  for (let at = 0; at < 300; at++) hand.give(0, at)
  for (let turn = 0; turn < 200 && (ticks.watermark ?? 0) <= 50; turn++) {
    for (let i = 0; i < 10; i++) {
      ticks.clock.ms += 5
      await ticks.epoch()
    }
    ticks.program.heldBack()
    ticks.clock.ms += 50
  }
  t.ok(ticks.watermark > 50)
})

t.test('without idleAfter everybody waits', async (t) => {
  const hand = new Hand(2)
  const ticks = await open(hand, {})
  hand.give(0, 100)
  hand.give(1, 50)
  while (await ticks.epoch());
  ticks.clock.ms = 1e9
  hand.give(0, 200)
  while (await ticks.epoch());
  t.equal(ticks.watermark, 50)
})

t.test('a marker brings back positions and watermarks, those that were followed too', async (t) => {
  const hand = new Hand(2)
  const settings = { idleAfter: 500 * MS }
  const ticks = await open(hand, settings)
  hand.give(0, 100)
  hand.give(1, 50)
  while (await ticks.epoch());
  ticks.clock.ms = 600
  await ticks.epoch()
  hand.give(0, 400)
  while (await ticks.epoch());
  ticks.clock.ms = 1000
  await ticks.epoch()
  t.equal(ticks.watermark, 400)
  const again = await open(hand, settings, { marker: ticks.program.markerState() })
  hand.give(1, 399, 400)
  while (await again.epoch());
  t.same(again.refused(), ['late 1 at 400'])
  t.same(again.taken(), [400])
})

t.test('rows dated too far ahead go to the dead letters and move no watermark', async (t) => {
  const hand = new Hand(1)
  const clock = new StillClock()
  clock.ms = 1
  const ticks = await open(hand, { aheadMax: 500 }, { clock })
  hand.give(0, 900, 1501, 1500)
  await ticks.epoch()
  t.same(ticks.taken(), [900, 1500])
  t.match(ticks.refused(), [/^ahead 1 /])
  t.equal(ticks.watermark, 1500)
})
