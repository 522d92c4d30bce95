/** Runs the benches and prints a table; JSON beside it with --json FILE. See README.md here. */
import { execSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { bareHop, hopThroughput } from './hop.mjs'
import { largeState } from './large-state.mjs'
import { hopLatency } from './latency.mjs'
import { layout } from './layout.mjs'
import { mainJob, mainJobBaselines } from './main-job.mjs'
import { operators } from './operators.mjs'
import { bystanders, recovery } from './recovery.mjs'
import { snapshots } from './snapshots.mjs'

const { values } = parseArgs({
  options: {
    small: { type: 'boolean', default: false },
    only: { type: 'string' },
    json: { type: 'string' },
    hop: { type: 'string' },
    'state-gb': { type: 'string', default: '0.2' },
  },
})

const scale = values.small ? 0.05 : 1
const flights = Math.round(3_000_000 * scale)
// Fewer are over before they can be measured.
const bids = values.small ? 6_000_000 : 20_000_000
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'umbel-bench-'))

const benches = {
  main: async () => [...(await mainJob(directory, flights)), ...(await mainJobBaselines(directory, flights))],
  // Alternately, so that a ratio holds on a machine whose speed changes from minute to minute.
  hop: async () => {
    const results = []
    for (const batch of [16_384, 65_536]) {
      if (values.hop !== undefined) results.push(bareHop(path.resolve(values.hop), bids, batch))
      results.push(await hopThroughput(directory, bids, batch))
    }
    return results
  },
  latency: async () => [await hopLatency(directory, values.small ? 1 : 10)],
  recovery: async () => [
    await recovery(directory, values.small ? 2 : 15, false),
    await recovery(directory, values.small ? 1 : 8, true),
    await bystanders(directory, values.small ? 2 : 12),
  ],
  layout: () => layout(directory),
  operators: () => operators(directory, values.small ? 0.05 : 1),
  snapshot: () => snapshots(directory, values.small ? 0.05 : 1),
  state: async () => [await largeState(directory, Number(values['state-gb']) * (values.small ? 0.1 : 1))],
}

const results = []
try {
  for (const [name, bench] of Object.entries(benches)) {
    if (values.only !== undefined && !values.only.split(',').includes(name)) continue
    for (const result of await bench()) {
      results.push(result)
      print(result)
    }
  }
} finally {
  fs.rmSync(directory, { recursive: true, force: true })
}

if (values.json !== undefined) {
  const commit = execSync('git rev-parse --short HEAD', { encoding: 'utf8' }).trim()
  const machine = { node: process.version, cpu: os.cpus()[0]?.model, cores: os.availableParallelism() }
  fs.writeFileSync(values.json, `${JSON.stringify({ commit, ...machine, results }, null, 2)}\n`)
}
// Hosts that were stopped in the middle leave handles of this process open.
process.exit(0)

function print({ name, ...figures }) {
  const shown = Object.entries(figures).map(([key, value]) => `${key} ${format(value)}`)
  process.stdout.write(`${name.padEnd(36)} ${shown.join('  ')}\n`)
}

function format(value) {
  if (typeof value !== 'number') return value
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en')
  return value.toPrecision(3)
}
