/** The first or the last values of a group, in order of (event time, origin) from that end on. */
import type { Value } from '../../../records/column.ts'
import { packValues, unpackKey } from '../../../records/key.ts'
import { packNested } from '../../../records/nested.ts'
import { type FieldType, listOf } from '../../../records/schema.ts'
import { type FoldRow, textOf } from '../fold-row.ts'
import type { Collected, Collector, CollectorStore } from './collector.ts'
import { CountedMembers } from './counted-members.ts'

export interface EndsOptions {
  readonly which: 'first' | 'last'
  readonly limit: number
  /** Each value once, where it comes first from that end. */
  readonly isDistinct: boolean
  readonly takesNull: boolean
}

/**
 * Rows that may still be taken back are members, by their places. Of those that are settled no more are kept than may be
 * asked for: they are before all others, and as many as the limit.
 */
export class Ends implements Collector {
  readonly #source: number
  readonly #type: FieldType
  readonly #options: EndsOptions
  readonly #members: CountedMembers
  /** From the end that is asked for. */
  #settled: readonly Value[]

  constructor({ sources, types }: Collected, options: EndsOptions, { saved, members, prefix }: CollectorStore) {
    this.#source = sources[0]!
    this.#type = types[0]!
    this.#options = options
    const [counts, settled] = (saved as [unknown, Value[]] | null) ?? [null, []]
    this.#settled = settled
    this.#members = new CountedMembers(members, prefix, counts, options.which === 'last' ? 'descending' : 'ascending')
  }

  apply(row: FoldRow, diff: number): void {
    const value = row.values[this.#source] as Value
    if (value !== null || this.#options.takesNull) this.#members.add(placeOf(row, value), diff)
  }

  settle(row: FoldRow): void {
    const value = row.values[this.#source] as Value
    if (value === null && !this.#options.takesNull) return
    this.#members.add(placeOf(row, value), -row.diff)
    for (let left = row.diff; left > 0; left--) {
      const all = this.#options.which === 'last' ? [value, ...this.#settled] : [...this.#settled, value]
      this.#settled = this.#cut(all)
    }
  }

  value(): Value {
    const { which, limit, isDistinct } = this.#options
    const recent = which === 'first' && !isDistinct && this.#settled.length === limit ? [] : this.#recent()
    const all = which === 'last' ? [...recent, ...this.#settled] : [...this.#settled, ...recent]
    return packNested(listOf(this.#type), this.#cut(all))
  }

  save(): unknown {
    const counts = this.#members.save()
    return counts === null && this.#settled.length === 0 ? null : [counts, this.#settled]
  }

  /** Values that may still be taken back; no more of them than are asked for. */
  #recent(): Value[] {
    const { limit, isDistinct } = this.#options
    const values: Value[] = []
    const seen = new Set<string>()
    for (const [place, count] of this.#members.entries()) {
      const value = unpackKey(place, ['time', 'bytes', this.#type.kind])[2]!
      const isNew = !isDistinct || !seen.has(textOf([value]))
      if (isDistinct) seen.add(textOf([value]))
      for (let i = 0; isNew && i < (isDistinct ? 1 : count); i++) values.push(value)
      if (values.length >= limit) break
    }
    return values
  }

  #cut(values: readonly Value[]): Value[] {
    const { limit, isDistinct } = this.#options
    if (!isDistinct) return values.slice(0, limit)
    const seen = new Map<string, Value>()
    for (const value of values) {
      const text = textOf([value])
      if (!seen.has(text)) seen.set(text, value)
    }
    return [...seen.values()].slice(0, limit)
  }
}

const placeOf = ({ time, origin }: FoldRow, value: Value): Uint8Array =>
  packValues([time, Buffer.from(origin, 'latin1'), value])
