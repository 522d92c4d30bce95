/** What does one durable hop cost? Nexmark bids counted by auction over 10 s, through the public API; see topologies/bids.mjs. */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { start } from 'umbel'
import { cpuOf, diskBytes, privateMb } from './support/processes.mjs'

/** Events a second and a CPU second, from 10 % of the input to its end, all host processes counted. */
export async function hopThroughput(directory, rows, batch) {
  const module = new URL(`./topologies/bids.mjs?rows=${rows}&batch=${batch}`, import.meta.url)
  const running = await start(module, {
    dir: path.join(directory, 'hop'),
    out: directory,
    fresh: true,
    shards: 2,
    workers: 2,
  })
  const done = () => {
    const sources = running.status().filter((shard) => shard.progress !== null)
    return sources.reduce((sum, shard) => sum + shard.progress, 0) / Math.max(1, sources.length)
  }
  let [first, last, peak] = [null, null, 0]
  const sampling = setInterval(() => {
    const [pid] = running.pids()
    if (pid === undefined) return
    const sample = { at: performance.now(), cpu: cpuOf(pid), rows: done() * rows, disk: diskBytes() }
    peak = Math.max(peak, privateMb(pid))
    if (first === null && sample.rows > rows * 0.1) first = sample
    else if (first !== null && sample.rows > first.rows) last = sample
  }, 50)
  let counted = 0
  const reading = (async () => {
    for await (const batch of running.outputBatches('counts')) {
      const { data } = batch.column('bids')
      for (let i = 0; i < batch.length; i++) counted += data[i]
    }
  })()
  await running.ended
  await reading
  clearInterval(sampling)
  if (first === null || last === null)
    throw new Error(`${rows} rows were over before they could be measured: take more`)
  const events = last.rows - first.rows
  return {
    name: `hop, ${batch} rows an epoch`,
    rows,
    seconds: (last.at - first.at) / 1000,
    'rows/s': events / ((last.at - first.at) / 1000),
    'rows/CPU s': events / (last.cpu - first.cpu),
    'private MB': peak,
    'disk B/row': (last.disk - first.disk) / events,
    answer: String(counted),
  }
}

/** The bare prototype in `folder`, run as its README says. */
export function bareHop(folder, rows, batch) {
  const options = JSON.stringify({ rows: batch, n: rows, warm: rows / 4 })
  const run = spawnSync(process.execPath, ['host.mjs', options], {
    cwd: folder,
    env: { ...process.env, UV_THREADPOOL_SIZE: '8' },
    encoding: 'utf8',
  })
  const line = run.stdout.split('\n').find((text) => text.startsWith('{'))
  if (line === undefined) throw new Error(`the bare hop in ${folder} printed no result: ${run.stderr}`)
  const result = JSON.parse(line)
  return {
    name: `bare hop, ${batch} rows an epoch`,
    rows,
    seconds: result.wall_s,
    'rows/s': result.Mev_s * 1e6,
    'rows/CPU s': result.Mev_cpu_s * 1e6,
  }
}
