/**
 * Stops the host at each named step of the commit and recovery protocol, and compares the outcome with an unharmed run.
 * Steps of recovery are reached by a stop before.
 */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { start } from '../../dist/index.js'
import { JOBS, type JobName, limits, progressed, runJob, snapshots } from './support.ts'

const LIVE = [
  ...['filled', 'processed', 'prepared', 'appending', 'marked', 'published'],
  ...['before-store', 'storing', 'stored'],
  ...['snapshot-copied', 'snapshot-chunk', 'snapshot-written', 'snapshot-collected'],
]
const RECOVERING = ['fenced', 'store-fenced', 'replayed']

for (const job of ['flights', 'keyed-window'] satisfies JobName[]) {
  t.test(job, async (t) => {
    const directory = t.testdir()
    const unharmed = await runJob(job, path.join(directory, 'unharmed'))
    t.ok(Object.keys(unharmed.result).length > 0, 'the unharmed run wrote files')
    t.equal(unharmed.deaths, 0)
    for (const point of LIVE) {
      t.test(`killed at '${point}'`, async (t) => {
        const harmed = await runJob(job, path.join(directory, point), { crashAt: `${point}:*:4` })
        t.equal(harmed.deaths, 1, 'the crash point was reached')
        t.same(harmed.result, unharmed.result)
      })
    }
    for (const point of RECOVERING) {
      t.test(`killed at '${point}'`, async (t) => {
        const harmed = await runJob(job, path.join(directory, point), { crashAt: `marked:*:4,${point}:*:1` })
        t.equal(harmed.deaths, 2, 'killed, and once more while recovering')
        t.same(harmed.result, unharmed.result)
      })
    }
  })
}

// Larger inputs: the run must last until snapshots were asked for and taken.
for (const [job, rows] of [
  ['flights', 'FLIGHTS_ROWS'],
  ['keyed-window', 'CHAOS_ROWS'],
] as const) {
  t.test(`${job}: killed while a lost store is put back, and when it was`, async (t) => {
    const former = process.env[rows]
    process.env[rows] = '150000'
    const directory = t.testdir()
    const unharmed = await runJob(job, path.join(directory, 'unharmed'))
    const options = { dir: path.join(directory, 'lost/state'), out: path.join(directory, 'lost/out') }
    const first = await start(JOBS[job], { ...options, limits, snapshots, shards: 2, workers: 2 })
    await progressed(first, 0.2)
    await first.snapshot()
    await first.stop()
    const stores = path.join(options.dir, job, 'state')
    for (const store of fs.readdirSync(stores)) fs.rmSync(path.join(stores, store), { recursive: true })
    const harmed = await runJob(job, path.join(directory, 'lost'), { crashAt: 'restoring:*:0,restored:*:0' })
    t.equal(harmed.deaths, 2)
    t.ok(harmed.running.isContinued)
    t.same(harmed.result, unharmed.result)
    if (former === undefined) delete process.env[rows]
    else process.env[rows] = former
  })
}
