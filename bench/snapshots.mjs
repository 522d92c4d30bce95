/**
 * What do snapshots cost? How long one of a large store takes, how long the thread is away at once, what share is copied
 * when 1 % has changed, and how long it takes to put one back; for state in sorted runs, as windows have it, and in small
 * entries, as actors have it.
 */
import fs from 'node:fs'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { nodeSeam } from '../dist/base/real/node-seam.js'
import { SHARD_LIMITS } from '../dist/recovery/shard-limits.js'
import { ShardSnapshots } from '../dist/recovery/shard-snapshots.js'
import { ShardStore } from '../dist/recovery/shard-store.js'
import { ChangedKeys } from '../dist/storage/changed-keys.js'
import { LmdbEnvironment } from '../dist/storage/lmdb-environment.js'
import { DirectoryObjectStore } from '../dist/storage/object-store.js'
import { SnapshotStore } from '../dist/storage/snapshot-store.js'

const SHAPES = {
  runs: { keyBytes: 24, valueBytes: 64 << 10 },
  entries: { keyBytes: 16, valueBytes: 100 },
}
const INBOX = { positions: [], watermarks: [], retried: 0, retired: [] }

export async function snapshots(directory, gigabytes) {
  const results = []
  for (const shape of Object.keys(SHAPES)) results.push(await ofShape(path.join(directory, shape), shape, gigabytes))
  return results
}

async function ofShape(directory, shape, gigabytes) {
  const { keyBytes, valueBytes } = SHAPES[shape]
  const count = Math.round((gigabytes * 1e9) / (keyBytes + valueBytes))
  const place = path.join(directory, 'store')
  fs.mkdirSync(place, { recursive: true })
  const open = (at) => new LmdbEnvironment({ path: at, tables: ['t'] })
  const store = new ShardStore(open(place), 1)
  await store.fence({ epoch: 0, marker: 0, inbox: INBOX })
  const changed = new ChangedKeys(SHARD_LIMITS.cacheBytesMax)
  store.note(changed)
  const key = (i) => {
    const bytes = Buffer.alloc(keyBytes)
    bytes.writeUInt32BE(i)
    return bytes
  }
  const value = () => {
    const bytes = Buffer.allocUnsafeSlow(valueBytes)
    for (let at = 0; at + 4 <= valueBytes; at += 4) bytes.writeUInt32LE((Math.random() * 2 ** 32) >>> 0, at)
    return bytes
  }
  let epoch = 0
  const write = async (keys) => {
    const batch = Math.max(1, Math.round(8e6 / valueBytes))
    for (let from = 0; from < keys.length; from += batch) {
      for (const i of keys.slice(from, from + batch)) store.table('t').put(key(i), value())
      await store.seal({ epoch: ++epoch, marker: 1, inbox: INBOX })()
    }
  }
  await write(Array.from({ length: count }, (_, i) => i))
  const made = new ShardSnapshots({
    shard: 'bench/0',
    seam: nodeSeam,
    store: new SnapshotStore(new DirectoryObjectStore(nodeSeam.files, path.join(directory, 'objects')), 'bench'),
    directory: place,
    open,
    keep: 2,
  })
  const take = async () => {
    // One that was switched off counts the time until it is on again as a pause.
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const began = performance.now()
    const taken = await made.take(store.environment, changed)
    const ms = performance.now() - began
    delay.disable()
    return { ...taken, ms, pauseMs: delay.max / 1e6 }
  }
  const first = await take()
  // Runs are replaced by newer ones; entries are written wherever their keys are.
  const hundredth = Math.max(1, Math.round(count / 100))
  await write(
    shape === 'runs'
      ? Array.from({ length: hundredth }, (_, i) => i)
      : Array.from({ length: hundredth }, () => Math.floor(Math.random() * count)).sort((a, b) => a - b),
  )
  const second = await take()
  await store.close()
  const before = performance.now()
  await made.restore(async () => true)
  const restoreMs = performance.now() - before
  fs.rmSync(directory, { recursive: true })
  return {
    name: `snapshot of ${gigabytes} GB in ${shape}`,
    'GB/s': first.manifest.bytes / 1e6 / first.ms,
    'longest pause ms': Math.max(first.pauseMs, second.pauseMs),
    'copied after 1 % changed': second.copied / second.manifest.bytes,
    'ms for that': second.ms,
    'restored in s/GB': (restoreMs * 1e6) / first.manifest.bytes,
  }
}
