/**
 * Aggregations: which cells each needs, and how its result follows from them. Null values are skipped by all but
 * `count`. Results are exact and rounded once: see `exact-sum.ts`.
 */
import { userError } from '../base/errors.ts'
import type { NumberColumn } from '../records/column.ts'
import { type Fields, type FieldType, fieldOf, listOf, type Schema, typeName } from '../records/schema.ts'
import type { Cell, CellKind, CellSpec } from './cells.ts'
import type { DecayedCell } from './decayed-cell.ts'
import { exactFraction, roundExpansion, roundQuotient } from './exact-sum.ts'
import type { CustomAggregate } from './fold/collect/custom.ts'

/** Aggregates that a few numbers hold. */
export type CellAggregationKind =
  | ('count' | 'countValues' | 'sum' | 'mean' | 'min' | 'max' | 'stddev' | 'variance')
  /** Its result depends on the time at which it is asked for. */
  | 'decayedSum'
/** Aggregates that need more: see `fold/collect`. */
export type CollectedKind = 'countDistinct' | 'distinct' | 'quantile' | 'firstK' | 'lastK' | 'custom'
export type AggregationKind = CellAggregationKind | CollectedKind

/** One aggregate of a group, as the topology describes it. */
export interface Aggregation {
  readonly kind: AggregationKind
  /** The input column; none for `count` and `custom`. */
  readonly column?: string
  /** Of a quantile: the share of values, 0 to 1. */
  readonly p?: number
  /** Of a decayed sum, in microseconds. */
  readonly halfLife?: number
  /** Of `firstK` and `lastK`. */
  readonly limit?: number
  /** Of the same: each value once. */
  readonly isDistinct?: boolean
  /** Of the same and `distinct`: nulls are left out. */
  readonly dropsNull?: boolean
  readonly custom?: CustomAggregate
}

/** The columns that it reads. */
export const columnsOf = ({ column, custom }: Aggregation): readonly string[] =>
  custom?.columns ?? (column === undefined ? [] : [column])

/** Whether the order of the rows counts. */
export const isOrdered = ({ kind }: Aggregation): boolean => kind === 'firstK' || kind === 'lastK'

export const isCollected = ({ kind }: Aggregation): boolean => !Object.hasOwn(CELLS, kind)

const CELLS: Record<CellAggregationKind, readonly CellKind[]> = {
  count: [],
  countValues: ['present'],
  sum: ['present', 'sum'],
  mean: ['present', 'sum'],
  min: ['present', 'min'],
  max: ['present', 'max'],
  stddev: ['present', 'sum', 'square'],
  variance: ['present', 'sum', 'square'],
  decayedSum: ['present', 'decayed'],
}

const FLOAT: FieldType = { kind: 'float', nullable: false, eventTime: false }
const INT: FieldType = { kind: 'int', nullable: false, eventTime: false }

/** @throws user error `aggregation` where a key, or the time of the result, is called so */
export function refuseTaken(fields: Fields, name: string): void {
  if (Object.hasOwn(fields, name))
    throw userError('aggregation', `the result has a field '${name}' already: give the aggregate another name`)
}

/** The result type of an aggregation over a schema. @throws user error `aggregation` on a column it cannot take */
export function resultType(input: Schema, aggregation: Aggregation): FieldType {
  const { kind, column, custom, dropsNull } = aggregation
  if (custom !== undefined) {
    for (const name of custom.columns) fieldOf(input, name)
    return custom.type
  }
  if (kind === 'count') return INT
  const type = { ...fieldOf(input, column!), eventTime: false }
  switch (kind) {
    case 'countValues':
    case 'countDistinct':
      return INT
    case 'distinct':
    case 'firstK':
    case 'lastK':
      return listOf(dropsNull ? { ...type, nullable: false } : type)
    default:
      return numericResult(kind, column!, type)
  }
}

function numericResult(kind: AggregationKind, column: string, type: FieldType): FieldType {
  const numeric =
    type.kind === 'int' ||
    type.kind === 'float' ||
    type.kind === 'decimal' ||
    (type.kind === 'bool' && (kind === 'mean' || kind === 'sum' || kind === 'decayedSum'))
  const ordered = type.kind === 'time' || type.kind === 'date'
  if (!numeric && !(ordered && (kind === 'min' || kind === 'max' || kind === 'quantile'))) {
    throw userError('aggregation', `${kind}('${column}') needs a numeric column, and '${column}' is ${typeName(type)}`)
  }
  if (['mean', 'stddev', 'variance', 'decayedSum'].includes(kind)) return { ...FLOAT, nullable: type.nullable }
  return type.kind === 'bool' ? { ...INT, nullable: type.nullable } : type
}

/**
 * The cells of several aggregations, each kept once, and the reader of each result. The first cell counts the rows, and with them the
 * values of columns that are never null.
 */
export function planCells(input: Schema, aggregations: readonly Aggregation[]): PlannedCells {
  const specs: CellSpec[] = [{ kind: 'count', column: -1 }]
  const indexOf = (wanted: CellSpec): number => {
    const { kind, column, halfLife } = wanted
    const known = specs.findIndex((spec) => spec.kind === kind && spec.column === column && spec.halfLife === halfLife)
    return known >= 0 ? known : specs.push(wanted) - 1
  }
  const results = aggregations.map(({ kind: of, column: name, halfLife }) => {
    const kind = of as CellAggregationKind
    const column = name === undefined ? -1 : input.names.indexOf(name)
    const type = name === undefined ? undefined : input.fields[name]!
    const cells = CELLS[kind].map((cell) => {
      if (cell === 'present' && type?.nullable === false) return 0
      return indexOf(cell === 'decayed' ? { kind: cell, column, halfLife: halfLife! } : { kind: cell, column })
    })
    return { kind, unit: 10 ** (type?.scale ?? 0), cells }
  })
  return { specs, results }
}

interface PlannedCells {
  readonly specs: readonly CellSpec[]
  readonly results: readonly PlannedResult[]
}

export interface PlannedResult {
  readonly kind: CellAggregationKind
  /** How many of what is added up are one: of decimals their units are. */
  readonly unit: number
  /** Indexes into the cells. */
  readonly cells: readonly number[]
}

/** The result column of the groups in `slots[0..count)`. */
export function readResult(
  result: PlannedResult,
  cells: readonly Cell[],
  slots: Int32Array,
  count: number,
): NumberColumn {
  const data = new Float64Array(count)
  if (result.kind === 'count') {
    const { high } = cells[0]!
    for (let i = 0; i < count; i++) data[i] = high[slots[i]!]!
    return { type: 'number', data, valid: null }
  }
  const [present, first, second] = result.cells.map((index) => cells[index]!)
  if (result.kind === 'countValues') {
    for (let i = 0; i < count; i++) data[i] = present!.high[slots[i]!]!
    return { type: 'number', data, valid: null }
  }
  let valid: Uint8Array | null = null
  for (let i = 0; i < count; i++) {
    const slot = slots[i]!
    const values = present!.high[slot]!
    if (values === 0) {
      valid ??= new Uint8Array(count).fill(1)
      valid[i] = 0
    } else data[i] = resultOf(result, values, first!, second, slot)
  }
  return { type: 'number', data, valid }
}

/**
 * The result of one group.
 * @param at the time as of which decayed sums are read
 */
export function resultAt(result: PlannedResult, cells: readonly Cell[], slot: number, at = Number.NaN): number | null {
  if (result.kind === 'count') return cells[0]!.high[slot]!
  const [present, first, second] = result.cells.map((index) => cells[index]!)
  const values = present!.high[slot]!
  if (result.kind === 'countValues') return values
  if (values <= 0) return null
  if (result.kind === 'decayedSum') return (first as DecayedCell).valueAt(slot, at) / result.unit
  return resultOf(result, values, first!, second, slot)
}

function resultOf(
  { kind, unit }: PlannedResult,
  values: number,
  first: Cell,
  second: Cell | undefined,
  slot: number,
): number {
  switch (kind) {
    case 'sum':
      return first.isPlain(slot) ? first.high[slot]! : rounded(first.components(slot))
    case 'mean':
      return first.isPlain(slot) && values * unit <= EXACT
        ? first.high[slot]! / (values * unit)
        : quotient(first.components(slot), values, unit)
    case 'stddev':
      return Math.sqrt(variance(values, unit, first, second!, slot))
    case 'variance':
      return variance(values, unit, first, second!, slot)
    default:
      return first.high[slot]!
  }
}

const EXACT = Number.MAX_SAFE_INTEGER

const isFinitePart = (parts: readonly number[]): boolean => parts.length === 0 || Number.isFinite(parts[0]!)

const rounded = (parts: readonly number[]): number => (isFinitePart(parts) ? roundExpansion(parts) : parts[0]!)

function quotient(parts: readonly number[], values: number, unit: number): number {
  if (!isFinitePart(parts)) return parts[0]!
  const { numerator, shift } = exactFraction(parts)
  return roundQuotient(numerator, BigInt(values) * BigInt(unit), shift)
}

/** Population variance (n Σx² - (Σx)²) / n², from exact sums: no cancellation. */
function variance(values: number, unit: number, sum: Cell, squares: Cell, slot: number): number {
  if (sum.isPlain(slot) && squares.isPlain(slot)) {
    const [s, q] = [sum.high[slot]!, squares.high[slot]!]
    if (Number.isInteger(s) && Number.isInteger(q) && values * q <= EXACT && s * s <= EXACT) {
      const divisor = values * values * unit * unit
      if (divisor <= EXACT) return (values * q - s * s) / divisor
    }
  }
  const [s, q] = [sum.components(slot), squares.components(slot)]
  if (!isFinitePart(s) || !isFinitePart(q)) return Number.NaN
  const [a, b] = [exactFraction(s), exactFraction(q)]
  const n = BigInt(values)
  const shift = Math.max(2 * a.shift, b.shift)
  const numerator =
    ((n * b.numerator) << BigInt(shift - b.shift)) - ((a.numerator * a.numerator) << BigInt(shift - 2 * a.shift))
  return roundQuotient(numerator, n * n * BigInt(unit) * BigInt(unit), shift)
}
