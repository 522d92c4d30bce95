/**
 * A quantile of a group's values, exactly: the least value of which at least a share `p` of all are no greater (the inverse
 * of the empirical distribution function; type 1 of Hyndman and Fan, Sample quantiles in statistical packages, 1996).
 */
import type { Value } from '../../../records/column.ts'
import { packValues, unpackKey } from '../../../records/key.ts'
import type { FoldRow } from '../fold-row.ts'
import type { Collected, Collector, CollectorStore } from './collector.ts'
import { CountedMembers } from './counted-members.ts'

export class Quantile implements Collector {
  readonly #source: number
  readonly #p: number
  readonly #members: CountedMembers

  /** @param p 0 to 1 */
  constructor({ sources }: Collected, p: number, { saved, members, prefix }: CollectorStore) {
    this.#source = sources[0]!
    this.#p = p
    this.#members = new CountedMembers(members, prefix, saved)
  }

  apply({ values }: FoldRow, diff: number): void {
    const value = values[this.#source] as Value
    if (value !== null) this.#members.add(packValues([value]), diff)
  }

  settle(): void {}

  value(): Value {
    let left = Math.max(1, Math.ceil(this.#p * this.#members.total))
    for (const [value, count] of this.#members.entries()) {
      left -= count
      if (left <= 0) return unpackKey(value, ['float'])[0]!
    }
    return null
  }

  save(): unknown {
    return this.#members.save()
  }
}
