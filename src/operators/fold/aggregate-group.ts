/** Aggregates of a group: exact sums in cells, extremes over members, and what collects values. */
import type { Value } from '../../records/column.ts'
import { packValues } from '../../records/key.ts'
import type { Schema } from '../../records/schema.ts'
import { type Aggregation, columnsOf, isCollected, type PlannedResult, planCells, resultAt } from '../aggregation.ts'
import { Cell, type CellSpec } from '../cells.ts'
import { squareError } from '../exact-sum.ts'
import type { Accumulator, GroupStore, OpenAccumulator } from './accumulator.ts'
import type { Collector, CollectorStore } from './collect/collector.ts'
import { collectorOf } from './collect/collector-of.ts'
import { Extreme } from './extreme.ts'
import type { FoldRow } from './fold-row.ts'

/** A cell, in the form in which it is stored: a sum's components and what is not finite in it; or one number. */
type SavedCell = [parts: number[], special: [nan: number, plus: number, minus: number] | null]

/** What is stored of a group: its cells, and what each aggregate has collected. */
type Saved = readonly [cells: readonly SavedCell[], collected: readonly unknown[]]

/** What the groups of one operator share. */
export interface AggregatePlan {
  readonly specs: readonly CellSpec[]
  /** By aggregate: from which cells it is read; null where it collects. */
  readonly results: readonly (PlannedResult | null)[]
  /** By aggregate; null where it is read from cells. */
  readonly collectors: readonly (((store: CollectorStore) => Collector) | null)[]
  /** By spec: which of a row's values; -1 for the number of rows. */
  readonly sources: readonly number[]
  /** Where rows are taken back at other times than they came, nothing is ever settled. */
  readonly isTable: boolean
}

/** Columns that the aggregates read. */
export const aggregatedColumns = (aggregations: readonly Aggregation[]): string[] => [
  ...new Set(aggregations.flatMap(columnsOf)),
]

export function openAggregates(input: Schema, aggregations: readonly Aggregation[], isTable: boolean): OpenAccumulator {
  const inCells = aggregations.filter((one) => !isCollected(one))
  const { specs, results: read } = planCells(input, inCells)
  const results = aggregations.map((one) => read[inCells.indexOf(one)] ?? null)
  const names = aggregatedColumns(aggregations)
  const collectors = aggregations.map((one) => (isCollected(one) ? collectorOf(input, names, one) : null))
  const sources = specs.map(({ column }) => (column < 0 ? -1 : names.indexOf(input.names[column]!)))
  const plan = { specs, results, collectors, sources, isTable }
  return (store) => new AggregateGroup(plan, store)
}

class AggregateGroup implements Accumulator {
  readonly #plan: AggregatePlan
  readonly #cells: readonly Cell[]
  /** By spec; null where it is no extreme. */
  readonly #extremes: readonly (Extreme | null)[]
  /** By aggregate. */
  readonly #collectors: readonly (Collector | null)[]

  constructor(plan: AggregatePlan, { key, saved, members }: GroupStore) {
    this.#plan = plan
    this.#cells = plan.specs.map((spec) => new Cell(spec, 1))
    this.#extremes = plan.specs.map(({ kind }, s) =>
      kind === 'min' || kind === 'max' ? new Extreme(kind, members, Buffer.concat([key, packValues([s])])) : null,
    )
    for (const cell of this.#cells) cell.reset(0)
    const [savedCells, collected] = (saved as Saved | null) ?? [[], []]
    savedCells.forEach((cell, c) => void this.#restore(c, cell))
    this.#collectors = plan.collectors.map(
      (openOne, a) =>
        openOne?.({
          members,
          prefix: Buffer.concat([key, packValues([plan.specs.length + a])]),
          saved: collected[a] ?? null,
        }) ?? null,
    )
  }

  #restore(index: number, [parts, special]: SavedCell): void {
    const extreme = this.#extremes[index]!
    const cell = this.#cells[index]!
    if (extreme !== null) {
      extreme.settled = parts[0] ?? null
      return
    }
    cell.high[0] = parts[0]!
    if (parts.length > 1) cell.low[0] = parts[1]!
    if (parts.length > 2) cell.rest.set(0, parts.slice(2))
    if (special !== null) cell.special.set(0, special)
  }

  apply(row: FoldRow, diff: number): void {
    this.#cells.forEach((cell, c) => {
      const { kind } = cell.spec
      if (kind === 'count') cell.high[0]! += diff
      const value = this.#valueOf(row, c)
      if (value === null) return
      if (kind === 'present') cell.high[0]! += diff
      else if (cell.isSum) addToSum(cell, value, diff)
      else this.#extremes[c]?.apply(value, diff)
    })
    for (const collector of this.#collectors) collector?.apply(row, diff)
  }

  settle(row: FoldRow): void {
    if (this.#plan.isTable) return
    this.#extremes.forEach((extreme, c) => {
      const value = extreme && this.#valueOf(row, c)
      if (value !== null) extreme!.settle(value, row.diff)
    })
    for (const collector of this.#collectors) collector?.settle(row)
  }

  rows(): readonly (readonly Value[])[] {
    if (!(this.#cells[0]!.high[0]! > 0)) return []
    this.#extremes.forEach((extreme, c) => {
      if (extreme !== null) this.#cells[c]!.high[0] = extreme.value() ?? Number.NaN
    })
    const { results } = this.#plan
    return [
      results.map((result, a) => (result === null ? this.#collectors[a]!.value() : resultAt(result, this.#cells, 0))),
    ]
  }

  save(): unknown {
    const cells = this.#cells.map((cell, c): SavedCell => {
      const extreme = this.#extremes[c]!
      if (extreme !== null) return [extreme.settled === null ? [] : [extreme.settled], null]
      const parts = [cell.high[0]!]
      if (cell.isSum && !cell.isPlain(0)) parts.push(cell.low[0]!, ...(cell.rest.get(0) ?? []))
      const special = cell.special.get(0)
      return [parts, special?.some((count) => count !== 0) ? special : null]
    })
    const collected = this.#collectors.map((collector) => collector?.save() ?? null)
    const isEmpty =
      cells.every(([parts, special]) => special === null && parts.every((part) => part === 0)) &&
      collected.every((one) => one === null)
    return isEmpty ? null : [cells, collected]
  }

  /** Null for a null and where the spec reads no column. A bool counts as 0 or 1. */
  #valueOf({ values }: FoldRow, spec: number): number | null {
    const value = values[this.#plan.sources[spec]!]
    return value === null || value === undefined ? null : Number(value)
  }
}

/** One by one: a multiple would be rounded. */
function addToSum(cell: Cell, value: number, diff: number): void {
  const sign = Math.sign(diff)
  for (let left = Math.abs(diff); left > 0; left--) {
    if (cell.spec.kind === 'sum') cell.add(0, value * sign, sign)
    else addSquare(cell, value, sign)
  }
}

/** Of a number that is not small and whole the square leaves an error, which belongs to the sum too. */
function addSquare(cell: Cell, value: number, diff: number): void {
  const square = value * value
  cell.add(0, square * diff, diff)
  const error = squareError(value, square)
  if (error !== 0 && Number.isFinite(square)) cell.add(0, error * diff, diff)
}
