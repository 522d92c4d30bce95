/**
 * `npm run test:oracle -- --cases 50000 --seed 1`: runs as many random topologies in the simulation, crashes among them, and
 * compares what comes out with what brute force says. A case that differs is cut down, printed, and told with the command
 * that repeats it. The last line is `N cases, N differences`.
 */
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { createJiti } from 'jiti'
import { argumentsOf, numberOf } from '../arguments.mjs'
import { runInParallel } from '../in-parallel.mjs'

const values = argumentsOf({
  cases: { type: 'string', default: '1500' },
  seed: { type: 'string', default: '1' },
  /** Ends with the first difference. */
  first: { type: 'boolean', default: false },
  'no-shrink': { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  jobs: { type: 'string', default: `${os.availableParallelism()}` },
  /** Another build than dist: for builds with planted bugs. */
  dist: { type: 'string', default: 'dist' },
})

const [first, count] = [numberOf(values, 'seed', 0), numberOf(values, 'cases')]
const jobs = Math.min(numberOf(values, 'jobs'), count)
if (jobs > 1) {
  const { counts, hasFailed } = await runInParallel({
    main: import.meta.filename,
    args: process.argv.slice(2),
    slice: (from, size) => ['--seed', `${from}`, '--cases', `${size}`],
    ...{ first, count, jobs, isFirst: values.first },
  })
  console.log(`${counts.cases} cases, ${counts.differences} differences`)
  process.exit(hasFailed || counts.differences > 0 ? 1 : 0)
}

const dist = (file) => import(pathToFileURL(path.resolve(values.dist, file)).href)
const jiti = createJiti(import.meta.url)
const api = await dist('index.js')
const { LifeEnded, planFaults, seededRandom, simulate } = await dist('testing/index.js')
const { generateCase } = await jiti.import('./cases/generate.ts')
const { differencesOf } = await jiti.import('./cases/run.ts')
const { smaller } = await jiti.import('./cases/shrink.ts')
const simulation = { api, planFaults, seededRandom, simulate }

// What a dead life leaves unsaid.
let stray = null
process.on('unhandledRejection', (error) => {
  if (!(error instanceof LifeEnded)) stray ??= error
})

async function check(seed, one) {
  const found = await differencesOf(seed, one, simulation)
  if (stray !== null) found.push(`a rejection that nobody handled: ${stray.stack ?? stray}`)
  stray = null
  return found
}

/** Tries smaller cases as long as one still differs. */
async function shrink(seed, one) {
  for (const candidate of smaller(one)) {
    if ((await check(seed, candidate)).length > 0) return shrink(seed, candidate)
  }
  return one
}

let [cases, found] = [0, 0]
for (let seed = first; seed < first + count; seed++) {
  const one = generateCase(seededRandom(seed))
  const differences = await check(seed, one)
  cases++
  if (values.verbose) console.log(`case ${seed}: ${one.steps.map(({ op }) => op).join(' ')}, ${one.shards} shards`)
  if (differences.length === 0) continue
  found++
  console.log(`case ${seed}: repeat with npm run test:oracle -- --cases 1 --seed ${seed}`)
  const least = values['no-shrink'] ? one : await shrink(seed, one)
  for (const difference of await check(seed, least)) console.log(`  ${difference}`)
  console.log(`  ${JSON.stringify({ ...least, steps: [] })}`)
  for (const [s, step] of least.steps.entries()) console.log(`  ${s}: ${JSON.stringify(step)}`)
  if (values.first) break
}
console.log(`${cases} cases, ${found} differences`)
process.exit(found > 0 ? 1 : 0)
