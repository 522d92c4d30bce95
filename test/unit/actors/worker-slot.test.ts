import t from 'tap'
import type { FromHost, FromWorker, ToWorker } from '../../../src/actors/protocol.ts'
import type { ShardStatus } from '../../../src/actors/shard-actor.ts'
import { WorkerSlot } from '../../../src/actors/worker-slot.ts'
import { type RunningWorker, WorkerDied } from '../../../src/actors/workers.ts'
import { Activity } from '../../../src/base/activity.ts'
import { array, count, eventTime, int, schema, source, topology, tumbling } from '../../../src/index.ts'
import { plan } from '../../../src/topology/plan.ts'

const rows = source('rows', schema({ at: eventTime(), key: int() }), array([])).filter(() => true)
const windows = rows.keyBy('key').window(tumbling('1h')).aggregate({ rows: count() })
const whole = plan(topology('x', windows.output('all')), 1)

/** A worker that does what the test says. */
class HandWorker {
  readonly shards: readonly string[]
  readonly got: ToWorker[] = []
  readonly running: RunningWorker
  finish!: (states: Readonly<Record<string, string>>, outcome?: 'finished' | 'drained') => void
  die!: (error: Error) => void

  constructor(shards: readonly string[]) {
    this.shards = shards
    const ended = new Promise<Awaited<RunningWorker['ended']>>((resolve, reject) => {
      this.finish = (states, outcome = 'finished') => {
        const statuses = Object.entries(states).map(([shard, state]) => ({ shard, state }) as ShardStatus)
        resolve({ outcome, last: { type: 'status', shards: statuses } })
      }
      this.die = reject
    })
    this.running = { ended, send: (message) => this.got.push(message) }
  }
}

function slotOf(shards: readonly string[], held: readonly string[] = []) {
  const workers: HandWorker[] = []
  const sent: FromHost[] = []
  let tell: (message: FromWorker) => void = () => {}
  const slot = new WorkerSlot(0, shards, held, [], {
    plan: () => whole,
    run: (task, onMessage) => {
      tell = onMessage
      workers.push(new HandWorker(task.shards))
      return workers.at(-1)!.running
    },
    send: (message) => sent.push(message),
    onStatus: () => {},
    boardNow: () => [],
  })
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  return { slot, workers, sent, turn, tell: (message: FromWorker) => tell(message), ended: slot.run() }
}

t.test(
  'a worker that died is started when the supervisor says so, without what is held, and by nothing else',
  async (t) => {
    const { slot, workers, sent, turn, ended } = slotOf(['a/0', 'b/0', 'c/0'], ['c/0'])
    await turn()
    t.same(workers[0]!.shards, ['a/0', 'b/0'])
    workers[0]!.die(new WorkerDied('worker exited with code: 3'))
    await turn()
    t.match(sent, [{ type: 'worker-died', shards: ['a/0', 'b/0'], suspects: [] }])
    slot.release('c/0', null)
    await turn()
    t.equal(workers.length, 1, 'a release is no answer: b/0 may have begun another life')
    slot.restart(['b/0'])
    await turn()
    t.same(workers[1]!.shards, ['a/0', 'c/0'])
    slot.release('b/0', null)
    t.same(workers[1]!.got, [{ type: 'adopt', shard: 'b/0', skips: null }])
    workers[1]!.finish({ 'a/0': 'finished', 'b/0': 'finished', 'c/0': 'finished' })
    t.equal(await ended, 'finished')
  },
)

t.test('a shard that is adopted by a worker at its end is run by the next', async (t) => {
  const { slot, workers, turn, ended } = slotOf(['a/0', 'b/0'], ['b/0'])
  await turn()
  slot.release('b/0', { leftOut: { kind: 'rows', rows: [] }, fewRows: null })
  workers[0]!.finish({ 'a/0': 'finished' })
  await turn()
  t.same(workers[1]!.shards, ['b/0'])
  workers[1]!.finish({ 'b/0': 'finished' })
  t.equal(await ended, 'finished')
})

t.test('only the slot that has a shard runs it when it is released', async (t) => {
  const other = slotOf(['a/0'], ['b/0'])
  await other.turn()
  other.slot.release('b/0', null)
  t.same(other.workers[0]!.got, [])
  other.workers[0]!.finish({ 'a/0': 'finished' })
  t.equal(await other.ended, 'finished')
})

t.test('an end that somebody asks for is no start', async (t) => {
  const died = slotOf(['a/0'])
  await died.turn()
  died.workers[0]!.die(new Error('of old age'))
  await died.turn()
  died.slot.send({ type: 'drain' })
  t.equal(await died.ended, 'drained')
  t.equal(died.workers.length, 1)
  const held = slotOf(['a/0'], ['a/0'])
  await held.turn()
  held.slot.send({ type: 'drain' })
  t.equal(await held.ended, 'drained')
})

t.test('only a function of the user hangs: our own operators may have to wait for the disk', async (t) => {
  const { slot, tell, turn } = slotOf(['a/0'])
  await turn()
  const activity = new Activity()
  tell({ type: 'activity', memory: activity.memory })
  const nodeOf = (kind: string) => whole.topology.nodes.findIndex((node) => node.kind === kind)
  const watch = () => Array.from({ length: 4 }, () => slot.watch(2))
  activity.enter(0, nodeOf('window'))
  t.same(watch(), [null, null, null, null])
  activity.enter(0, -1)
  t.same(watch(), [null, null, null, null], 'as a thread looks that is just leaving')
  activity.enter(0, nodeOf('filter'))
  t.match(watch(), [null, null, { operator: "filter in stage 'rows'" }, null])
  activity.step()
  t.same(watch()[1], null, 'what gets on does not hang')
})
