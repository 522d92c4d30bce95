/** Rows in cells, one by one: taken in and out, and what is stored of a group's cells. */
import type { Schema } from '../../records/schema.ts'
import { type Aggregation, columnsOf, isCollected, type PlannedResult, planCells } from '../aggregation.ts'
import { Cell, type CellSpec, isBeyond } from '../cells.ts'
import { DecayedCell } from '../decayed-cell.ts'
import { squareError } from '../exact-sum.ts'
import type { FoldRow } from './fold-row.ts'

/** A cell, in the form in which it is stored: a sum's components and what is not finite in it; or one number. */
export type SavedCell = [parts: number[], special: [nan: number, plus: number, minus: number] | null]

/** What the groups of one operator share. */
export interface CellPlan {
  readonly specs: readonly CellSpec[]
  /** By spec: which of a row's values; -1 for the number of rows. */
  readonly sources: readonly number[]
  /** By aggregate: from which cells it is read; null where it collects. */
  readonly results: readonly (PlannedResult | null)[]
}

/** Columns that the aggregates read. */
export const aggregatedColumns = (aggregations: readonly Aggregation[]): string[] => [
  ...new Set(aggregations.flatMap(columnsOf)),
]

/** @param names of the columns whose values a row has, in their order */
export function planCellRows(input: Schema, names: readonly string[], aggregations: readonly Aggregation[]): CellPlan {
  const inCells = aggregations.filter((one) => !isCollected(one))
  const { specs, results: read } = planCells(input, inCells)
  return {
    specs,
    sources: specs.map(({ column }) => (column < 0 ? -1 : names.indexOf(input.names[column]!))),
    results: aggregations.map((one) => read[inCells.indexOf(one)] ?? null),
  }
}

/** One for each spec, with nothing in the slots. */
export function openCells(specs: readonly CellSpec[], capacity: number): Cell[] {
  const cells = specs.map((spec) =>
    spec.kind === 'decayed' ? new DecayedCell(spec, capacity) : new Cell(spec, capacity),
  )
  for (const cell of cells) for (let slot = 0; slot < capacity; slot++) cell.reset(slot)
  return cells
}

export const isExtreme = ({ kind }: CellSpec): boolean => kind === 'min' || kind === 'max'

/** Null for a null and where the spec reads no column. A bool counts as 0 or 1. */
export function numberOf({ sources }: CellPlan, spec: number, { values }: FoldRow): number | null {
  const value = values[sources[spec]!]
  return value === null || value === undefined ? null : Number(value)
}

/** Takes a row into a group's cells, or, with the opposite `diff`, out of them. Extremes are not touched. */
export function addRow(plan: CellPlan, cells: readonly Cell[], slot: number, row: FoldRow, diff: number): void {
  for (let c = 0; c < cells.length; c++) {
    const cell = cells[c]!
    const { kind } = cell.spec
    if (kind === 'count') cell.high[slot]! += diff
    const value = numberOf(plan, c, row)
    if (value === null) continue
    if (kind === 'present') cell.high[slot]! += diff
    else if (cell.isSum) addToSum(cell, slot, { value, time: row.time }, diff)
  }
}

/** Takes a row into the extremes among the cells, out of which it cannot be taken again. */
export function raise(plan: CellPlan, cells: readonly Cell[], slot: number, row: FoldRow): void {
  for (let c = 0; c < cells.length; c++) {
    const { spec, high } = cells[c]!
    const value = isExtreme(spec) ? numberOf(plan, c, row) : null
    if (value === null) continue
    if (isBeyond(spec.kind, value, high[slot]!)) high[slot] = value
  }
}

/** One by one: a multiple would be rounded. */
function addToSum(cell: Cell, slot: number, { value, time }: { value: number; time: number }, diff: number): void {
  const sign = Math.sign(diff)
  for (let left = Math.abs(diff); left > 0; left--) {
    if (cell instanceof DecayedCell) cell.addAt(slot, value * sign, time, sign)
    else if (cell.spec.kind === 'sum') cell.add(slot, value * sign, sign)
    else addSquare(cell, slot, value, sign)
  }
}

/** Of a number that is not small and whole the square leaves an error, which belongs to the sum too. */
function addSquare(cell: Cell, slot: number, value: number, diff: number): void {
  const square = value * value
  cell.add(slot, square * diff, diff)
  const error = squareError(value, square)
  if (error !== 0 && Number.isFinite(square)) cell.add(slot, error * diff, diff)
}

export function saveCell(cell: Cell, slot: number): SavedCell {
  const parts = [cell.high[slot]!]
  if (cell.isSum && !cell.isPlain(slot)) parts.push(cell.low[slot]!, ...(cell.rest.get(slot) ?? []))
  const special = cell.special.get(slot)
  return [parts, special?.some((count) => count !== 0) ? special : null]
}

export function restoreCell(cell: Cell, slot: number, [parts, special]: SavedCell): void {
  cell.high[slot] = parts[0]!
  if (parts.length > 1) cell.low[slot] = parts[1]!
  if (parts.length > 2) cell.rest.set(slot, parts.slice(2))
  if (special !== null) cell.special.set(slot, special)
}
