/**
 * Joins two streams that take nothing back by key and time: what an `IntervalJoin` of them comes to, in columns. Rows of
 * both sides are versions of their keys, kept as long as others may match them; what a batch needs of the other side is
 * looked up at once. Pairs are said as soon as both rows are there; a row that is to be kept without a match is said alone at
 * once, and taken back when one comes. Keys with a null match nothing.
 */

import { combineHash, hashInteger } from '../base/hash.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import { pieceOf } from '../records/batch-bytes.ts'
import { isNull } from '../records/column.ts'
import { type OriginColumn, originBytes } from '../records/origin.ts'
import { rowNumbers } from '../records/row-numbers.ts'
import { indexesOf } from '../records/schema.ts'
import type { IntervalJoinPlan } from './interval-join.ts'
import { isSaidAlone, rangeOf, reachOf } from './join-span.ts'
import { KeyVersions, type VersionTables, type VersionTypes } from './key-versions/key-versions.ts'
import type { VersionColumns } from './key-versions/version-columns.ts'
import { NONE } from './key-versions/version-values.ts'
import type { Emit, Operator, OperatorContext } from './operator.ts'
import { PAIRS, PairList, plainColumns } from './pair-output.ts'

export const NEAR_JOIN_SIDES = ['left', 'right'] as const
export const NEAR_JOIN_TABLES = NEAR_JOIN_SIDES.flatMap((side) => [`${side}-blocks`, `${side}-bounds`])

/** The tables of one side. */
export const sideTables = (side: (typeof NEAR_JOIN_SIDES)[number], table: OperatorContext['table']): VersionTables => ({
  blocks: table(`${side}-blocks`),
  bounds: table(`${side}-bounds`),
})

interface Side {
  readonly versions: KeyVersions
  readonly keys: readonly number[]
  /** Columns of the values of a version. */
  readonly values: readonly number[]
  readonly isSaidAlone: boolean
}

export class NearJoin implements Operator {
  readonly #plan: IntervalJoinPlan
  readonly #emit: Emit
  readonly #sides: readonly [Side, Side]
  readonly #pairs = new PairList()
  #found: number[] = []
  #own: number[] = []
  #changes = 0

  constructor(plan: IntervalJoinPlan, { table, limits, emit }: OperatorContext) {
    this.#plan = plan
    this.#emit = emit
    const types = nearJoinTypes(plan)
    const sideOf = (port: 0 | 1): Side => {
      const [schema, keys] = port === 0 ? [plan.left, plan.leftKeys] : [plan.right, plan.rightKeys]
      return {
        versions: new KeyVersions(sideTables(NEAR_JOIN_SIDES[port], table), types[port], limits, 'all'),
        keys: indexesOf(schema, keys),
        values: indexesOf(schema, valuesOf(plan, port)),
        isSaidAlone: isSaidAlone(plan.how, port),
      }
    }
    this.#sides = [sideOf(0), sideOf(1)]
  }

  onBatch(batch: Batch, port: number): void {
    for (let from = 0, to = 0; from < batch.length; from = to) {
      to = Math.min(batch.length, from + Math.min(...this.#sides.map(({ versions }) => versions.lookRows)))
      this.#take(pieceOf(batch, from, to), port)
    }
  }

  #take(batch: Batch, port: number): void {
    const own = this.#sides[port as 0 | 1]
    const other = this.#sides[port === 0 ? 1 : 0]
    const keys = own.keys.map((c) => batch.columns[c]!)
    const ids = own.versions.look(keys, batch.length)
    const otherIds = other.versions.look(keys, batch.length)
    const first = own.versions.add(
      batch,
      ids,
      own.values.map((c) => batch.columns[c]!),
    )
    const { times } = batch
    for (let row = 0; row < batch.length; row++) {
      const version = first + row
      if (keys.some((key) => isNull(key, row))) {
        if (own.isSaidAlone) this.#pair(ids[row]!, port, [version, NONE], 1)
        own.versions.columns.drop(version)
      } else {
        this.#match(own, other, { id: ids[row]!, otherId: otherIds[row]!, version, time: times[row]!, port })
        own.versions.lists.link(version)
      }
      this.#changes = combineHash(this.#changes, hashInteger(times[row]!))
      if (this.#pairs.length >= PAIRS) this.#putOut(port)
    }
    this.#putOut(port)
  }

  advance(watermarks: readonly Timestamp[]): boolean {
    const horizon = Math.min(...watermarks) - this.#plan.bound - reachOf(this.#plan.span)
    for (const { versions } of this.#sides) versions.reach(horizon)
    return true
  }

  flush(): void {
    for (const { versions } of this.#sides) versions.flush()
  }

  isBehind(): boolean {
    return this.#sides.some(({ versions }) => versions.isBehind)
  }

  digest(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }

  memoryBytes(): number {
    return this.#sides.reduce((sum, { versions }) => sum + versions.memoryBytes, 0)
  }

  /** Pairs a row that is none of its key's yet. */
  #match(
    own: Side,
    other: Side,
    row: { id: number; otherId: number; version: number; time: number; port: number },
  ): void {
    const { id, otherId, version, time, port } = row
    const { span } = this.#plan
    const [from, to] = rangeOf(span, time, port === 0)
    const count = other.versions.lists.between(otherId, from, to, this.#found)
    for (let i = 0; i < count; i++) this.#pair(id, port, [version, this.#found[i]!], 1)
    if (count === 0 && own.isSaidAlone) this.#pair(id, port, [version, NONE], 1)
    if (!other.isSaidAlone) return
    for (let i = 0; i < count; i++) {
      const [first, last] = rangeOf(span, other.versions.columns.times[this.#found[i]!]!, port === 1)
      if (own.versions.lists.between(id, first, last, this.#own) === 0)
        this.#pair(id, port, [NONE, this.#found[i]!], -1)
    }
  }

  /** @param versions of the side that has got rows, and of the other one */
  #pair(id: number, port: number, [own, other]: readonly [number, number], diff: number): void {
    const [left, right] = port === 0 ? [own, other] : [other, own]
    const { times } = this.#sides[left === NONE ? 1 : 0].versions.columns
    this.#pairs.push(id, left, right, times[left === NONE ? right : left]!, diff)
  }

  get #columns(): readonly [VersionColumns, VersionColumns] {
    return [this.#sides[0].versions.columns, this.#sides[1].versions.columns]
  }

  /** Emits what is pending; keys are numbers of the side that has got rows. */
  #putOut(port: number): void {
    if (this.#pairs.length === 0) return
    const [lefts, rights] = this.#columns
    const { versions } = this.#sides[port as 0 | 1]
    this.#emit(
      this.#pairs.take(this.#plan, {
        keys: (ids) => versions.keyColumns(ids),
        left: (column, of) => lefts.column(column, of),
        right: (column, of) => rights.column(column, of),
        origins: ({ ids, left, right }) => this.#origins((id) => versions.keyText(id), ids, left, right),
      }),
    )
  }

  #origins(keyText: (id: number) => string, ids: Int32Array, left: Int32Array, right: Int32Array): OriginColumn | null {
    const { origin } = this.#plan
    if (origin === null) return null
    const [lefts, rights] = this.#columns
    const bytesOf = (of: OriginColumn | null, version: number) =>
      version === NONE || of === null ? NO_ORIGIN : originBytes(of, version)
    const heads = Array.from(ids, (id, i) =>
      Buffer.concat([
        origin,
        Buffer.from(keyText(id), 'latin1'),
        bytesOf(lefts.origins, left[i]!),
        bytesOf(rights.origins, right[i]!),
      ]),
    )
    return { heads, head: rowNumbers(heads.length), seq: new Float64Array(heads.length) }
  }
}

const NO_ORIGIN = new Uint8Array(0)

/** What a side's rows give to the output, beside keys and time. */
const valuesOf = (plan: IntervalJoinPlan, port: number): readonly string[] =>
  port === 0 ? plainColumns(plan) : plan.fields

/** What is kept of the rows of each side. */
export function nearJoinTypes(plan: IntervalJoinPlan): readonly [VersionTypes, VersionTypes] {
  const { left, right, leftKeys } = plan
  const keys = leftKeys.map((name) => ({ ...left.fields[name]!, nullable: true }))
  return [
    { keys, values: valuesOf(plan, 0).map((name) => left.fields[name]!) },
    { keys, values: valuesOf(plan, 1).map((name) => right.fields[name]!) },
  ]
}
