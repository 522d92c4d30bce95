/** Aggregates of a group: exact sums in cells, extremes over members, and what collects values. */
import type { Value } from '../../records/column.ts'
import { packValues } from '../../records/key.ts'
import type { Schema } from '../../records/schema.ts'
import { type Aggregation, isCollected, resultAt } from '../aggregation.ts'
import type { Cell } from '../cells.ts'
import type { Accumulator, GroupStore, OpenAccumulator } from './accumulator.ts'
import {
  addRow,
  aggregatedColumns,
  type CellPlan,
  isExtreme,
  numberOf,
  openCells,
  planCellRows,
  restoreCell,
  type SavedCell,
  saveCell,
} from './cell-rows.ts'
import type { Collector, CollectorStore } from './collect/collector.ts'
import { collectorOf } from './collect/collector-of.ts'
import { Extreme } from './extreme.ts'
import type { FoldRow } from './fold-row.ts'

/** What is stored of a group: its cells, and what each aggregate has collected. */
type Saved = readonly [cells: readonly SavedCell[], collected: readonly unknown[]]

/** What the groups of one operator share. */
interface AggregatePlan extends CellPlan {
  /** By aggregate; null where it is read from cells. */
  readonly collectors: readonly (((store: CollectorStore) => Collector) | null)[]
  /** Where rows are taken back at other times than they came, nothing is ever settled. */
  readonly isTable: boolean
}

/** @param isTable of a table rows are taken back at other times than they came: nothing is ever settled */
export const openAggregates = (
  input: Schema,
  aggregations: readonly Aggregation[],
  isTable: boolean,
): OpenAccumulator => openGroups(input, aggregatedColumns(aggregations), aggregations, isTable)

/** @param names of the columns whose values a row has, in their order */
export function openGroups(
  input: Schema,
  names: readonly string[],
  aggregations: readonly Aggregation[],
  isTable: boolean,
): (store: GroupStore) => AggregateGroup {
  const collectors = aggregations.map((one) => (isCollected(one) ? collectorOf(input, names, one) : null))
  const plan = { ...planCellRows(input, names, aggregations), collectors, isTable }
  return (store) => new AggregateGroup(plan, store)
}

/** Aggregates of a group's rows. */
export class AggregateGroup implements Accumulator {
  readonly #plan: AggregatePlan
  readonly #cells: readonly Cell[]
  /** By spec; null where it is no extreme. */
  readonly #extremes: readonly (Extreme | null)[]
  /** By aggregate. */
  readonly #collectors: readonly (Collector | null)[]

  constructor(plan: AggregatePlan, { key, saved, members }: GroupStore) {
    this.#plan = plan
    this.#cells = openCells(plan.specs, 1)
    this.#extremes = plan.specs.map((spec, s) =>
      isExtreme(spec) ? new Extreme(spec.kind as 'min' | 'max', members, Buffer.concat([key, packValues([s])])) : null,
    )
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

  #restore(index: number, saved: SavedCell): void {
    const extreme = this.#extremes[index]!
    if (extreme === null) restoreCell(this.#cells[index]!, 0, saved)
    else extreme.settled = saved[0][0] ?? null
  }

  apply(row: FoldRow, diff: number): void {
    addRow(this.#plan, this.#cells, 0, row, diff)
    this.#extremes.forEach((extreme, c) => {
      const value = extreme && numberOf(this.#plan, c, row)
      if (value !== null) extreme!.apply(value, diff)
    })
    for (const collector of this.#collectors) collector?.apply(row, diff)
  }

  settle(row: FoldRow): void {
    if (this.#plan.isTable) return
    this.#extremes.forEach((extreme, c) => {
      const value = extreme && numberOf(this.#plan, c, row)
      if (value !== null) extreme!.settle(value, row.diff)
    })
    for (const collector of this.#collectors) collector?.settle(row)
  }

  rows(): readonly (readonly Value[])[] {
    return this.isEmpty ? [] : [this.results()]
  }

  get isEmpty(): boolean {
    return !(this.#cells[0]!.high[0]! > 0)
  }

  /** By aggregate, also where there are no rows. */
  results(): readonly Value[] {
    this.#extremes.forEach((extreme, c) => {
      if (extreme !== null) this.#cells[c]!.high[0] = extreme.value() ?? Number.NaN
    })
    const { results } = this.#plan
    return results.map((result, a) =>
      result === null ? this.#collectors[a]!.value() : resultAt(result, this.#cells, 0),
    )
  }

  save(): unknown {
    const cells = this.#cells.map((cell, c): SavedCell => {
      const extreme = this.#extremes[c]!
      if (extreme !== null) return [extreme.settled === null ? [] : [extreme.settled], null]
      return saveCell(cell, 0)
    })
    const collected = this.#collectors.map((collector) => collector?.save() ?? null)
    const isEmpty =
      cells.every(([parts, special]) => special === null && parts.every((part) => part === 0)) &&
      collected.every((one) => one === null)
    return isEmpty ? null : [cells, collected]
  }
}
