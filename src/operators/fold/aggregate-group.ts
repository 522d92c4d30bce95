/** Aggregates of a group: exact sums in cells, extremes over members. */
import type { Value } from '../../records/column.ts'
import { packValues } from '../../records/key.ts'
import type { Schema } from '../../records/schema.ts'
import { type Aggregation, type PlannedResult, planCells, resultAt } from '../aggregation.ts'
import { Cell, type CellSpec } from '../cells.ts'
import { squareError } from '../exact-sum.ts'
import type { Accumulator, GroupStore, OpenAccumulator } from './accumulator.ts'
import { Extreme } from './extreme.ts'
import type { FoldRow } from './fold-row.ts'

/** A cell, in the form in which it is stored: a sum's components and what is not finite in it; or one number. */
type SavedCell = [parts: number[], special: [nan: number, plus: number, minus: number] | null]

/** What the groups of one operator share. */
export interface AggregatePlan {
  readonly specs: readonly CellSpec[]
  readonly results: readonly PlannedResult[]
  /** By spec: which of a row's values; -1 for the number of rows. */
  readonly sources: readonly number[]
  /** Where rows are taken back at other times than they came, nothing is ever settled. */
  readonly isTable: boolean
}

/** Columns that the aggregates read. */
export const aggregatedColumns = (aggregations: readonly Aggregation[]): string[] => [
  ...new Set(aggregations.flatMap(({ column }) => column ?? [])),
]

export function openAggregates(input: Schema, aggregations: readonly Aggregation[], isTable: boolean): OpenAccumulator {
  const { specs, results } = planCells(input, aggregations)
  const names = aggregatedColumns(aggregations)
  const sources = specs.map(({ column }) => (column < 0 ? -1 : names.indexOf(input.names[column]!)))
  const plan = { specs, results, sources, isTable }
  return (store) => new AggregateGroup(plan, store)
}

class AggregateGroup implements Accumulator {
  readonly #plan: AggregatePlan
  readonly #cells: readonly Cell[]
  /** By spec; null where it is no extreme. */
  readonly #extremes: readonly (Extreme | null)[]

  constructor(plan: AggregatePlan, { key, saved, members }: GroupStore) {
    this.#plan = plan
    this.#cells = plan.specs.map((spec) => new Cell(spec, 1))
    this.#extremes = plan.specs.map(({ kind }, s) =>
      kind === 'min' || kind === 'max' ? new Extreme(kind, members, Buffer.concat([key, packValues([s])])) : null,
    )
    for (const cell of this.#cells) cell.reset(0)
    if (saved !== null) (saved as SavedCell[]).forEach((cell, c) => this.#restore(c, cell))
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
  }

  settle(row: FoldRow): void {
    if (this.#plan.isTable) return
    this.#extremes.forEach((extreme, c) => {
      const value = extreme && this.#valueOf(row, c)
      if (value !== null) extreme!.settle(value, row.diff)
    })
  }

  rows(): readonly (readonly Value[])[] {
    if (!(this.#cells[0]!.high[0]! > 0)) return []
    this.#extremes.forEach((extreme, c) => {
      if (extreme !== null) this.#cells[c]!.high[0] = extreme.value() ?? Number.NaN
    })
    return [this.#plan.results.map((result) => resultAt(result, this.#cells, 0))]
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
    return cells.every(([parts, special]) => special === null && parts.every((part) => part === 0)) ? null : cells
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
