/** Looks up what a case's indexes hold, at all times at which something changes and between them, and compares. */
import type * as Umbel from '../../../src/index.ts'
import { heldAt, spansAt } from '../look-ups.ts'
import type { OracleAggregates, OracleRow } from '../windows.ts'
import { type Rows, spansOf } from './batch.ts'
import { indexName } from './build.ts'
import { type Case, type IndexStep, SECOND } from './case.ts'
import { type Shape, shapesOf } from './shape.ts'

type Indexes = Readonly<Record<string, Umbel.Index<never, never>>>

export async function lookUpDifferences(one: Case, updates: readonly Rows[], indexes: Indexes): Promise<string[]> {
  const shapes = shapesOf(one.steps)
  const found: string[] = []
  for (const [s, step] of one.steps.entries()) {
    if (step.op !== 'index') continue
    const shape = shapes[step.inputs[0]]!
    const made = one.steps[step.inputs[0]]!
    const empty =
      made.op === 'fold' && 'aggregates' in made.fold ? emptyOf(made.fold.aggregates, shape, step.keys) : null
    const difference = await firstDifference(step, updates[s]!, shape, empty, indexes[indexName(s)]!)
    if (difference !== null) found.push(`step ${s}: ${difference}`)
  }
  return found
}

async function firstDifference(
  step: IndexStep,
  rows: Rows,
  shape: Shape,
  empty: OracleRow | null,
  index: Umbel.Index<never, never>,
): Promise<string | null> {
  const { keys, aggregates } = step
  const all = new Map(rows.map(({ row }) => [JSON.stringify(keys.map((name) => row[name])), row]))
  for (const [text, first] of all) {
    const key = Object.fromEntries(keys.map((name) => [name, first[name]]))
    const own = rows.filter(({ row }) => JSON.stringify(keys.map((name) => row[name])) === text)
    for (const at of timesOf(own, step, shape.time)) {
      const got = await gotAt(index, key, at, step.history !== null)
      if (got === 'gone') continue
      const wanted = aggregates === null ? rowsAt(own, shape, key, empty, at) : aggregatesAt(own, step, shape, key, at)
      // Rows that are in no span, and are not kept: the key is not known any more.
      if (step.history !== null && got === MISSING && wanted[0]!.startsWith('["default"')) continue
      if (!wanted.includes(got)) return `${text} at ${at} is ${got}, not ${wanted.join(' or ')}`
    }
  }
  return null
}

/** What aggregates come to over nothing; null where the index has other columns beside its keys. */
function emptyOf(aggregates: OracleAggregates, { columns, time }: Shape, keys: readonly string[]): OracleRow | null {
  const others = columns.filter(({ name }) => name !== time && !keys.includes(name))
  if (!others.every(({ name }) => name in aggregates)) return null
  return Object.fromEntries(
    others.map(({ name }) => {
      const [kind, , options] = aggregates[name]!
      if (kind.startsWith('count')) return [name, 0]
      return [name, ['distinct', 'firstK', 'lastK'].includes(kind) ? [] : (options?.default ?? null)]
    }),
  )
}

/** Of spans also where rows leave them. */
function timesOf(rows: Rows, { aggregates }: IndexStep, time: string): number[] {
  const spans = Object.values(aggregates ?? {}).flatMap(([, , options]) => options?.over ?? [])
  const at = rows.flatMap(({ row }) => [0, ...spans].map((span) => (row[time] as number) + span * SECOND))
  return [...new Set(at.flatMap((one) => [one - 1, one, one + 1]))].sort((a, b) => a - b)
}

/** `gone` where the time is before the history that is kept. */
async function gotAt(
  index: Umbel.Index<never, never>,
  key: OracleRow,
  at: number,
  mayBeGone: boolean,
): Promise<string> {
  try {
    return textOf(await index.get(key as never, at))
  } catch (error) {
    if (mayBeGone && (error as Umbel.UmbelError).code === 'history') return 'gone'
    throw error
  }
}

function rowsAt(rows: Rows, { columns, time }: Shape, key: OracleRow, empty: OracleRow | null, at: number): string[] {
  const names = columns.map(({ name }) => name).filter((name) => name !== time)
  const spans = spansOf(rows, names, time)
  const held = heldAt(spans, (row) => row[time] as number, at)
  if (held.length === 0) {
    const ended = spans.flatMap(({ until }) => (until !== undefined && until <= at ? [until] : []))
    if (empty === null || ended.length === 0) return [MISSING]
    return [textOf({ state: 'default', row: { ...key, ...empty, [time]: Math.max(...ended) } })]
  }
  return held.map((row) => textOf({ state: 'found', row }))
}

function aggregatesAt(rows: Rows, { aggregates }: IndexStep, { time }: Shape, key: OracleRow, at: number): string[] {
  const wanted = spansAt(rows, aggregates!, { time, at, unit: SECOND })
  if (wanted === null) return [MISSING]
  return [textOf({ state: wanted.state, row: { ...key, ...wanted.row } })]
}

const MISSING = '["missing",null]'

const textOf = ({ state, row }: { state: string; row: OracleRow | null }): string =>
  JSON.stringify([state, row && Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))])
