/** Snapshots and trimmed logs: what is lost comes back, what is not needed goes, and what cannot come back is said. */
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { SnapshotJob } from '../../src/actors/snapshot-job.ts'
import { nodeSeam } from '../../src/base/real/node-seam.ts'
import {
  count,
  csvFile,
  eventTime,
  generator,
  int,
  type Running,
  type StartOptions,
  schema,
  source,
  start,
  string,
  sum,
  topology,
  tumbling,
} from '../../src/index.ts'

const Click = schema({ at: eventTime(), user: string(), amount: int() })
const SECOND = 1_000_000
const ROWS = 60_000

/** Every seventh row is late, so that what was said is corrected. */
const job = (rows = ROWS, rowsPerSecond = 15_000, isFile = true) => {
  const clicks = source(
    'clicks',
    Click,
    generator({
      rows,
      rowsPerSecond,
      row: (i) => ({
        at: Math.floor(i / 50) * SECOND - (i % 7 === 3 ? (i % 21) * SECOND : 0),
        user: `user-${(i * 7919) % 997}`,
        amount: (i * 31) % 1000,
      }),
    }),
    { lateness: '30s' },
  )
  const minutes = clicks
    .keyBy('user')
    .window(tumbling('1m'))
    .aggregate({ clicks: count(), amount: sum('amount') })
  const output = minutes.output('minutes', { retention: '1m' })
  return isFile ? topology('snapped', minutes.to(csvFile('minutes.csv')), output) : topology('snapped', output)
}

const limits = { epochRowsMax: 500, storeIntervalMs: 20, segmentBytes: 32 << 10 }
const settings = (directory: string, more: StartOptions = {}): StartOptions => ({
  dir: directory,
  out: path.join(directory, 'out'),
  host: 'inline',
  shards: 1,
  limits,
  ...more,
})

const resultOf = (directory: string) =>
  fs.readFileSync(path.join(directory, 'out/minutes.csv'), 'utf8').trimEnd().split('\n').sort()

async function unharmed(t: Test): Promise<string[]> {
  const directory = t.testdir({})
  await (await start(job(ROWS, 1e9), settings(directory))).ended
  return resultOf(directory)
}

const statusOf = (running: Running, stage: string) => running.status().find(({ shard }) => shard.startsWith(stage))!
const logOf = (directory: string, shard: string) => path.join(directory, 'snapped/log', shard)
const segmentsOf = (directory: string, shard: string) =>
  fs.readdirSync(logOf(directory, shard)).filter((name) => name.endsWith('.seg'))

/** The first row of what is kept of the output now; undefined once the run has ended without any. */
async function firstKept(running: Running): Promise<Record<string, unknown> | undefined> {
  for await (const { row } of running.output('minutes')) return row
  return undefined
}

/** Runs until snapshots were taken and logs trimmed behind the first windows that were put out, and stops. */
async function interrupted(directory: string, snapshots: StartOptions['snapshots'] = { keep: 2 }): Promise<void> {
  const running = await start(job(), settings(directory, { snapshots }))
  const first = segmentsOf(directory, 'clicks.0')[0]
  let hasEnded = false
  running.ended.finally(() => {
    hasEnded = true
  })
  for (let taken = 1; !hasEnded; taken++) {
    await running.snapshot()
    if (taken < 3 || segmentsOf(directory, 'clicks.0')[0] === first) continue
    const row = await firstKept(running)
    if (row !== undefined && (row.window_end as number) > 60 * SECOND) break
  }
  t.notOk(hasEnded, 'the starts of the logs are gone while it runs')
  await running.stop()
}

t.test('a store that is gone comes back from its snapshot, though the logs were trimmed', async (t) => {
  const expected = await unharmed(t)
  const directory = t.testdir({})
  await interrupted(directory)
  for (const shard of ['by-user.0', 'minutes.csv.0']) {
    fs.rmSync(path.join(directory, 'snapped/state', shard), { recursive: true })
  }
  const running = await start(job(), settings(directory))
  t.equal(await running.ended, 'finished')
  t.match(statusOf(running, 'by-user').rebuilt, /the store is gone, .*; it goes on from the snapshot of epoch \d+$/)
  t.strictSame(resultOf(directory), expected)
})

t.test('a damaged store comes back too, from the snapshot before where the last one is damaged', async (t) => {
  const expected = await unharmed(t)
  const directory = t.testdir({})
  const elsewhere = path.join(directory, 'elsewhere')
  await interrupted(directory, { keep: 2, directory: elsewhere })
  fs.writeFileSync(path.join(directory, 'snapped/state/by-user.0/data.mdb'), 'no environment')
  const [run] = fs.readdirSync(path.join(elsewhere, 'snapped'))
  const snapshots = path.join(elsewhere, 'snapped', run!, 'by-user.0')
  const manifests = fs.readdirSync(path.join(snapshots, 'manifests')).sort()
  t.equal(manifests.length, 2)
  const chunksOf = (name: string): string[] => {
    const text = fs.readFileSync(path.join(snapshots, 'manifests', name), 'utf8')
    const { chunks, changes } = JSON.parse(text.split('\n')[0]!)
    return [...chunks, ...changes]
  }
  const own = chunksOf(manifests[1]!).find((chunk) => !chunksOf(manifests[0]!).includes(chunk))
  fs.writeFileSync(path.join(snapshots, 'chunks', own!), 'damaged')
  const running = await start(job(), settings(directory, { snapshots: { directory: elsewhere } }))
  t.equal(await running.ended, 'finished')
  t.match(
    statusOf(running, 'by-user').rebuilt,
    /no environment.*; it goes on from the snapshot of epoch \d+ \(snapshot \d+: .* was damaged, and is removed.*\)$/,
  )
  t.strictSame(resultOf(directory), expected)
})

t.test('what cannot come back is said, and what to do', async (t) => {
  const directory = t.testdir({})
  await interrupted(directory)
  fs.rmSync(path.join(directory, 'snapped/state/by-user.0'), { recursive: true })
  fs.rmSync(path.join(directory, 'snapped/snapshots'), { recursive: true })
  const running = await start(job(), settings(directory))
  await t.rejects(running.ended, {
    kind: 'corruption',
    code: 'log',
    message:
      /the store of by-user\/0 cannot be rebuilt: it would take .*epochs 1 to \d+ of clicks\/0, which were trimmed .* or run with --fresh/,
  })
  const fresh = await start(job(ROWS, 1e9), settings(directory, { fresh: true }))
  t.equal(await fresh.ended, 'finished')
})

t.test('logs stay as small as what snapshots and readers need, however long the run', async (t) => {
  const directory = t.testdir({})
  // Without the file, whose sink keeps all that it has written and takes ever longer to copy that.
  // On a slow machine what is kept is what waits to be consumed, too.
  const narrow = { ...limits, backlogBytesMax: 256 << 10 }
  const running = await start(
    job(1e9, 40_000, false),
    settings(directory, { snapshots: { every: '100ms' }, limits: narrow }),
  )
  const kept = () =>
    ['clicks.0', 'by-user.0']
      .flatMap((shard) =>
        fs.readdirSync(logOf(directory, shard)).map((name) => path.join(logOf(directory, shard), name)),
      )
      .reduce((sum, file) => sum + (fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0)
  const written = () => running.status().reduce((sum, { logBytes }) => sum + logBytes, 0)
  let [read, last] = [0, 0]
  // However slow the disk is that snapshots go to: what is kept falls ever further behind what was written.
  for await (const { row, diff } of running.output('minutes')) {
    read += diff
    last = row.window_end as number
    if (read % 512 === 0 && written() > 8 * kept() && written() > 8e6) break
  }
  t.ok(read > 0)
  await running.stop()
  const windows = last / (60 * SECOND)
  t.ok(read > (windows - 1) * 985, `a reader that keeps up has seen all: ${read} groups of ${windows} windows`)
})

t.test('an output begins with what is kept', async (t) => {
  const directory = t.testdir({})
  await interrupted(directory)
  const running = await start(job(), settings(directory))
  const times: number[] = []
  for await (const { row } of running.output('minutes')) times.push(row.window_end as number)
  await running.ended
  t.ok(times[0]! > 60 * SECOND, 'not with the first window')
  t.ok(times.length > 0)
})

t.test('a snapshot that is taken from outside lets go of none', async (t) => {
  const directory = t.testdir({})
  await interrupted(directory, { keep: 3 })
  const job = new SnapshotJob(nodeSeam, path.join(directory, 'snapped'))
  const of = async () => (await job.list(false)).filter(({ shard }) => shard === 'by-user/0').map(({ epoch }) => epoch)
  const before = await of()
  t.equal(before.length, 3)
  await job.create()
  t.strictSame((await of()).slice(0, 3), before)
})

t.test('wrong settings, and the wrong place for an unfinished run', async (t) => {
  const refused = (snapshots: StartOptions['snapshots'], message: RegExp) =>
    t.rejects(start(job(), settings(t.testdir({}), { snapshots })), { kind: 'user', message })
  await refused({ keep: 0 }, /snapshots\.keep must be a whole number from 1 to 1000, got 0/)
  await refused({ every: 0 }, /snapshots\.every must be at least 1ms/)
  await refused({ every: 'often' }, /'often' is not a duration/)
  const directory = t.testdir({})
  const running = await start(job(), settings(directory, { snapshots: false }))
  await t.rejects(running.snapshot(), { kind: 'user', code: 'snapshot', message: /snapshots are off/ })
  await running.stop()
  const other = (name: string) => settings(directory, { snapshots: { directory: path.join(directory, name) } })
  // As long as none was taken, none is left behind.
  const again = await start(job(), other('first'))
  await again.snapshot()
  await again.stop()
  await t.rejects(start(job(), other('other')), {
    kind: 'user',
    code: 'snapshots',
    message:
      /has its snapshots in .*first.snapped, and .*other.snapped has none of it; run with --snapshots .*first, move them/,
  })
})
