/** A table, or a stream that takes rows back: its versions by key in lists, looked up row by row. Null keys match nothing. */

import { latin1 } from '../../base/bytes.ts'
import type { Batch } from '../../records/batch.ts'
import { valuesBytes } from '../../records/batch-bytes.ts'
import { type Column, ColumnBuilder, isNull, valueAt } from '../../records/column.ts'
import { packKey } from '../../records/key.ts'
import { originBytes } from '../../records/origin.ts'
import { indexesOf, typesOf } from '../../records/schema.ts'
import { KeyIndex } from '../key-index.ts'
import { pickColumn } from '../pick-column.ts'
import { History, type Version, versionAt } from './history.ts'
import type { Found, RightSide, SideContext, SidePlan } from './right-side.ts'
import { RightVersions } from './right-versions.ts'
import { TableHistory } from './table-history.ts'

/** The name of its table. */
export const LISTED_TABLE = 'right'

export class ListedSide implements RightSide {
  readonly #plan: SidePlan
  readonly #cacheBytesMax: number
  readonly #versions: RightVersions
  readonly #leftKeys: readonly number[]
  readonly #rightKeys: readonly number[]
  readonly #keys: KeyIndex
  readonly isBehind = false
  readonly lookRows = 16_384

  /** @param isTable what is taken back held until then */
  constructor(plan: SidePlan, isTable: boolean, { table, limits }: SideContext) {
    this.#plan = plan
    this.#cacheBytesMax = limits.cacheBytesMax
    const right = table(LISTED_TABLE)
    this.#versions = new RightVersions(isTable ? new TableHistory(right) : new History(right), limits.cacheBytesMax)
    this.#leftKeys = indexesOf(plan.left, plan.leftKeys)
    this.#rightKeys = indexesOf(plan.right, plan.rightKeys)
    this.#keys = new KeyIndex(this.#leftKeys, typesOf(plan.left, plan.leftKeys))
  }

  find(left: Batch): Found {
    const ids = new Int32Array(left.length)
    this.#keys.resolve(left, ids)
    const codes = new Int32Array(left.length)
    const versions: Version[] = []
    const codeOf = new Map<Version, number>()
    let [lastVersion, lastCode]: [Version | undefined, number] = [undefined, -1]
    for (let i = 0; i < left.length; i++) {
      const id = ids[i]!
      const known = this.#versions.known(id) ?? this.#versions.of(id, packKey(left, this.#leftKeys, i))
      const version = this.#versionFor(known, left.times[i]!)
      if (version !== lastVersion) {
        lastVersion = version
        lastCode = version === undefined ? -1 : (codeOf.get(version) ?? -1)
        if (version !== undefined && lastCode < 0) {
          lastCode = versions.push(version) - 1
          codeOf.set(version, lastCode)
        }
      }
      codes[i] = lastCode
    }
    return {
      codes,
      bytes: (code) => valuesBytes(versions[code]!.values!),
      column: (field, of) => this.#column(field, versions, of),
    }
  }

  put(right: Batch, horizon: number): void {
    const { fields, rightKeys } = this.#plan
    const columns = fields.map((name) => right.column(name))
    const kinds = typesOf(this.#plan.right, fields).map(({ kind }) => kind)
    const keyKinds = typesOf(this.#plan.right, rightKeys).map(({ kind }) => kind)
    const keys = this.#rightKeys.map((c) => right.columns[c]!)
    for (let i = 0; i < right.length; i++) {
      if (keys.some((key) => isNull(key, i))) continue
      const origin = right.origins === null ? '' : latin1(originBytes(right.origins, i))
      const values = columns.map((column, c) => valueAt(column, kinds[c]!, i))
      const time = right.times[i]!
      const id = this.#keys.idOf(keys.map((key, k) => valueAt(key, keyKinds[k]!, i)))
      const version = { time, origin, since: time, values }
      this.#versions.change(id, packKey(right, this.#rightKeys, i), version, right.diff(i), horizon)
    }
  }

  get memoryBytes(): number {
    return this.#keys.memoryBytes + this.#versions.memoryBytes
  }

  flush(): void {
    if (this.memoryBytes <= this.#cacheBytesMax) return
    this.#keys.clear()
    this.#versions.forget()
  }

  /** The one candidate is the latest; if that is too old, or nothing holds, there is none. */
  #versionFor(versions: readonly Version[], time: number): Version | undefined {
    const { newer, older } = this.#plan
    const version = versionAt(versions, time + newer)
    return version === undefined || version.values === null || version.since < time - older ? undefined : version
  }

  #column(field: number, versions: readonly Version[], codes: Int32Array): Column {
    const type = this.#plan.right.fields[this.#plan.fields[field]!]!
    const builder = new ColumnBuilder({ ...type, nullable: true }, versions.length + 1)
    for (const version of versions) builder.push(version.values![field]!)
    builder.push(null)
    return pickColumn(builder.finish(), codes, versions.length)
  }
}
