/** Runs a case in the simulation and compares the files it writes with what brute force says. */
import type * as Umbel from '../../../src/index.ts'
import type * as Testing from '../../../src/testing/index.ts'
import type { OracleRow } from '../windows.ts'
import { batchOf, updatesOf } from './batch.ts'
import { fileOf, topologyOf } from './build.ts'
import { type Case, outputsOf } from './case.ts'
import { lookUpDifferences } from './run-look-ups.ts'
import { type Shape, shapesOf } from './shape.ts'

export interface Simulated extends Pick<typeof Testing, 'planFaults' | 'seededRandom' | 'simulate'> {
  readonly api: typeof Umbel
}

/** Virtual milliseconds that a small case lasts, about. */
const LASTS_MS = 60

export async function differencesOf(seed: number, one: Case, simulated: Simulated): Promise<string[]> {
  const { api, planFaults, seededRandom, simulate } = simulated
  const { shards, hosts, isOnKafka } = one
  const topology = () => topologyOf(one, api)
  const scenario = { name: 'case', topology, shards, workers: 2, hosts, isOnKafka, letters: null }
  const faults = planFaults(seededRandom(seed ^ 0xfa17), one.faults, LASTS_MS)
  const { violations, result, indexes } = await simulate(seed, scenario, faults, null)
  if (violations.length > 0) return [...violations]
  const updates = updatesOf(one)
  const expected = batchOf(one, updates)
  const shapes = shapesOf(one.steps)
  const lookedUp = await lookUpDifferences(one, updates, indexes)
  const files = outputsOf(one.steps).filter((s) => one.steps[s]!.op !== 'index')
  const inFiles = files.flatMap((s) => {
    const wanted = expected[s]!.map((row) => textOf(row, shapes[s]!, api)).sort()
    const got = (result[fileOf(s)] ?? []).flatMap((line) => (line === '' ? [] : [sorted(JSON.parse(line))])).sort()
    if (JSON.stringify(got) === JSON.stringify(wanted)) return []
    const lines = (rows: readonly string[]) => rows.slice(0, 4).join(' | ')
    return [
      `step ${s} has ${got.length} rows for ${wanted.length}; too much: ${lines(less(got, wanted))}; missing: ${lines(less(wanted, got))}`,
    ]
  })
  return [...inFiles, ...lookedUp]
}

function textOf(row: OracleRow, { columns }: Shape, api: typeof Umbel): string {
  const values = columns.map(({ name, kind }) => {
    const value = row[name] ?? null
    return [name, kind === 'time' && value !== null ? api.isoTime(value as number) : value]
  })
  return sorted(Object.fromEntries(values))
}

const sorted = (row: Readonly<Record<string, unknown>>): string =>
  JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))

/** Those of `a` that are not in `b`, each as often as it is there more. */
function less(a: readonly string[], b: readonly string[]): string[] {
  const left = [...b]
  return a.filter((one) => {
    const at = left.indexOf(one)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}
