/**
 * Aggregates of a group over spans that move on with time: rows come in, and leave each span at a time of their own (see
 * `leaving.ts`). The aggregates of one span share a group of cells.
 */
import type { Value } from '../../records/column.ts'
import { packValues } from '../../records/key.ts'
import type { Schema } from '../../records/schema.ts'
import { SPAN_COLUMNS, SPAN_ENTERED, SPAN_LEFT } from '../leaving.ts'
import { type Spanned, spansOf } from '../spans.ts'
import type { Accumulator, GroupStore, OpenAccumulator } from './accumulator.ts'
import { type AggregateGroup, openGroups } from './aggregate-group.ts'
import { aggregatedColumns } from './cell-rows.ts'
import type { FoldRow } from './fold-row.ts'

/** Columns of a row that come in: when it did and which span it leaves last. */
export const spannedColumns = (aggregations: readonly Spanned[]): string[] => [
  ...aggregatedColumns(aggregations),
  ...SPAN_COLUMNS,
]

/** @param isInOrder rows come in in order of their own times, so that those which none takes back can be settled where they never leave */
export function openSpans(
  input: Schema,
  aggregates: Readonly<Record<string, Spanned>>,
  isInOrder: boolean,
): OpenAccumulator {
  const aggregations = Object.values(aggregates)
  const columns = spannedColumns(aggregations)
  // Number 0 is that of rows which come in: its aggregates are those that none leave.
  const groups = [null, ...spansOf(aggregates)].map((span) => {
    const own = aggregations.filter(({ over = null }) => over === span)
    return {
      places: own.map((one) => aggregations.indexOf(one)),
      open: openGroups(input, columns, own, span !== null || !isInOrder),
    }
  })
  return (store) => new SpanGroup(columns, groups, store)
}

interface PlannedSpan {
  /** Of its results among all. */
  readonly places: readonly number[]
  readonly open: (store: GroupStore) => AggregateGroup
}

class SpanGroup implements Accumulator {
  readonly #groups: readonly { readonly places: readonly number[]; readonly group: AggregateGroup }[]
  readonly #entered: number
  readonly #left: number

  constructor(columns: readonly string[], spans: readonly PlannedSpan[], { key, saved, members }: GroupStore) {
    const each = (saved as readonly unknown[] | null) ?? []
    this.#groups = spans.map(({ places, open }, s) => {
      const prefix = Buffer.concat([key, packValues([s])])
      return { places, group: open({ key: prefix, saved: each[s] ?? null, members }) }
    })
    this.#entered = columns.indexOf(SPAN_ENTERED)
    this.#left = columns.indexOf(SPAN_LEFT)
  }

  apply(row: FoldRow, diff: number): void {
    const left = row.values[this.#left] as number
    // Its place among the others is that of its coming.
    const as = { ...row, time: row.values[this.#entered] as number }
    if (left > 0) this.#groups[left]!.group.apply(as, -diff)
    else for (const { places, group } of this.#groups) if (places.length > 0) group.apply(as, diff)
  }

  /** Of what may leave nothing is settled: see `openSpans`. */
  settle(row: FoldRow): void {
    const { places, group } = this.#groups[0]!
    if (places.length > 0 && row.values[this.#left] === 0) group.settle(row)
  }

  rows(): readonly (readonly Value[])[] {
    if (this.#groups.every(({ group }) => group.isEmpty)) return []
    const results: Value[] = []
    for (const { places, group } of this.#groups) {
      const own = group.results()
      places.forEach((place, i) => {
        results[place] = own[i]!
      })
    }
    return [results]
  }

  save(): unknown {
    const saved = this.#groups.map(({ group }) => group.save())
    return saved.every((one) => one === null) ? null : saved
  }
}
