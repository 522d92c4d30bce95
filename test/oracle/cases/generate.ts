/** Random cases: small values, so that keys meet, times tie, and nulls are many. */
import type { OracleRanking } from '../ranks.ts'
import type { OracleAggregates, OracleOptions } from '../windows.ts'
import type { AsOfStep, Case, CaseRow, Column, NearStep, SourceStep, Step, TableJoinStep } from './case.ts'
import { type Shape, shapesOf } from './shape.ts'

/** Numbers from 0 up to 1. */
export type Random = () => number

const STEPS_MAX = 6
const below = (random: Random, count: number): number => Math.floor(random() * count)
const pick = <T>(random: Random, from: readonly T[]): T => from[below(random, from.length)]!

export function generateCase(random: Random): Case {
  const steps: Step[] = Array.from({ length: 1 + below(random, 3) }, () => sourceStep(random))
  const made = 1 + below(random, STEPS_MAX)
  for (let tries = 0, count = 0; count < made && tries < 50; tries++) {
    const added = nextSteps(random, steps)
    if (added === null) continue
    steps.push(...added)
    count++
  }
  return {
    steps,
    shards: 1 + below(random, 8),
    hosts: 1 + below(random, 2),
    isOnKafka: random() < 0.2,
    faults: random() < 0.5 ? 0 : 1 + below(random, 4),
  }
}

function sourceStep(random: Random): SourceStep {
  const disorder = pick(random, [0, 0, 3, 10])
  const lateness = pick(random, [0, 0, 4, 15])
  const length = 1 + below(random, 40)
  const rows: CaseRow[] = []
  let latest = below(random, 20)
  for (let i = 0; i < length; i++) {
    // No row is too late, whichever split it falls to.
    const at = latest + below(random, 4) - (random() < 0.4 ? below(random, disorder + lateness + 1) : 0)
    const back = Math.max(at, latest - disorder - lateness)
    latest = Math.max(latest, back)
    rows.push({
      at: back,
      k: pick(random, ['a', 'b', 'ä', '', 'a\0', null]),
      g: below(random, 3),
      n: random() < 0.2 ? null : below(random, 9) - 4,
      x: random() < 0.2 ? null : pick(random, [0.1, -0.1, 1e-3, 1e16, 3e15 + 1, -1e16, 0, 2.5, 7]),
      b: random() < 0.5,
    })
  }
  return { op: 'source', rows, splits: 1 + below(random, 3), disorder, lateness }
}

type Make = (random: Random, input: Input, steps: readonly Step[], shapes: readonly Shape[]) => readonly Step[] | null

/** What a step is made of: its number and shape. */
interface Input {
  readonly at: number
  readonly shape: Shape
}

const columnsOf = ({ columns, time }: Shape, ...kinds: Column['kind'][]): string[] =>
  columns.filter(({ name, kind }) => name !== time && kinds.includes(kind)).map(({ name }) => name)

function someOf<T>(random: Random, from: readonly T[], most: number): T[] {
  const left = [...from]
  const count = Math.min(left.length, 1 + below(random, most))
  return Array.from({ length: count }, () => left.splice(below(random, left.length), 1)[0]!)
}

const filter: Make = (random, { at, shape }) => {
  const columns = columnsOf(shape, 'int', 'float')
  if (columns.length === 0) return null
  return [{ op: 'filter', inputs: [at], column: pick(random, columns), rest: below(random, 3) }]
}

const assign: Make = (random, { at, shape }, steps) => {
  const columns = columnsOf(shape, 'int', 'float')
  if (columns.length === 0) return null
  const name = random() < 0.3 ? pick(random, columns) : `c${steps.length}`
  return [{ op: 'assign', inputs: [at], name, column: pick(random, columns), times: below(random, 7) - 3 }]
}

const select: Make = (random, { at, shape }) => {
  const names = columnsOf(shape, 'int', 'float', 'string', 'time', 'bool')
  return names.length === 0 ? null : [{ op: 'select', inputs: [at], names: someOf(random, names, 5) }]
}

const rename: Make = (random, { at, shape }, steps) => {
  const names = someOf(random, shape.columns, 3).map(({ name }, i) => [name, `r${steps.length}_${i}`])
  return [{ op: 'rename', inputs: [at], names: Object.fromEntries(names) }]
}

const union: Make = (random, { at, shape }, steps, shapes) => {
  const alike = shapes.flatMap((other, s) => (s !== at && isAlike(shape, other) ? [s] : []))
  if (shape.isTable || alike.length === 0 || steps.length === 0) return null
  return [{ op: 'union', inputs: [at, pick(random, alike)] }]
}

const isAlike = (a: Shape, b: Shape): boolean =>
  !b.isTable && a.time === b.time && JSON.stringify(a.columns) === JSON.stringify(b.columns)

function aggregates(random: Random, shape: Shape, step: number, kinds: readonly string[]): OracleAggregates {
  const numbers = columnsOf(shape, 'int', 'float')
  const any = columnsOf(shape, 'int', 'float', 'string', 'bool')
  const columnsFor = (kind: string) => (LISTED.includes(kind) || kind === 'countDistinct' ? any : numbers)
  const all = kinds.filter((kind) => kind === 'count' || columnsFor(kind).length > 0)
  return Object.fromEntries(
    someOf(random, all, 3).map((kind, i) => {
      const column = kind === 'count' ? null : pick(random, columnsFor(kind))
      return [`a${step}_${i}`, [kind, column, optionsOf(random, kind, column, shape)]]
    }),
  )
}

function optionsOf(random: Random, kind: string, column: string | null, shape: Shape): OracleOptions {
  const bools = columnsOf(shape, 'bool')
  const isNullable = shape.columns.find(({ name }) => name === column)?.nullable ?? false
  const where = random() < 0.3 && bools.length > 0 ? { where: pick(random, bools) } : {}
  if (LISTED.includes(kind)) {
    const isDropping = random() < 0.5 || (isNullable && 'where' in where)
    return {
      ...where,
      ...(isDropping ? { dropsNull: true } : {}),
      ...(kind === 'distinct' ? {} : { limit: 1 + below(random, 3), ...(random() < 0.5 ? { isDistinct: true } : {}) }),
    }
  }
  if (kind.startsWith('count')) return where
  const otherwise = random() < 0.2 ? { default: -7 } : {}
  if (kind === 'decayedSum') return { ...where, ...otherwise, halfLife: pick(random, [1, 3, 10]) }
  return { ...where, ...otherwise, ...(kind === 'quantile' ? { p: pick(random, [0, 0.25, 0.5, 0.9, 1]) } : {}) }
}

/** What panes hold of any rows. */
const INVERTIBLE = ['count', 'sum', 'mean', 'stddev', 'variance']
const LISTED = ['distinct', 'firstK', 'lastK']
const ALL = [...INVERTIBLE, 'min', 'max', 'countDistinct', 'distinct', 'quantile']

const keysOf = (random: Random, shape: Shape): string[] | null => {
  const columns = columnsOf(shape, 'int', 'string')
  return columns.length === 0 ? null : someOf(random, columns, 2)
}

const window: Make = (random, { at, shape }, steps) => {
  const keys = keysOf(random, shape)
  if (shape.isTable || keys === null) return null
  const hop = 1 + below(random, 12)
  const times = 1 + below(random, 4)
  const isGrowing = random() < 0.2
  const size = isGrowing ? hop * times : random() < 0.5 ? hop : hop + below(random, 12)
  const kinds = random() < 0.5 ? INVERTIBLE : kindsOf(shape, keys)
  return [
    {
      ...{ op: 'window', inputs: [at], keys, size, hop: isGrowing ? size : hop, step: isGrowing ? hop : null },
      offset: random() < 0.3 ? below(random, 5) : 0,
      lookback: random() < 0.1 ? below(random, 5) : 0,
      emit: pick(random, ['final', 'final', 'eager'] as const),
      aggregates: aggregates(random, shape, steps.length, kinds),
    },
  ]
}

const session: Make = (random, { at, shape }, steps) => {
  const keys = keysOf(random, shape)
  if (shape.isTable || keys === null) return null
  const emit = pick(random, ['final', 'final', 'eager'] as const)
  const all = aggregates(random, shape, steps.length, kindsOf(shape, keys))
  return [{ op: 'session', inputs: [at], keys, gap: 1 + below(random, 4), emit, aggregates: all }]
}

/** True where rows of these keys and one time may have nothing that tells their order. */
const mayTie = (shape: Shape, keys: readonly string[]): boolean =>
  !shape.isPlain && !(shape.unique?.every((name) => keys.includes(name)) ?? false)

/** Of a table the order of rows does not count, nor where it cannot be told. */
const kindsOf = (shape: Shape, keys: readonly string[]): readonly string[] =>
  shape.isTable || mayTie(shape, keys) ? ALL : [...ALL, 'firstK', 'lastK']

/** Spans of aggregates, in a case's units. */
const SPANS = [1, 3, 7, 40, null]

const spanned = (random: Random, all: OracleAggregates): OracleAggregates =>
  Object.fromEntries(
    Object.entries(all).map(([name, [kind, column, options]]) => [
      name,
      [kind, column, { ...options, over: pick(random, SPANS) }],
    ]),
  )

const withinOf = (random: Random) => (random() < 0.3 ? { within: pick(random, [1, 3, 7, 40]) } : {})

const fold: Make = (random, { at, shape }, steps) => {
  const keys = keysOf(random, shape)
  if (keys === null) return null
  const emit = pick(random, ['final', 'eager'] as const)
  const isOrdered = !shape.isTable && !mayTie(shape, keys)
  const by = random() < 0.5 ? [] : rankedBy(random, shape)
  const which = pick(random, ['first', 'latest', 'top', null, null] as const)
  const isTop = which === 'top' && by.length > 0 && !shape.columns.some(({ name }) => name === 'rank')
  if (isOrdered && isTop)
    return [
      { op: 'fold', inputs: [at], keys, fold: { which, by, limit: 1 + below(random, 3), ...withinOf(random) }, emit },
    ]
  if (isOrdered && (which === 'first' || which === 'latest')) {
    const order = which === 'first' ? 'ascending' : 'descending'
    const ranking = { which, by: by.slice(0, 1).map(([name]) => [name, order] as const), limit: 1, ...withinOf(random) }
    return [{ op: 'fold', inputs: [at], keys, fold: ranking, emit }]
  }
  const kinds = kindsOf(shape, keys)
  const all = aggregates(random, shape, steps.length, kinds)
  if (!shape.isTable && random() < 0.4)
    return [
      {
        ...{ op: 'fold', inputs: [at], keys, fold: { aggregates: spanned(random, all) }, emit: 'final' },
        ...(random() < 0.3 ? { every: 1 + below(random, 5) } : {}),
      },
    ]
  return [{ op: 'fold', inputs: [at], keys, fold: { aggregates: all }, emit }]
}

const rankedBy = (random: Random, shape: Shape): OracleRanking['by'] => {
  const columns = columnsOf(shape, 'int', 'float', 'string', 'bool')
  return columns.length === 0
    ? []
    : someOf(random, columns, 2).map((name) => [name, pick(random, ['ascending', 'descending'] as const)] as const)
}

const over: Make = (random, { at, shape }, steps) => {
  const keys = keysOf(random, shape)
  if (shape.isTable || keys === null || mayTie(shape, keys)) return null
  const all = aggregates(random, shape, steps.length, [...kindsOf(shape, keys), 'decayedSum'])
  const each = Object.entries(all).map(([name, [kind, column, options]]) => {
    const reach =
      kind === 'decayedSum' || random() < 0.5 ? { over: pick(random, SPANS) } : { rows: 1 + below(random, 4) }
    return [name, [kind, column, { ...options, ...reach }]] as const
  })
  const emit = pick(random, ['final', 'final', 'eager'] as const)
  return [{ op: 'over', inputs: [at], keys, aggregates: Object.fromEntries(each), emit }]
}

const dropNull: Make = (random, { at, shape }) => {
  const nullable = shape.columns.filter((one) => one.nullable === true).map(({ name }) => name)
  return nullable.length === 0 ? null : [{ op: 'drop-null', inputs: [at], names: someOf(random, nullable, 2) }]
}

const dedup: Make = (random, { at, shape }) => {
  const keys = keysOf(random, shape)
  if (shape.isTable || keys === null || mayTie(shape, keys)) return null
  const emit = pick(random, ['final', 'final', 'eager'] as const)
  if (below(random, 3) === 0) return [{ op: 'dedup', inputs: [at], keys, span: 0, gap: pick(random, [1, 2, 5]), emit }]
  return [{ op: 'dedup', inputs: [at], keys, span: pick(random, [0, 0, 3, 8]), emit }]
}

const explode: Make = (random, { at, shape }, steps) => {
  const columns = columnsOf(shape, 'int', 'float')
  if (columns.length === 0) return null
  return [{ op: 'explode', inputs: [at], name: `e${steps.length}`, column: pick(random, columns) }]
}

const transform: Make = (random, { at, shape }, steps) => {
  const columns = columnsOf(shape, 'int', 'float')
  const names = columnsOf(shape, 'int', 'float', 'string', 'time', 'bool')
  if (columns.length === 0) return null
  const kept = someOf(random, names, 5)
  return [{ op: 'transform', inputs: [at], names: kept, name: `t${steps.length}`, column: pick(random, columns) }]
}

const changelog: Make = (random, { at, shape }, steps) => {
  const keys = keysOf(random, shape)
  if (!shape.isTable || keys === null) return null
  const marks = pick(random, ['insert', 'delete'] as const)
  return [{ op: 'changelog', inputs: [at], keys, name: `m${steps.length}`, marks }]
}

/** Columns of two sides that pair up, and what else the right one has, under names of its own. */
function pairing(random: Random, shape: Shape, table: Shape, number: number) {
  const pairs = columnsOf(table, 'int', 'string').flatMap((name) => {
    const kind = table.columns.find((one) => one.name === name)!.kind
    const left = columnsOf(shape, kind)
    return left.length === 0 ? [] : [[pick(random, left), name] as const]
  })
  const chosen = pairs.length === 0 ? [] : someOf(random, pairs, 2)
  const leftKeys = chosen.map(([left]) => left)
  if (chosen.length === 0 || new Set(leftKeys).size < leftKeys.length) return null
  const names = chosen.map(([, name]) => name)
  const others = columnsOf(table, 'int', 'float', 'string').filter((name) => !names.includes(name))
  if (others.length === 0) return null
  const renamed = Object.fromEntries(table.columns.map(({ name }, i) => [name, `r${number}_${i}`]))
  return {
    ...{ names, renamed, leftKeys, rightKeys: names.map((name) => renamed[name]!) },
    fields: someOf(random, others, 2).map((name) => renamed[name]!),
  }
}

const asOf: Make = (random, { at, shape }, steps, shapes) => {
  if (shape.isTable) return null
  const right = below(random, shapes.length)
  const table = shapes[right]!
  const paired = pairing(random, shape, table, steps.length)
  if (paired === null || (!table.isTable && mayTie(table, paired.names))) return null
  const { renamed, leftKeys, rightKeys, fields } = paired
  const step: AsOfStep = {
    ...{ op: 'as-of', inputs: [at, steps.length], leftKeys, rightKeys, fields },
    how: pick(random, ['inner', 'left'] as const),
    older: pick(random, [null, null, 0, 5, 20]),
    newer: pick(random, [0, 0, 0, 3]),
    by: random() < 0.3 ? keysOf(random, shape) : null,
  }
  return [{ op: 'rename', inputs: [right], names: renamed }, step]
}

const join: Make = (random, { at, shape }, steps, shapes) => {
  const tables = shapes.flatMap((other, s) => (other.isTable ? [s] : []))
  if (!shape.isTable || tables.length === 0) return null
  const right = pick(random, tables)
  const paired = pairing(random, shape, shapes[right]!, steps.length)
  if (paired === null) return null
  const { renamed, leftKeys, rightKeys, fields } = paired
  const how = pick(random, ['inner', 'left', 'full', 'semi', 'anti'] as const)
  const step: TableJoinStep = {
    ...{ op: 'join', inputs: [at, steps.length], leftKeys, rightKeys, how },
    fields: how === 'semi' || how === 'anti' ? [] : fields,
    emit: pick(random, ['final', 'eager', 'eager'] as const),
  }
  return [{ op: 'rename', inputs: [right], names: renamed }, step]
}

const near: Make = (random, { at, shape }, steps, shapes) => {
  const streams = shapes.flatMap((other, s) => (other.isTable ? [] : [s]))
  if (shape.isTable) return null
  const right = pick(random, streams)
  const paired = pairing(random, shape, shapes[right]!, steps.length)
  if (paired === null) return null
  const { renamed, leftKeys, rightKeys, fields } = paired
  const step: NearStep = {
    ...{ op: 'near', inputs: [at, steps.length], leftKeys, rightKeys, fields },
    how: pick(random, ['inner', 'left', 'right', 'full'] as const),
    emit: pick(random, ['final', 'eager', 'eager'] as const),
    span:
      random() < 0.4
        ? { size: 1 + below(random, 6), offset: below(random, 3) }
        : { older: pick(random, [0, 0, 2, 5]), newer: pick(random, [0, 0, 3, 6]) },
  }
  return [{ op: 'rename', inputs: [right], names: renamed }, step]
}

const index: Make = (random, { at, shape }, steps) => {
  const keys = keysOf(random, shape)
  if (keys === null) return null
  const history = random() < 0.3 ? below(random, 20) : null
  const isOfRows = shape.isTable
  // Extremes are what is hard to take back.
  const kinds = random() < (shape.retracts ? 0.8 : 0.3) ? ['min', 'max'] : [...kindsOf(shape, keys), 'decayedSum']
  const all = isOfRows ? null : aggregates(random, shape, steps.length, kinds)
  if (all !== null && Object.keys(all).length === 0) return null
  return [{ op: 'index', inputs: [at], keys, aggregates: all && spanned(random, all), history }]
}

const ROW_BY_ROW = [filter, assign, select, rename, dropNull, union, explode, transform]
const MAKES: readonly Make[] = [
  union,
  union,
  ...ROW_BY_ROW,
  ...[
    window,
    window,
    window,
    session,
    session,
    fold,
    fold,
    fold,
    dedup,
    dedup,
    changelog,
    changelog,
    asOf,
    asOf,
    near,
    near,
    join,
    join,
    index,
    index,
    index,
    over,
    over,
  ],
]

function nextSteps(random: Random, steps: readonly Step[]): readonly Step[] | null {
  const shapes = shapesOf(steps)
  // More often what was made last, so that steps follow one another.
  const at = random() < 0.6 ? steps.length - 1 : below(random, steps.length)
  if (steps[at]!.op === 'index') return null
  return pick(random, MAKES)(random, { at, shape: shapes[at]! }, steps, shapes)
}
