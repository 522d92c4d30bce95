/** Shards of one thread: one that does not come to its end keeps no failure from being told. */
import path from 'node:path'
import t from 'tap'
import { nodeMachine } from '../../../src/actors/real/node-machine.ts'
import { ShardGroup } from '../../../src/actors/shard-group.ts'
import { nodeSeam } from '../../../src/base/real/node-seam.ts'
import { array, count, eventTime, schema, source, string, topology, tumbling } from '../../../src/index.ts'
import { boardShards, makeBoardBuffers } from '../../../src/mailbox/board.ts'
import { SHARD_LIMITS } from '../../../src/recovery/shard-limits.ts'
import { plan } from '../../../src/topology/plan.ts'

const Click = schema({ at: eventTime(), user: string() })
const job = topology(
  'clicks',
  source('clicks', Click, array([{ at: 1, user: 'ann' }]))
    .filter(() => {
      throw new Error('no clicks')
    })
    .keyBy('user')
    .window(tumbling('1m'))
    .aggregate({ clicks: count() })
    .output('minutes'),
)

t.test('a failure is told although a store cannot be closed', async (t) => {
  const directory = path.join(t.testdir(), 'clicks')
  const whole = plan(job, 1)
  const asked: number[] = []
  const group = new ShardGroup({
    plan: whole,
    shards: whole.shards,
    seam: {
      ...nodeSeam,
      // Minutes pass at once.
      scheduler: {
        ...nodeSeam.scheduler,
        after: (ms) => {
          if (ms >= 30_000) asked.push(ms)
          return nodeSeam.scheduler.after(ms >= 30_000 ? 0 : ms)
        },
      },
    },
    machine: {
      ...nodeMachine,
      openStore: (store, tables) =>
        Object.assign(nodeMachine.openStore(store, tables), { close: () => new Promise(() => {}) }),
    },
    board: makeBoardBuffers(boardShards(whole.shards.length)),
    bell: 1,
    directory,
    out: directory,
    limits: SHARD_LIMITS,
    snapshots: null,
  })
  const release = nodeSeam.scheduler.hold()
  await t.rejects(group.run(), { message: /no clicks/ })
  release()
  t.ok(asked.includes(60_000))
})
