/** Runs a job, harms it, and tells what came out. Kills are set off by progress or by a named crash point, never by time. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { Running, StartOptions } from '../../dist/index.js'
import { start } from '../../dist/index.js'

const root = path.resolve(import.meta.dirname, '../..')

// tap's loaders are for this process: hosts and commands run from dist.
delete process.env.NODE_OPTIONS

export const JOBS = {
  flights: pathToFileURL(path.join(root, 'examples/flights/flights.ts')),
  'keyed-window': pathToFileURL(path.join(root, 'test/chaos/jobs/keyed-window.ts')),
  market: pathToFileURL(path.join(root, 'test/chaos/jobs/market.ts')),
}

export type JobName = keyof typeof JOBS

// A slice that takes about a second, so that many harms fit into a run of the suite.
process.env.FLIGHTS_ROWS ??= '60000'

/** Small epochs, frequent stores and snapshots, short files of logs: more steps to be killed between. */
export const limits = { epochRowsMax: 4096, storeIntervalMs: 20, segmentBytes: 256 << 10 }
export const snapshots = { every: '60ms' }

/** Hash of each file's sorted lines: rows may come in any order, but must be the same rows. */
export function resultOf(out: string): Record<string, string> {
  const files = fs.readdirSync(out).sort()
  return Object.fromEntries(
    files.map((file) => {
      const lines = fs.readFileSync(path.join(out, file), 'utf8').split('\n').sort()
      return [file, createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 16)]
    }),
  )
}

export interface Harm {
  /** `point:shard:epoch,...`: one after the other, each once. */
  readonly crashAt?: string
  /** Fractions of the input at which a host is killed. */
  readonly killAt?: readonly number[]
  /** Default SIGKILL. */
  readonly signal?: NodeJS.Signals
  readonly options?: StartOptions
}

export interface Harmed {
  readonly result: Record<string, string>
  /** Hosts and workers that died and were started again. */
  readonly deaths: number
  readonly running: Running
}

/** Runs a job to its end in a directory of its own. */
export async function runJob(job: JobName, directory: string, harm: Harm = {}): Promise<Harmed> {
  const mark = path.join(directory, 'crashed')
  if (harm.crashAt === undefined) delete process.env.UMBEL_CRASH_AT
  else process.env.UMBEL_CRASH_AT = `${mark}@${harm.crashAt}`
  fs.mkdirSync(directory, { recursive: true })
  const out = path.join(directory, 'out')
  const running = await start(JOBS[job], {
    dir: path.join(directory, 'state'),
    out,
    limits,
    snapshots,
    shards: 2,
    workers: 2,
    ...harm.options,
  })
  const killing = killHosts(running, harm)
  await running.ended
  await killing
  return { result: resultOf(out), deaths: running.deaths().length, running }
}

/** Each fraction takes the next host in turn. */
async function killHosts(running: Running, { killAt = [], signal = 'SIGKILL' }: Harm): Promise<void> {
  for (const [turn, fraction] of killAt.entries()) {
    await progressed(running, fraction)
    const pids = running.pids()
    if (pids.length === 0) return
    process.kill(pids[turn % pids.length]!, signal)
  }
}

/** Resolves when the sources are that far, or the run has ended. */
export async function progressed(running: Running, fraction: number): Promise<void> {
  let isOver = false
  running.ended
    .catch(() => {})
    .finally(() => {
      isOver = true
    })
  for (;;) {
    const sources = running.status().filter((shard) => shard.progress !== null)
    const least = Math.min(...sources.map((shard) => shard.progress ?? 0))
    if (isOver || (sources.length > 0 && least >= fraction)) return
    await after(2)
  }
}
