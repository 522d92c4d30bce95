/**
 * Stops the host at each named step of the commit and recovery protocol, a few of them in a run, one after the other, and
 * compares the outcome with an unharmed run. Steps of recovery are reached by a stop before.
 */
import path from 'node:path'
import t from 'tap'
import { type JobName, runJob } from './support.ts'

const CHAINS = [
  ['filled', 'fenced', 'processed', 'store-fenced', 'prepared', 'appending'],
  ['marked', 'replayed', 'published', 'before-store', 'storing', 'stored'],
  ['snapshot-copied', 'snapshot-chunk', 'snapshot-written', 'snapshot-collected'],
]
const RECOVERING = new Set(['fenced', 'store-fenced', 'replayed'])

for (const job of ['flights', 'keyed-window'] satisfies JobName[]) {
  t.test(job, async (t) => {
    const directory = t.testdir()
    const unharmed = await runJob(job, path.join(directory, 'unharmed'))
    t.ok(Object.keys(unharmed.result).length > 0, 'the unharmed run wrote files')
    t.equal(unharmed.deaths, 0)
    // A shard with a store: what it has marked and not stored is replayed; of one without, nothing is.
    const { name } = unharmed.running.plan.stages.find(({ kind }) => kind === 'operators')!
    for (const chain of CHAINS) {
      t.test(`killed at ${chain.join(', ')}`, async (t) => {
        const crashAt = chain
          .map((point) => `${point}:${point === 'marked' ? `${name}/0:2` : `*:${RECOVERING.has(point) ? 1 : 4}`}`)
          .join()
        const harmed = await runJob(job, path.join(directory, chain[0]!), { crashAt })
        t.equal(harmed.deaths, chain.length, 'each point was reached')
        t.same(harmed.result, unharmed.result)
      })
    }
  })
}
