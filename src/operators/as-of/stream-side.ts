/** A stream that takes nothing back: versions by key in columns, looked up a batch at a time. Null keys match nothing. */

import type { Batch } from '../../records/batch.ts'
import { isNull } from '../../records/column.ts'
import { chosenRows, rowNumbers } from '../../records/row-numbers.ts'
import { indexesOf, typesOf } from '../../records/schema.ts'
import { KeyVersions, versionTables } from '../key-versions/key-versions.ts'
import { NONE } from '../key-versions/version-values.ts'
import type { Found, RightSide, SideContext, SidePlan } from './right-side.ts'

export class StreamSide implements RightSide {
  readonly #plan: SidePlan
  readonly #versions: KeyVersions
  readonly #leftKeys: readonly number[]
  readonly #rightKeys: readonly number[]
  readonly #values: readonly number[]

  constructor(plan: SidePlan, { table, limits }: SideContext) {
    this.#plan = plan
    this.#versions = new KeyVersions(versionTables(table), versionTypes(plan), limits)
    this.#leftKeys = indexesOf(plan.left, plan.leftKeys)
    this.#rightKeys = indexesOf(plan.right, plan.rightKeys)
    this.#values = indexesOf(plan.right, plan.fields)
  }

  find(left: Batch): Found {
    const { older, newer } = this.#plan
    const versions = this.#versions
    const keys = this.#leftKeys.map((c) => left.columns[c]!)
    const ids = versions.look(keys, left.length)
    const codes = new Int32Array(left.length)
    const { times } = left
    for (let i = 0; i < left.length; i++) {
      const version = versions.lists.at(ids[i]!, times[i]! + newer)
      codes[i] = version === NONE || versions.columns.times[version]! < times[i]! - older ? NONE : version
    }
    const { columns } = versions
    return {
      codes,
      bytes: (version) => columns.bytes(version),
      column: (field, of) => columns.column(field, of),
    }
  }

  get lookRows(): number {
    return this.#versions.lookRows
  }

  put(right: Batch, horizon: number): void {
    const of = { keys: this.#rightKeys, values: this.#values }
    for (const rows of this.#versions.pieces(this.#withKeys(right))) this.#versions.enter(rows, of, horizon)
  }

  get memoryBytes(): number {
    return this.#versions.memoryBytes
  }

  get isBehind(): boolean {
    return this.#versions.isBehind
  }

  flush(): void {
    this.#versions.flush()
  }

  #withKeys(right: Batch): Batch {
    const keys = this.#rightKeys.map((c) => right.columns[c]!)
    const kept = chosenRows(rowNumbers(right.length), (row) => keys.every((key) => !isNull(key, row)))
    return right.gather(kept, kept.length)
  }
}

/** What the side keeps: keys as those of the left side, which have the same type but for nulls. */
export const versionTypes = ({ left, right, leftKeys, fields }: SidePlan) => ({
  keys: typesOf(left, leftKeys).map((type) => ({ ...type, nullable: true })),
  values: typesOf(right, fields),
})
