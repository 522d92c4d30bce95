/** Stages that get another number of shards, while they run and while they are down: the results are those of a run that did not. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { Running, StartOptions } from '../../dist/index.js'
import { start } from '../../dist/index.js'
import job from './jobs/rescaled.ts'

const module = path.join(import.meta.dirname, 'jobs/rescaled.ts')
// tap's loaders are for this process: hosts run from dist. What they load is rescaled on the way, and ends when it may.
delete process.env.NODE_OPTIONS
process.env.ROWS_PER_SECOND = '10000'

const settings = (directory: string, more: StartOptions = {}): StartOptions => ({
  dir: directory,
  out: path.join(directory, 'out'),
  host: 'inline',
  shards: 2,
  // A small write set: state is taken over in many commits.
  limits: { epochRowsMax: 500, storeIntervalMs: 20, segmentBytes: 64 << 10, writeSetBytesMax: 20_000 },
  snapshots: { every: '500ms' },
  ...more,
})

function resultOf(directory: string): Record<string, string[]> {
  const out = path.join(directory, 'out')
  return Object.fromEntries(
    fs.readdirSync(out).map((name) => [name, fs.readFileSync(path.join(out, name), 'utf8').split('\n').sort()]),
  )
}

let expected: Record<string, string[]>
t.before(async () => {
  const directory = t.testdir({})
  await (await start(job, settings(directory))).ended
  expected = resultOf(directory)
})

/** Keeps the input from its end until the returned function is called. */
function hold(directory: string): () => void {
  const file = path.join(directory, 'hold')
  fs.writeFileSync(file, '')
  process.env.HOLD = file
  return () => fs.rmSync(file)
}

const shardsOf = (running: Running, stage: string) =>
  running
    .status()
    .filter(({ shard, state }) => shard.startsWith(stage) && state !== 'finished')
    .map(({ shard }) => shard)

t.test('stages are rescaled while they run, up and down, sources too', async (t) => {
  const directory = t.testdir({})
  const release = hold(directory)
  const running = await start(module, settings(directory))
  const rows = groupsOf(running)
  await running.rescale('by-user', 5)
  t.same(
    shardsOf(running, 'by-user'),
    [0, 1, 2, 3, 4].map((i) => `by-user@1/${i}`),
  )
  await running.rescale('clicks', 4)
  await running.rescale('by-user', 1)
  t.same(shardsOf(running, 'by-user'), ['by-user@2/0'])
  await running.rescale('by-clicks', 3)
  await running.rescale('clicks', 1)
  await running.rescale('by-user', 3)
  await t.rejects(running.rescale('by-user', 3), { code: 'rescale', message: /has 3 shards already/ })
  await t.rejects(running.rescale('clicks', 5), { code: 'rescale', message: /1 to 4 shards \(splits of the source\)/ })
  await t.rejects(running.rescale('visits', 5), { code: 'rescale', message: /'by-user', 'by-clicks'/ })
  release()
  t.equal(await running.ended, 'finished')
  t.strictSame(resultOf(directory), expected)
  t.strictSame(await rows, expected['hopping.csv']!.flatMap(groupOf).sort())
  await t.rejects(running.rescale('by-user', 2), { code: 'rescale', message: /has ended/ })
})

/** User, clicks and amount of a line. */
function groupOf(line: string): string[] {
  const [user, , , clicks, amount] = line.split(',')
  return amount === undefined || user === 'user' ? [] : [[user, clicks, amount].join()]
}

/** What a program reads of the output: the same, of what is left when everything was said. */
async function groupsOf(running: Running): Promise<string[]> {
  const sums = new Map<string, number>()
  for await (const { row, diff } of running.output('windows')) {
    const line = JSON.stringify(row)
    sums.set(line, (sums.get(line) ?? 0) + diff)
  }
  const left = [...sums].flatMap(([line, sum]) => new Array<string>(sum).fill(line))
  return left
    .map((line) => JSON.parse(line))
    .map(({ user, clicks, amount }) => `${user},${clicks},${amount}`)
    .sort()
}

t.test('a host is killed while stages are rescaled, and the order outlives a stop', async (t) => {
  const directory = t.testdir({})
  const options = settings(directory, { host: 'process', hosts: 2, workers: 2 })
  const release = hold(directory)
  const running = await start(module, options)
  await running.rescale('by-user', 3)
  const order = running.rescale('by-user', 4)
  process.kill(running.pids()[0]!, 'SIGKILL')
  await order
  process.kill(running.pids()[1]!, 'SIGKILL')
  const unheard = running.rescale('clicks', 4)
  await running.stop()
  await unheard.catch(() => {})
  const again = await start(module, options)
  t.equal(again.isContinued, true)
  t.ok(
    again.plan.shards.some(({ id }) => id === 'clicks@1/3'),
    'what was ordered holds',
  )
  release()
  t.equal(await again.ended, 'finished')
  t.strictSame(resultOf(directory), expected)
  t.ok(running.deaths().length >= 2, 'and both hosts died')
})
