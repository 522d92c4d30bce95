/** A user's own aggregate over a group: its state is small plain data, or, where rows cannot be taken out of it, made anew. */
import { checksum } from '../../../base/hash.ts'
import type { UserValue, Value } from '../../../records/column.ts'
import { packValues, unpackKey } from '../../../records/key.ts'
import { packed, unpacked } from '../../../records/nested.ts'
import type { FieldType } from '../../../records/schema.ts'
import { checkValue } from '../../../records/value.ts'
import type { FoldRow } from '../fold-row.ts'
import type { Collected, Collector, CollectorStore } from './collector.ts'
import { CountedMembers } from './counted-members.ts'

type Values = Readonly<Record<string, UserValue>>

/** See `custom` in `topology/aggregates.ts`. */
export interface CustomAggregate {
  readonly columns: readonly string[]
  readonly type: FieldType
  readonly init: () => unknown
  readonly add: (state: unknown, row: Values) => unknown
  readonly remove: ((state: unknown, row: Values) => unknown) | null
  readonly result: (state: unknown) => UserValue
}

/** Kept where nothing can be taken out: all rows, in order of their values, from which the state is made. */
export class Recomputed implements Collector {
  readonly #of: Collected
  readonly #custom: CustomAggregate
  readonly #members: CountedMembers

  constructor(of: Collected, custom: CustomAggregate, { saved, members, prefix }: CollectorStore) {
    this.#of = of
    this.#custom = custom
    this.#members = new CountedMembers(members, prefix, saved)
  }

  apply({ values }: FoldRow, diff: number): void {
    this.#members.add(packValues(this.#of.sources.map((source) => values[source]!)), diff)
  }

  settle(): void {}

  value(): Value {
    const { init, add } = this.#custom
    const kinds = this.#of.types.map(({ kind }) => kind)
    let state = init()
    for (const [row, count] of this.#members.entries()) {
      const named = namedOf(this.#custom, this.#of, unpackKey(row, kinds))
      for (let i = 0; i < count; i++) state = add(state, named)
    }
    return resultOf(this.#custom, state)
  }

  save(): unknown {
    return this.#members.save()
  }
}

/** Takes rows in and out of the state itself. */
export class Invertible implements Collector {
  readonly #of: Collected
  readonly #custom: CustomAggregate
  #state: unknown
  /** What is in, as a sum that does not depend on the order: 0 where nothing is. */
  #rows: number
  #hashes: number

  constructor(of: Collected, custom: CustomAggregate, { saved }: CollectorStore) {
    this.#of = of
    this.#custom = custom
    ;[this.#state, this.#rows, this.#hashes] = (saved as [unknown, number, number] | null) ?? [custom.init(), 0, 0]
  }

  apply({ values }: FoldRow, diff: number): void {
    const given = this.#of.sources.map((source) => values[source]!)
    const change = diff > 0 ? this.#custom.add : this.#custom.remove!
    const named = namedOf(this.#custom, this.#of, given)
    for (let left = Math.abs(diff); left > 0; left--) this.#state = change(this.#state, named)
    this.#rows += diff
    this.#hashes = (this.#hashes + Math.imul(checksum(packValues(given)), diff)) | 0
  }

  settle(): void {}

  value(): Value {
    return resultOf(this.#custom, this.#state)
  }

  save(): unknown {
    return this.#rows === 0 && this.#hashes === 0 ? null : [this.#state, this.#rows, this.#hashes]
  }
}

const namedOf = ({ columns }: CustomAggregate, { types }: Collected, values: readonly Value[]): Values =>
  Object.fromEntries(columns.map((name, i) => [name, unpacked(types[i]!, values[i]!)]))

function resultOf({ result, type }: CustomAggregate, state: unknown): Value {
  const value = result(state) ?? null
  checkValue('result of a custom aggregate', type, value)
  return packed(type, value)
}
