/** What a run has left is compared with a replay: a store that is right passes, and whatever is changed in it is noticed. */
import path from 'node:path'
import t from 'tap'
import { type IndexRecord, indexRecords } from '../../../src/actors/index-records.ts'
import { storeDirectory } from '../../../src/actors/job.ts'
import { nodeMachine } from '../../../src/actors/real/node-machine.ts'
import { nodeSeam } from '../../../src/base/real/node-seam.ts'
import { array, eventTime, int, schema, source, start, string, topology } from '../../../src/index.ts'
import type { Entry, Write } from '../../../src/storage/environment.ts'
import { checkReplay } from '../../../src/testing/check-replay.ts'
import { plan } from '../../../src/topology/plan.ts'

const SECOND = 1_000_000

const Move = schema({ at: eventTime(), user: string(), city: int() })
const moves = Array.from({ length: 60 }, (_, i) => ({ at: i * SECOND, user: `user-${i % 7}`, city: i % 5 }))
const job = topology(
  'moves',
  source('moves', Move, array(moves)).keyBy('user').latest().keyBy('user').index('cities', { history: '1d' }),
)

t.test('a store that was changed behind the back of its shard is noticed', async (t) => {
  const dir = t.testdir()
  await (await start(job, { dir, host: 'inline', shards: 1, snapshots: false })).ended
  const directory = path.join(dir, 'moves')
  const planned = plan(job, 1)
  const check = () => checkReplay({ files: nodeSeam.files, plan: planned, directory, openStore: nodeMachine.openStore })

  const { compared, problems } = await check()
  t.strictSame(problems, [])
  t.equal(compared, 1)

  const [{ tables }] = indexRecords(planned) as [IndexRecord]
  const table = tables.versions!
  const { id } = planned.shards.find(({ stage }) => planned.stages[stage]!.kind === 'operators')!
  const store = nodeMachine.openStore(storeDirectory(directory, id), [table])
  t.teardown(() => store.close())
  const [[key, value]] = [...store.range(table)] as [Entry]
  const change = async (...writes: Write[]) => t.ok(await store.commit(store.meta()!.version, store.meta()!, writes))
  const noticed = async (changed: Write, pattern: RegExp) => {
    await change(changed)
    t.match((await check()).problems, [pattern])
    await change({ table, key, value })
  }
  await noticed({ table, key, value: null }, /an entry is missing in .*versions/)
  await noticed({ table, key, value: Buffer.concat([value, Buffer.of(0)]) }, /another value in .*versions/)
  t.strictSame((await check()).problems, [])
  await change({ table, key: Buffer.concat([key, Buffer.of(0)]), value })
  t.match((await check()).problems, [/an entry too many in .*versions/])
})
