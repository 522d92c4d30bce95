/** How long a shard that has come to the end of its input stays. It is a source, whose receivers do what a test says on the board. */
import t, { type Test } from 'tap'
import { ShardActor } from '../../../src/actors/shard-actor.ts'
import { Activity } from '../../../src/base/activity.ts'
import { nodeSeam } from '../../../src/base/real/node-seam.ts'
import { array, count, csvFile, eventTime, int, schema, source, topology, tumbling } from '../../../src/index.ts'
import { Board, makeBoardBuffers } from '../../../src/mailbox/board.ts'
import { EmbeddedLog } from '../../../src/mailbox/embedded-log.ts'
import { SHARD_LIMITS } from '../../../src/recovery/shard-limits.ts'
import type { Rescale } from '../../../src/topology/generations.ts'
import { plan } from '../../../src/topology/plan.ts'

const Click = schema({ at: eventTime(), user: int() })
const perUser = source('clicks', Click, array([{ at: 0, user: 1 }], { splits: 2 }))
  .keyBy('user')
  .window(tumbling('1m'))
  .aggregate({ clicks: count() })
const counted = topology('counted', perUser.to(csvFile('counted.csv')))
const planOf = (...rescales: Rescale[]) => plan(counted, 2, rescales)
const fewer: Rescale = { stage: 'clicks', shards: 1 }

/** Tells when somebody has begun to wait for it. */
class WatchedBoard extends Board {
  #told: () => void = () => {}

  /** Resolves when somebody has waited for the board from now on. */
  waitedFor(): Promise<void> {
    return new Promise((resolve) => {
      this.#told = resolve
    })
  }

  override changedSince(moment: number): Promise<void> {
    this.#told()
    return super.changedSince(moment)
  }
}

/** A source whose split has no row, so that its first epoch is its last; and the cells of those who read it. */
function clicksOf(t: Test, layout = planOf()) {
  const shard = layout.shards.find(({ id }) => id === 'clicks/1')!
  const board = new WatchedBoard(makeBoardBuffers(planOf(fewer).shards.length), 0)
  const directory = t.testdir()
  const log = new EmbeddedLog({
    files: nodeSeam.files,
    directory,
    announced: () => board.announced(shard.cell),
    announce: (_, epoch) => board.announce(shard.cell, epoch),
    segmentBytes: SHARD_LIMITS.segmentBytes,
  })
  const actor = new ShardActor(layout, shard, {
    seam: nodeSeam,
    board,
    log,
    limits: SHARD_LIMITS,
    version: { definition: counted.definition, umbel: 'test', node: 'test' },
    out: directory,
    directory,
    openStore: () => t.fail('a source has no store') as never,
    discardStore: () => {},
    snapshots: null,
    snapshotIntervalMs: Number.POSITIVE_INFINITY,
    activity: new Activity(),
    onChange: () => {},
  })
  const stages = layout.edges.flatMap(({ from, to }) => (from.stage === shard.stage && to !== null ? [to.stage] : []))
  const receivers = layout.shards.filter(({ stage }) => stages.includes(stage)).map(({ cell }) => cell)
  return { actor, board, cell: shard.cell, receivers }
}

t.test('a shard that has finished stays until every receiver has stored what it has put out', async (t) => {
  const { actor, board, cell, receivers } = clicksOf(t)
  let hasEnded = false
  const ended = actor.run().finally(() => {
    hasEnded = true
  })
  t.ok(receivers.length > 1)
  for (const receiver of receivers) {
    await board.waitedFor()
    t.ok(board.backlog(cell) > 0)
    t.notOk(hasEnded)
    board.setConsumed(receiver, cell, board.announced(cell))
  }
  t.equal(await ended, 'finished')
  t.equal(board.backlog(cell), 0)
})

// Those that follow begin when it has ended. Receivers may wait for them, and their own successors for these.
t.test('a shard that has finished, and is followed by others, waits for no receiver', async (t) => {
  const { actor, board, cell } = clicksOf(t)
  const ended = actor.run()
  await board.waitedFor()
  t.ok(board.backlog(cell) > 0)
  actor.learn(planOf(fewer))
  board.ring()
  t.equal(await ended, 'finished')
  t.equal(board.backlog(cell), 0)
  t.equal(board.ended(cell), board.announced(cell))
})

t.test('nor does one that has heard of those that follow before its input was over', async (t) => {
  const { actor, board, cell } = clicksOf(t, planOf(fewer))
  t.equal(await actor.run(), 'finished')
  t.equal(board.backlog(cell), 0)
})
