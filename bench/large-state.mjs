/** Does state far larger than the heap work, with flat memory? Distinct keys in one window, counted and summed by key. */
import path from 'node:path'
import { start } from 'umbel'
import { privateMb } from './support/processes.mjs'

/** A key with its cells in a run. */
const BYTES_A_KEY = 170

/** @param snapshots as `start` takes them */
export async function largeState(directory, gigabytes, snapshots) {
  const rows = Math.round((gigabytes * 1e9) / BYTES_A_KEY)
  const module = new URL(`./topologies/distinct-keys.mjs?rows=${rows}`, import.meta.url)
  const began = performance.now()
  const running = await start(module, {
    dir: path.join(directory, 'state'),
    out: directory,
    fresh: true,
    shards: 2,
    heapMb: 256,
    snapshots,
  })
  const memory = []
  const sampling = setInterval(() => {
    const [pid] = running.pids()
    if (pid !== undefined) memory.push(privateMb(pid))
  }, 250)
  let groups = 0
  for await (const batch of running.outputBatches('groups')) groups += batch.length
  await running.ended
  clearInterval(sampling)
  const half = memory.length >> 1
  return {
    name: `state of ${gigabytes} GB, heap limit 256 MB`,
    rows,
    groups,
    seconds: (performance.now() - began) / 1000,
    'private MB, first half': Math.max(...memory.slice(0, half)),
    'private MB, second half': Math.max(...memory.slice(half)),
    snapshots: running.status().reduce((sum, { snapshots: taken }) => sum + (taken?.taken ?? 0), 0),
    restarts: running.deaths().length,
  }
}
