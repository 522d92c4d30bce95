/**
 * The first rows of a group in some order: by columns, nulls last, and then by (event time, origin). The latest row is the
 * first one from the other end of time.
 */
import type { Value } from '../../records/column.ts'
import { packValues, unpackKey } from '../../records/key.ts'
import type { FieldKind, Schema } from '../../records/schema.ts'
import type { Accumulator, GroupStore, OpenAccumulator } from './accumulator.ts'
import type { FoldRow } from './fold-row.ts'
import { inverted, Members } from './members.ts'

export interface Ranking {
  readonly limit: number
  readonly by: readonly { readonly column: string; readonly order: 'ascending' | 'descending' }[]
  /** Of rows that are alike in these columns, those of which end of time come first. */
  readonly ties: 'first' | 'latest'
  /** The column that gets the place, from 1; null for none. */
  readonly rank: string | null
}

/** A ranking over a row's values. */
interface RankedPlan {
  readonly limit: number
  readonly by: readonly { readonly source: number; readonly isDescending: boolean }[]
  readonly ties: 'first' | 'latest'
  /** By column of the output: which of the values, or -1 for the place. */
  readonly output: readonly number[]
  readonly kinds: readonly FieldKind[]
  /** Rows of a table are taken back as of another time than they came: their times do not count. */
  readonly isTable: boolean
}

/** @param results columns of the output behind the keys */
export function openRanking(
  input: Schema,
  results: readonly string[],
  { limit, by, ties, rank }: Ranking,
  isTable: boolean,
): { columns: readonly string[]; open: OpenAccumulator } {
  const columns = [...new Set([...results, ...by.map(({ column }) => column)])].filter((name) => name !== rank)
  const plan: RankedPlan = {
    limit,
    by: by.map(({ column, order }) => ({ source: columns.indexOf(column), isDescending: order === 'descending' })),
    ties,
    output: results.map((name) => columns.indexOf(name)),
    kinds: columns.map((name) => input.fields[name]!.kind),
    isTable,
  }
  return { columns, open: (store) => new Ranked(plan, store) }
}

/**
 * Rows that may still be taken back are members, by their places. Of those that are settled no more are kept than may be
 * asked for.
 */
class Ranked implements Accumulator {
  readonly #plan: RankedPlan
  readonly #members: Members
  /** Places, in order. */
  #settled: Uint8Array[]

  constructor(plan: RankedPlan, { key, saved, members }: GroupStore) {
    this.#plan = plan
    this.#members = new Members(members, key)
    this.#settled = (saved as Uint8Array[] | null) ?? []
  }

  apply(row: FoldRow, diff: number): void {
    this.#members.add(this.#place(row), diff)
  }

  settle(row: FoldRow): void {
    if (this.#plan.isTable) return
    const place = this.#place(row)
    this.#members.add(place, -row.diff)
    const at = this.#settled.findIndex((other) => Buffer.compare(place, other) < 0)
    const more = Array.from({ length: Math.max(0, row.diff) }, () => place)
    this.#settled.splice(at < 0 ? this.#settled.length : at, 0, ...more)
    this.#settled.length = Math.min(this.#settled.length, this.#plan.limit)
  }

  rows(): readonly (readonly Value[])[] {
    const { limit, output } = this.#plan
    const first: Uint8Array[] = []
    let s = 0
    for (const [place, count] of this.#members.entries()) {
      while (first.length < limit && s < this.#settled.length && Buffer.compare(this.#settled[s]!, place) <= 0)
        first.push(this.#settled[s++]!)
      for (let i = 0; i < count && first.length < limit; i++) first.push(place)
      if (first.length === limit) break
    }
    while (first.length < limit && s < this.#settled.length) first.push(this.#settled[s++]!)
    return first.map((place, i) => {
      const values = this.#valuesOf(place)
      return output.map((source) => (source < 0 ? i + 1 : values[source]!))
    })
  }

  save(): unknown {
    return this.#settled.length === 0 ? null : this.#settled
  }

  // Values stand behind the place: rows of one place are told apart, always in the same way.
  #place({ time, origin, values }: FoldRow): Uint8Array {
    const { by, ties, isTable } = this.#plan
    const order = by.map(({ source, isDescending }) => {
      const value = values[source]!
      // No packed value begins with one of these.
      if (value === null) return LAST
      return isDescending ? inverted(packValues([value])) : packValues([value])
    })
    const tie = packValues([...(isTable ? [] : [time, Buffer.from(origin, 'latin1')]), ...values])
    const length = Buffer.alloc(4)
    length.writeUInt32BE(tie.length)
    return Buffer.concat([...order, ties === 'latest' ? inverted(tie) : tie, length])
  }

  #valuesOf(place: Uint8Array): readonly Value[] {
    const { ties, isTable, kinds } = this.#plan
    const end = place.length - 4
    const tie = place.subarray(end - Buffer.from(place).readUInt32BE(end), end)
    const plain = ties === 'latest' ? inverted(tie) : tie
    return isTable ? unpackKey(plain, kinds) : unpackKey(plain, ['time', 'bytes', ...kinds]).slice(2)
  }
}

const LAST = Uint8Array.of(255)
