/** `kill -9` of the host at random points of the input: the outcome is that of an unharmed run. `SEED=n` repeats a schedule. */
import path from 'node:path'
import t from 'tap'
import { type JobName, runJob } from './support.ts'

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))
const KILLS = 20
t.comment(`SEED=${seed}`)

/** Mulberry32. */
function makeRandom(start: number): () => number {
  let state = start
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296
  }
}
const random = makeRandom(seed)

for (const job of ['flights', 'keyed-window'] satisfies JobName[]) {
  t.test(`${job}: ${KILLS} kills of the host`, async (t) => {
    const directory = t.testdir()
    const unharmed = await runJob(job, path.join(directory, 'unharmed'))
    let kills = 0
    for (let run = 0; kills < KILLS; run++) {
      const killAt = Array.from({ length: 4 }, random).sort()
      const harmed = await runJob(job, path.join(directory, `run-${run}`), { killAt })
      t.same(harmed.result, unharmed.result, `killed at ${killAt.map((at) => at.toFixed(2))}`)
      t.ok(harmed.deaths > 0, 'the kills took effect')
      kills += harmed.deaths
    }
  })
}
