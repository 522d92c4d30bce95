/** How long does a row take over one durable hop at light load? */
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
