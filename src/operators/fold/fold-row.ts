/** Updates as folds keep them: in order of (event time, origin), and at equal places what is taken back first. */

import { latin1 } from '../../base/bytes.ts'
import type { Batch } from '../../records/batch.ts'
import { type Value, valueAt } from '../../records/column.ts'
import { packValues } from '../../records/key.ts'
import { originBytes } from '../../records/origin.ts'
import { indexesOf, type Schema } from '../../records/schema.ts'

export interface FoldRow {
  readonly time: number
  /** latin1 text of the origin's bytes, which compares as they do; empty where rows come without. */
  readonly origin: string
  /** Of the columns that the fold reads, in their order. */
  readonly values: readonly Value[]
  /** +1 or -1; more where equal ones came together. Never 0. */
  readonly diff: number
}

/** Reads updates from batches of one schema. */
export class FoldRows {
  readonly #columns: readonly number[]
  readonly #kinds: Schema['fields'][string]['kind'][]

  constructor(schema: Schema, names: readonly string[]) {
    this.#columns = indexesOf(schema, names)
    this.#kinds = names.map((name) => schema.fields[name]!.kind)
  }

  at(batch: Batch, row: number): FoldRow {
    return {
      time: batch.times[row]!,
      origin: batch.origins === null ? '' : latin1(originBytes(batch.origins, row)),
      values: this.#columns.map((column, i) => valueAt(batch.columns[column]!, this.#kinds[i]!, row)),
      diff: batch.diff(row),
    }
  }
}

const sign = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export const textOf = (values: readonly Value[]): string => latin1(packValues(values))

/** Order of places: what is at one place is told apart by its values. */
export const comparePlaces = (a: FoldRow, b: FoldRow): number => a.time - b.time || sign(a.origin, b.origin)

/**
 * Updates of one group in order, with equal ones of one place added up: what was taken back again is not among them.
 * Retractions come before insertions of their place.
 */
export function settled(rows: readonly FoldRow[]): FoldRow[] {
  const sorted = [...rows].sort(comparePlaces)
  const left: FoldRow[] = []
  for (let from = 0, to = 1; from < sorted.length; from = to++) {
    while (to < sorted.length && comparePlaces(sorted[from]!, sorted[to]!) === 0) to++
    if (to - from === 1) left.push(sorted[from]!)
    else left.push(...addedUp(sorted.slice(from, to)))
  }
  return left
}

function addedUp(rows: readonly FoldRow[]): FoldRow[] {
  const sums = new Map<string, FoldRow>()
  for (const row of rows) {
    const text = textOf(row.values)
    const known = sums.get(text)
    sums.set(text, known === undefined ? row : { ...known, diff: known.diff + row.diff })
  }
  return [...sums]
    .filter(([, { diff }]) => diff !== 0)
    .sort(([a, { diff: c }], [b, { diff: d }]) => Math.sign(c) - Math.sign(d) || sign(a, b))
    .map(([, row]) => row)
}
