/** What an index of aggregates keeps, for the operator that writes it and for whoever looks something up. */
import type { FieldKind, Schema } from '../../records/schema.ts'
import { isCollected, isOrdered } from '../aggregation.ts'
import { aggregatedColumns, type CellPlan, isExtreme, planCellRows } from '../fold/cell-rows.ts'
import type { Spanned } from '../spans.ts'
import { type Block, levelsFor } from './tiles.ts'

/** The tables of an index of aggregates. */
export const TILE_TABLES = ['rows', 'tiles', 'progress'] as const

/** An aggregate over the rows of some span up to the time that is asked for. */
export interface SpanAggregate extends Spanned {
  /** In microseconds; null: from the beginning. */
  readonly over: number | null
  /** The result where there is no value. */
  readonly default?: number
}

export interface TilePlan {
  readonly input: Schema
  readonly keys: readonly string[]
  readonly aggregates: Readonly<Record<string, SpanAggregate>>
  /** Columns of a row that are stored, and their kinds. */
  readonly columns: readonly string[]
  readonly kinds: readonly FieldKind[]
  readonly cells: CellPlan
  readonly hasExtremes: boolean
  readonly levels: number
  /** The longest span of which rows are kept, and whether one has no beginning. */
  readonly longest: number
  readonly isEndless: boolean
  /** By level, for look-ups: see `span-aggregates.ts`. */
  readonly blocks: Block[]
}

export function planTiles(
  input: Schema,
  keys: readonly string[],
  aggregates: Readonly<Record<string, SpanAggregate>>,
): TilePlan {
  const all = Object.values(aggregates)
  const columns = aggregatedColumns(all)
  const cells = planCellRows(input, columns, all)
  const spans = all.map(({ over }) => over ?? Number.POSITIVE_INFINITY)
  return {
    ...{ input, keys, aggregates, columns, cells },
    kinds: columns.map((name) => input.fields[name]!.kind),
    hasExtremes: cells.specs.some(isExtreme),
    levels: levelsFor(Math.max(...spans)),
    longest: Math.max(0, ...spans.filter((span, a) => Number.isFinite(span) || isCollected(all[a]!))),
    isEndless: spans.includes(Number.POSITIVE_INFINITY),
    blocks: [],
  }
}

/** Whether the order of rows of one time counts. */
export const needsOrder = (aggregates: Readonly<Record<string, SpanAggregate>>): boolean =>
  Object.values(aggregates).some(isOrdered)

/** From this time on rows are kept: none that a look-up may ask for is before it. */
export const keptFrom = ({ longest }: TilePlan, floor: number): number => floor - longest
