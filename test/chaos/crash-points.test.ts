/**
 * Stops the host at each named step of the commit and recovery protocol, and compares the outcome with an unharmed run.
 * Steps of recovery are reached by a stop before.
 */
import path from 'node:path'
import t from 'tap'
import { type JobName, runJob } from './support.ts'

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
