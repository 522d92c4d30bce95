/**
 * `npm run test:sim -- --seeds 20000 --from 1`: runs as many seeds, each with a scenario and a plan of faults of its own.
 * A seed that finds something is cut down to the faults that it takes, and told with the command that repeats it. The last
 * line is `N seeds, N violations`.
 */
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { argumentsOf, choiceOf, numberOf } from '../arguments.mjs'
import { runInParallel } from '../in-parallel.mjs'

const values = argumentsOf({
  seeds: { type: 'string', default: '500' },
  from: { type: 'string', default: '1' },
  faults: { type: 'string', default: '10' },
  /** Only these of the planned faults, by number: what a cut down plan consists of. */
  only: { type: 'string' },
  scenario: { type: 'string' },
  /** Ends with the first violation. */
  first: { type: 'boolean', default: false },
  'no-shrink': { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  /** Processes at a time. */
  jobs: { type: 'string', default: `${os.availableParallelism()}` },
  /** Another build than dist: for builds with planted bugs. */
  dist: { type: 'string', default: 'dist' },
})

const [first, count] = [numberOf(values, 'from', 0), numberOf(values, 'seeds')]
const faultsMax = numberOf(values, 'faults', 0)
const jobs = Math.min(numberOf(values, 'jobs'), count)
if (jobs > 1) {
  const { counts, hasFailed } = await runInParallel({
    main: import.meta.filename,
    args: process.argv.slice(2),
    slice: (from, size) => ['--from', `${from}`, '--seeds', `${size}`],
    ...{ first, count, jobs, isFirst: values.first },
  })
  console.log(`${counts.faults} faults, ${counts.starts} starts`)
  console.log(`${counts.seeds} seeds, ${counts.violations} violations`)
  process.exit(hasFailed || counts.violations > 0 ? 1 : 0)
}

const dist = (file) => import(pathToFileURL(path.resolve(values.dist, file)).href)
const { below, endOwnThread, LifeEnded, ownThread, planFaults, seededRandom, simulate } = await dist('testing/index.js')
const { makeScenarios } = await import('./scenarios.mjs')
const scenarios = makeScenarios({ endOwnThread, ownThread })
choiceOf(
  values,
  'scenario',
  scenarios.map(({ name }) => name),
)

// What a dead life leaves unsaid.
let stray = null
process.on('unhandledRejection', (error) => {
  if (!(error instanceof LifeEnded)) stray ??= error
})

const unharmed = new Map()
/** The run without faults, once a scenario. */
async function expectedOf(scenario) {
  if (!unharmed.has(scenario.name)) unharmed.set(scenario.name, await simulate(1, scenario, [], null))
  return unharmed.get(scenario.name)
}

async function runSeed(seed, choose = (faults) => faults) {
  const random = seededRandom(seed ^ 0x5eed)
  const scenario = values.scenario
    ? scenarios.find(({ name }) => name === values.scenario)
    : scenarios[below(random, scenarios.length)]
  const expected = await expectedOf(scenario)
  const faults = planFaults(random, faultsMax, expected.lastedMs)
  const run = await simulate(seed, scenario, choose(faults), expected)
  const violations = [...expected.violations.map((one) => `unharmed: ${one}`), ...run.violations]
  if (stray !== null) violations.push(`a rejection that nobody handled: ${stray.stack ?? stray}`)
  stray = null
  return { scenario, faults, run, violations }
}

/** Takes away one fault after the other, as long as something is still found. */
async function shrink(seed, faults) {
  let kept = faults.map((_, i) => i)
  for (let size = kept.length >> 1; size > 0; ) {
    let isSmaller = false
    for (let at = 0; at < kept.length; at += size) {
      const fewer = kept.filter((_, i) => i < at || i >= at + size)
      const { violations } = await runSeed(seed, (all) => all.filter((_, i) => fewer.includes(i)))
      if (violations.length > 0) {
        kept = fewer
        isSmaller = true
        break
      }
    }
    if (!isSmaller) size >>= 1
  }
  return kept
}

const only = values.only?.split(',').map(Number)
let [found, inflicted, seeds, starts] = [0, 0, 0, 0]
for (let seed = first; seed < first + count; seed++) {
  const { scenario, faults, run, violations } = await runSeed(seed, (all) =>
    only ? all.filter((_, i) => only.includes(i)) : all,
  )
  seeds++
  inflicted += run.faults
  starts += run.starts
  if (values.verbose) {
    console.log(
      `seed ${seed}: ${scenario.name}, ${run.faults} faults, ${run.starts} starts, ${run.lastedMs.toFixed(0)} ms, ${run.tasks} tasks`,
    )
    if (only) for (const i of only) console.log(`  ${i}: ${JSON.stringify(faults[i])}`)
  }
  if (violations.length === 0) continue
  found += violations.length
  console.log(`seed ${seed}: ${scenario.name}`)
  for (const violation of violations) console.log(`  ${violation}`)
  if (only === undefined && !values['no-shrink']) {
    const kept = await shrink(seed, faults)
    console.log(`  with ${kept.map((i) => JSON.stringify(faults[i])).join(', ') || 'no fault at all'}`)
    const of = values.scenario ? ` --scenario '${values.scenario}'` : ''
    console.log(
      `  repeat: npm run test:sim -- --seeds 1 --from ${seed} --faults ${values.faults}${of} --only ${kept.join(',') || '-1'} --verbose`,
    )
  }
  if (values.first) break
}
console.log(`${inflicted} faults, ${starts} starts`)
console.log(`${seeds} seeds, ${found} violations`)
process.exit(found > 0 ? 1 : 0)
