/** How long does a row take over one durable hop at light load? And how long until output flows again after `kill -9`? */
import path from 'node:path'
import { Batch, eventTime, float, int, schema, source, start, topology } from 'umbel'
import { quantile } from './support/processes.mjs'

const Tick = schema({ at: eventTime(), key: int(), sent: float() })

/** 200 rows every 5 ms, each with the time at which it was read. */
const ticks = (batches) => ({
  kind: 'ticks',
  definition: batches,
  isBounded: true,
  splits: 1,
  async open({ schema: wanted, seam }, _split, position) {
    let next = position?.next ?? 0
    const began = seam.clock.monotonic() - next * 5
    return {
      async read() {
        if (next >= batches) return null
        if (seam.clock.monotonic() < began + next * 5) return 'wait'
        const of = {
          at: Float64Array.from({ length: 200 }, (_, i) => next * 5000 + i),
          key: Float64Array.from({ length: 200 }, (_, i) => i),
          sent: new Float64Array(200).fill(performance.timeOrigin + performance.now()),
        }
        const offsets = next++ * 200
        const columns = wanted.names.map((name) => ({ type: 'number', data: of[name], valid: null }))
        return { batch: new Batch(wanted, 200, columns), offsets, rejected: [] }
      },
      position: () => ({ next }),
      close() {},
    }
  },
})

/** From the read of a row to the receiver's function seeing it, when its sender's record is durable. */
export async function hopLatency(directory, seconds) {
  const taken = []
  const job = topology(
    'latency',
    source('ticks', Tick, ticks(seconds * 200))
      .keyBy('key')
      .filter((tick) => {
        if (tick.key % 50 === 0) taken.push(performance.timeOrigin + performance.now() - tick.sent)
        return false
      })
      .output('none'),
  )
  const running = await start(job, { dir: path.join(directory, 'latency'), host: 'inline', shards: 2, fresh: true })
  await running.ended
  const warm = taken.slice(taken.length / 10)
  return {
    name: 'hop latency, 40,000 rows/s',
    rows: warm.length,
    'p50 ms': quantile(warm, 0.5),
    'p99 ms': quantile(warm, 0.99),
  }
}

/** From `kill -9` of the host to the next committed output row. */
export async function recovery(directory, kills) {
  const module = new URL('./topologies/bids.mjs?rows=1000000000&batch=4096&rate=200000&window=100ms', import.meta.url)
  const running = await start(module, { dir: path.join(directory, 'recovery'), fresh: true, shards: 2, workers: 2 })
  const taken = []
  let killedAt = 0
  let seen = 0
  for await (const batch of running.outputBatches('counts')) {
    if (killedAt > 0) {
      taken.push(performance.now() - killedAt)
      if (taken.length >= kills) break
      killedAt = 0
      seen = 0
    }
    if (batch.length > 0 && ++seen >= 40) {
      killedAt = performance.now()
      for (const pid of running.pids()) process.kill(pid, 'SIGKILL')
    }
  }
  for (const pid of running.pids()) process.kill(pid, 'SIGSTOP')
  await Promise.race([running.stop(), new Promise((resolve) => setTimeout(resolve, 0))])
  for (const pid of running.pids()) process.kill(pid, 'SIGCONT')
  await running.ended
  return {
    name: 'recovery after kill -9',
    rows: taken.length,
    'p50 ms': quantile(taken, 0.5),
    'p99 ms': quantile(taken, 0.99),
  }
}
