/** What do the chosen layouts cost beside the obvious ones? Frames and rows; the log; state by run and by key. Internals, from dist. */
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { Packr } from 'msgpackr'
import { nodeFiles } from '../dist/base/real/node-seam.js'
import { EmbeddedLog } from '../dist/mailbox/embedded-log.js'
import { CellStore } from '../dist/operators/cells.js'
import { PaneTable } from '../dist/operators/pane-table.js'
import { BatchBuilder } from '../dist/records/batch.js'
import { decodeFrame } from '../dist/records/frame-decoder.js'
import { encodeFrame } from '../dist/records/frame-encoder.js'
import { eventTime, float, int, schema, string } from '../dist/records/schema.js'
import { SHARD_LIMITS } from '../dist/recovery/shard-limits.js'
import { LmdbEnvironment } from '../dist/storage/lmdb-environment.js'
import { WriteSet } from '../dist/storage/write-set.js'

const ROWS = 16_384
const Trade = schema({ at: eventTime(), symbol: string(), venue: string(), price: float(), size: int() })

/** Nanoseconds of CPU a unit of `work`, the best of a few rounds after warming up. */
function nanoseconds(units, work, rounds = 12) {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, ((user + system) * 1000) / units)
  }
  return best
}

export function frames() {
  const rows = Array.from({ length: ROWS }, (_, i) => ({
    at: i * 1000,
    symbol: `S${(i * 7919) % 500}`,
    venue: `V${i % 7}`,
    price: 100 + (i % 997) / 8,
    size: i % 1000,
  }))
  const builder = new BatchBuilder(Trade)
  for (const row of rows) builder.push(row)
  const batch = builder.finish()
  const packr = new Packr({ structures: [] })
  const [frame, packed, text] = [encodeFrame(batch), packr.pack(rows), JSON.stringify(rows)]
  const result = (name, encode, decode, bytes) => ({
    name: `16 K rows as ${name}`,
    'encode ns/row': nanoseconds(ROWS, encode),
    'decode ns/row': nanoseconds(ROWS, decode),
    'B/row': bytes / ROWS,
  })
  return [
    result(
      'a frame',
      () => encodeFrame(batch),
      () => decodeFrame(frame),
      frame.length,
    ),
    result(
      'msgpackr records',
      () => packr.pack(rows),
      () => packr.unpack(packed),
      packed.length,
    ),
    result(
      'JSON',
      () => JSON.stringify(rows),
      () => JSON.parse(text),
      text.length,
    ),
  ]
}

/** Durable epochs of 256 KB, three in flight: the embedded log, and the same bytes as values of LMDB. */
export async function log(directory, epochs = 400) {
  const bytes = randomBytes(256 << 10)
  const marker = randomBytes(300)
  const announced = new Map()
  const embedded = new EmbeddedLog({
    files: nodeFiles,
    directory: path.join(directory, 'log'),
    announced: (sender) => announced.get(sender) ?? -1,
    announce: (sender, epoch) => announced.set(sender, epoch),
  })
  const writer = await embedded.claim('bench/0', { epoch: 0, incarnation: 0 })
  const files = await inFlight('the embedded log', epochs, (epoch) =>
    writer.append({
      epoch,
      watermarks: [{ edge: 0, watermark: epoch }],
      frames: [{ edge: 0, partition: 0, chunks: [bytes] }],
      marker,
    }),
  )
  await writer.close()
  const store = path.join(directory, 'log-lmdb')
  const environment = new LmdbEnvironment({ path: store, tables: ['log'] })
  const lmdb = await inFlight('values of LMDB', epochs, (epoch) => {
    const key = Buffer.alloc(8)
    key.writeDoubleBE(epoch)
    return environment.commit(epoch - 1, { version: epoch, body: marker }, [{ table: 'log', key, value: bytes }])
  })
  await environment.close()
  return [files, lmdb]
}

async function inFlight(name, epochs, append) {
  const began = performance.now()
  const cpu = process.cpuUsage()
  let pending = []
  for (let epoch = 1; epoch <= epochs; epoch++) {
    pending.push(append(epoch))
    if (pending.length === 3) await pending.shift()
  }
  await Promise.all(pending)
  pending = []
  const { user, system } = process.cpuUsage(cpu)
  return {
    name: `durable epochs of 256 KB in ${name}`,
    'epochs/s': (epochs * 1000) / (performance.now() - began),
    'CPU us/epoch': (user + system) / epochs,
  }
}

/** Counts and sums for 1 M random keys in batches: as sorted runs of a pane, and as one value a key. */
export async function state(directory, updates = 2_000_000) {
  const keys = 1_000_000
  const batch = 65_536
  const random = Uint32Array.from({ length: updates }, (_, i) => Math.imul(i + 1, 2654435761) >>> 0)
  const specs = [{ kind: 'count' }, { kind: 'sum', column: 0 }]
  const texts = (from) => {
    const distinct = new Set()
    for (let i = from; i < Math.min(updates, from + batch); i++) distinct.add(random[i] % keys)
    return Array.from(distinct, (key) => {
      const bytes = Buffer.alloc(8)
      bytes.writeDoubleBE(key)
      return bytes.toString('latin1')
    }).sort()
  }
  const run = async (name, put, limit) => {
    const environment = new LmdbEnvironment({ path: path.join(directory, name), tables: ['panes'] })
    const writes = new WriteSet(environment)
    const cpu = process.cpuUsage()
    const apply = put(writes.table('panes'))
    let done = 0
    for (let from = 0, version = 0; from < limit; from += batch, version++) {
      const sorted = texts(from)
      apply(sorted)
      done += sorted.length
      await environment.commit(version, { version: version + 1, body: Buffer.alloc(8) }, writes.seal())
      writes.sealedStored()
    }
    const { user, system } = process.cpuUsage(cpu)
    await environment.close()
    return { name: `state of 1 M keys by ${name}`, updates: done, 'updates/CPU s': (done * 1e6) / (user + system) }
  }
  const byRun = (table) => {
    const panes = new PaneTable(table, specs, SHARD_LIMITS)
    const cells = new CellStore(specs)
    const slots = Int32Array.from({ length: batch }, () => cells.take())
    return (sorted) => panes.append(0, sorted, cells.cells, slots)
  }
  const byKey = (table) => (sorted) => {
    for (const text of sorted) {
      const key = Buffer.from(text, 'latin1')
      const value = Buffer.alloc(16)
      const before = table.get(key)
      if (before !== undefined) value.set(before)
      value.writeDoubleLE(value.readDoubleLE(0) + 1, 0)
      table.put(key, value)
    }
  }
  return [await run('sorted runs', byRun, updates), await run('get and put a key', byKey, updates / 4)]
}

export const layout = async (directory) => [...frames(), ...(await log(directory)), ...(await state(directory))]
