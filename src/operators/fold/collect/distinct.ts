/** The different values of a group: how many there are, or all of them in order. */
import type { Value } from '../../../records/column.ts'
import { packValues, unpackKey } from '../../../records/key.ts'
import { packNested } from '../../../records/nested.ts'
import { type FieldType, listOf } from '../../../records/schema.ts'
import type { FoldRow } from '../fold-row.ts'
import type { Collected, Collector, CollectorStore } from './collector.ts'
import { CountedMembers } from './counted-members.ts'

export class Distinct implements Collector {
  readonly #source: number
  readonly #type: FieldType
  readonly #isCount: boolean
  readonly #takesNull: boolean
  readonly #members: CountedMembers

  constructor(
    { sources, types }: Collected,
    { gives, takesNull }: { gives: 'count' | 'values'; takesNull: boolean },
    { saved, members, prefix }: CollectorStore,
  ) {
    this.#source = sources[0]!
    this.#type = types[0]!
    this.#isCount = gives === 'count'
    this.#takesNull = takesNull
    this.#members = new CountedMembers(members, prefix, saved)
  }

  apply({ values }: FoldRow, diff: number): void {
    const value = values[this.#source] as Value
    if (value !== null || this.#takesNull) this.#members.add(packValues([value]), diff)
  }

  // Any of its values may be the only one of another row.
  settle(): void {}

  value(): Value {
    if (this.#isCount) return this.#members.present
    const values = Array.from(this.#members.entries(), ([value]) => unpackKey(value, [this.#type.kind])[0]!)
    return packNested(listOf(this.#type), values)
  }

  save(): unknown {
    return this.#members.save()
  }
}
