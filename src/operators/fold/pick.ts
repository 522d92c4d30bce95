/** The earliest or the latest row of a group, by (event time, origin). */
import type { Value } from '../../records/column.ts'
import { packValues, unpackKey } from '../../records/key.ts'
import type { FieldKind } from '../../records/schema.ts'
import type { Accumulator, GroupStore } from './accumulator.ts'
import type { FoldRow } from './fold-row.ts'
import { Members } from './members.ts'

export type Which = 'first' | 'latest'

/** A row that was settled: time, origin, values. */
type Settled = readonly [time: number, origin: string, values: readonly Value[]]

/**
 * Rows that may still be taken back are members, ordered by their places. Of those that are settled one is kept: as no row
 * comes before them any more, the latest of them, or the very first, is all that can be asked for.
 */
export class Pick implements Accumulator {
  readonly #which: Which
  readonly #kinds: readonly FieldKind[]
  readonly #members: Members
  #settled: Settled | null

  constructor(which: Which, kinds: readonly FieldKind[], { key, saved, members }: GroupStore) {
    this.#which = which
    this.#kinds = kinds
    this.#members = new Members(members, key, which === 'latest' ? 'descending' : 'ascending')
    this.#settled = saved === null ? null : ((saved as [Settled | null])[0] ?? null)
  }

  apply(row: FoldRow, diff: number): void {
    this.#members.add(this.#place(row), diff)
  }

  settle(row: FoldRow): void {
    this.#members.add(this.#place(row), -row.diff)
    if (row.diff > 0 && (this.#which === 'latest' || this.#settled === null))
      this.#settled = [row.time, row.origin, row.values]
  }

  rows(): readonly (readonly Value[])[] {
    if (this.#which === 'first' && this.#settled !== null) return [this.#settled[2]]
    const first = this.#members.first()
    if (first !== undefined) return [this.#valuesOf(first)]
    return this.#settled === null ? [] : [this.#settled[2]]
  }

  save(): unknown {
    return [this.#settled]
  }

  // Values behind the place: rows of one place are told apart, always in the same way.
  #place({ time, origin, values }: FoldRow): Uint8Array {
    return packValues([time, Buffer.from(origin, 'latin1'), ...values])
  }

  #valuesOf(member: Uint8Array): readonly Value[] {
    return unpackKey(member, ['time', 'bytes', ...this.#kinds]).slice(2)
  }
}
