/**
 * `npm run chaos -- --minutes 60 --seed 7 [--json]`: runs jobs in processes, harms them in every way there is, and looks
 * whether each comes to the result of an unharmed run, with logs, positions, watermarks and snapshots that hold. Ends with
 * a report; the last line is `N faults, N violations`.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { bystanders } from '../../bench/recovery.mjs'
import { argumentsOf, choiceOf, numberOf, refuse } from '../arguments.mjs'
import { faultKinds, planRun } from './faults.mjs'
import { HarmedRun } from './harmed-run.mjs'

const values = argumentsOf({
  minutes: { type: 'string' },
  /** Ends when so many faults have come to pass. */
  faults: { type: 'string' },
  seed: { type: 'string', default: String(Math.floor(Math.random() * 1e9)) },
  /** Runs with this number alone: what a violation tells. */
  run: { type: 'string' },
  job: { type: 'string' },
  /** Faults of these kinds alone, separated by commas. */
  kinds: { type: 'string' },
  json: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  /** Ends with the first violation. */
  first: { type: 'boolean', default: false },
  /** Another build than dist: for builds with planted bugs. */
  dist: { type: 'string', default: 'dist' },
})

const JOBS = ['stateless', 'keyed-window', 'as-of-join', 'custom-actor', 'letters', 'flights']
choiceOf(values, 'job', JOBS)
numberOf(values, 'seed', 0)
numberOf(values, 'run', 0)
// Without a job all of them run in turn.
const kinds = faultKinds(values.job)
const unknown = values.kinds?.split(',').filter((kind) => !kinds.includes(kind)) ?? []
if (unknown.length > 0) refuse(`there is no fault ${unknown.join(', ')} of these jobs: there are ${kinds.join(', ')}`)
const { seededRandom } = await import(pathToFileURL(path.resolve(values.dist, 'testing/index.js')).href)
/** How often a soak tells how far it is. */
const TELL_FAULTS = 100
/** After so many, that no store could be compared with a replay is no chance any more. */
const COMPARED_AFTER = 40
const say = (text) => values.json || process.stdout.write(`${text}\n`)

const base = fs.mkdtempSync(path.join(os.tmpdir(), 'umbel-chaos-'))
const until =
  values.minutes === undefined ? Number.POSITIVE_INFINITY : Date.now() + numberOf(values, 'minutes', 0) * 60_000
const faultsMax = numberOf(values, 'faults') ?? Number.POSITIVE_INFINITY
const isEndless = values.minutes === undefined && values.faults === undefined && values.run === undefined

const report = {
  seed: Number(values.seed),
  runs: 0,
  replayed: 0,
  compared: 0,
  faults: {},
  recoveries: [],
  violations: [],
}
const count = () => Object.values(report.faults).reduce((sum, one) => sum + one, 0)
const unharmed = new Map()
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]

function note(number, job, problem) {
  const of = ['job', 'kinds'].filter((name) => values[name]).map((name) => ` --${name} ${values[name]}`)
  const again = `npm run chaos -- --seed ${values.seed}${of.join('')} --run ${number} --verbose`
  report.violations.push({ run: number, job, problem, again })
  say(`VIOLATION in run ${number}, ${job}: ${problem}\n  ${again}`)
}

/** @returns false where the job fails without any harm, so that harming it shows nothing */
async function runOne(number) {
  const random = seededRandom((Number(values.seed) * 10_007 + number) >>> 0)
  const job = values.job ?? JOBS[number % JOBS.length]
  const options = { dist: values.dist, job, random, say: values.verbose ? say : () => {} }
  if (!unharmed.has(job)) {
    const run = new HarmedRun({
      ...options,
      directory: path.join(base, `${job}-unharmed`),
      plan: { points: [], timed: [], keepsAll: true },
      isHarmed: false,
    })
    await run.run()
    for (const problem of run.violations) note(number, job, `without any harm: ${problem}`)
    if (run.violations.length > 0) return false
    unharmed.set(job, run.result())
  }
  const directory = path.join(base, `run-${number}`)
  const plan = planRun(random, values.kinds?.split(',') ?? null, job === 'letters')
  if (values.verbose) say(`run ${number}: ${job}, ${JSON.stringify(plan)}`)
  const run = new HarmedRun({ ...options, directory, plan, isHarmed: true })
  await run.run()
  if (run.violations.length === 0) await run.compare(unharmed.get(job))
  report.runs++
  report.replayed += run.replayed
  report.compared += run.compared
  for (const kind of run.faults) report.faults[kind] = (report.faults[kind] ?? 0) + 1
  report.recoveries.push(...run.recoveries)
  for (const problem of run.violations) note(number, job, problem)
  if (run.violations.length === 0) fs.rmSync(directory, { recursive: true, force: true })
  else say(`  what is left of it: ${directory}`)
  return true
}

for (let [number, told] = [Number(values.run ?? 0), 0]; ; number++) {
  if (!(await runOne(number))) break
  if (count() >= told + TELL_FAULTS) {
    told = count()
    say(`${told} faults in ${number + 1} runs, ${report.violations.length} violations so far`)
  }
  if (values.run !== undefined || (isEndless && number >= 9)) break
  if (Date.now() > until || count() >= faultsMax || (values.first && report.violations.length > 0)) break
}
if (count() >= COMPARED_AFTER && report.compared === 0 && values.kinds === undefined) {
  const problem = 'of no run was a store compared with what a replay from its first epoch gives'
  report.violations.push({ problem })
  say(`VIOLATION: ${problem}`)
}
// In a soak, beside runs as fast as they can: hosts that die under a fixed load.
const notHit =
  values.minutes === undefined ? null : (await bystanders(path.join(base, 'steady'), 6))['of the rows before']
if (report.violations.length === 0) fs.rmSync(base, { recursive: true, force: true })

const times = report.recoveries.sort((a, b) => a - b)
const recovery = { deaths: times.length, p50: quantile(times, 0.5), p99: quantile(times, 0.99), most: times.at(-1) }
if (values.json) process.stdout.write(`${JSON.stringify({ ...report, recoveries: undefined, recovery, notHit })}\n`)
say(
  `seed ${values.seed}, ${report.runs} runs; ${report.replayed} shards replayed from their first epoch, the stores of ${report.compared} compared`,
)
for (const [kind, times] of Object.entries(report.faults).sort()) say(`  ${kind.padEnd(32)} ${times}`)
if (times.length > 0) {
  const [p50, p99, most] = [recovery.p50, recovery.p99, recovery.most].map((ms) => `${Math.round(ms)} ms`)
  say(
    `from the end of a host until all its shards were live again (${recovery.deaths} times): p50 ${p50}, p99 ${p99}, at most ${most}`,
  )
}
if (notHit !== null)
  say(
    `rows of shards that were not hit while a host was away, at a fixed load: ${(notHit * 100).toFixed(1)} % of those just before`,
  )
process.stdout.write(`${count()} faults, ${report.violations.length} violations\n`)
process.exit(report.violations.length > 0 ? 1 : 0)
