/**
 * Stores that are gone come back from their snapshots, through kills while they do. In a file of its own: inputs are larger,
 * so that a run lasts until snapshots were asked for and taken, and a module reads its size when it is loaded.
 */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'

process.env.FLIGHTS_ROWS = '900000'
process.env.CHAOS_ROWS = '150000'
const { start } = await import('../../dist/index.js')
const { JOBS, limits, progressed, runJob, snapshots } = await import('./support.ts')

for (const job of ['flights', 'keyed-window'] as const) {
  t.test(`${job}: killed while a lost store is put back, and when it was`, async (t) => {
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
  })
}
