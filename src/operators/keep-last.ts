/**
 * The latest row of each key, as a table, of a stream that takes nothing back: what a `Fold` with that ranking comes to, in
 * columns. A row takes the place of the one before it from its time on; one that comes late stands from its own time to that
 * of the next. With `final` rows are taken when the watermark has passed them, with `eager` at once.
 */

import { type Budget, spend } from '../base/budget.ts'
import { grownCodes, grownNumbers } from '../base/grown.ts'
import { combineHash, hashInteger } from '../base/hash.ts'
import type { Timestamp } from '../base/time.ts'
import { Batch } from '../records/batch.ts'
import { batchBytes } from '../records/batch-bytes.ts'
import { type Column, gatherCodes } from '../records/column.ts'
import { indexesOf, type Schema, typesOf } from '../records/schema.ts'
import { ARRIVAL_TABLES, BatchArrivals } from './batch-arrivals.ts'
import { inOrder } from './due-rows.ts'
import { KeyVersions, VERSION_TABLES, versionTables } from './key-versions/key-versions.ts'
import { NONE } from './key-versions/version-values.ts'
import type { Emit, Operator, OperatorContext } from './operator.ts'
import { originsByKey } from './pair-output.ts'
import type { Emission } from './window.ts'

export interface KeepLastPlan {
  readonly input: Schema
  readonly output: Schema
  readonly keys: readonly string[]
  /** Columns of the output beside the keys and the time. */
  readonly results: readonly string[]
  readonly emit: Emission
  /** No row is older than the watermark by more than this, in microseconds. */
  readonly bound: number
  /** Head of the origins of the output, or null where nothing downstream can tie. */
  readonly origin: Uint8Array | null
}

export const KEEP_LAST_TABLES = [...VERSION_TABLES, ...ARRIVAL_TABLES] as const

export class KeepLast implements Operator {
  readonly #plan: KeepLastPlan
  readonly #emit: Emit
  readonly #versions: KeyVersions
  readonly #arrivals: BatchArrivals
  readonly #keys: readonly number[]
  readonly #values: readonly number[]
  #changes = 0

  constructor(plan: KeepLastPlan, context: OperatorContext) {
    this.#plan = plan
    this.#emit = context.emit
    this.#versions = new KeyVersions(versionTables(context.table), keepLastTypes(plan), context.limits)
    this.#arrivals = new BatchArrivals(plan.input, plan.emit, context)
    this.#keys = indexesOf(plan.input, plan.keys)
    this.#values = indexesOf(plan.input, plan.results)
  }

  open([watermark]: readonly Timestamp[]): void {
    this.#arrivals.open(watermark!)
  }

  onBatch(batch: Batch): void {
    this.#arrivals.put(batch)
  }

  advance([watermark]: readonly Timestamp[], budget: Budget): boolean {
    const horizon = watermark! - this.#plan.bound
    return this.#arrivals.take(watermark!, budget, (rows) => {
      for (const piece of this.#versions.pieces(inOrder(rows))) this.#take(piece, horizon, budget)
    })
  }

  flush(): void {
    this.#versions.flush()
    this.#arrivals.save()
  }

  isBehind(): boolean {
    return this.#versions.isBehind
  }

  digest(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }

  memoryBytes(): number {
    return this.#versions.memoryBytes + this.#arrivals.memoryBytes
  }

  /** @param rows in order of (time, origin) */
  #take(rows: Batch, horizon: number, budget: Budget): void {
    const { times, length } = rows
    const changes = new Changes(length)
    this.#versions.enter(rows, { keys: this.#keys, values: this.#values }, horizon, (version, row) => {
      this.#say(changes, version, times[row]!)
      this.#changes = combineHash(this.#changes, hashInteger(times[row]!))
    })
    if (changes.length === 0) return
    const batch = this.#batchOf(changes)
    spend(budget, batch.length, batchBytes(batch))
    this.#emit(batch)
  }

  /** What a version changes that was just linked. */
  #say(changes: Changes, version: number, time: number): void {
    const { columns } = this.#versions
    const { before, after } = this.#versions.lists
    if (before !== NONE && columns.isSame(before, version)) return
    const until = after === NONE ? Number.POSITIVE_INFINITY : columns.times[after]!
    // The next one has its place from the same time on.
    if (until === time) return
    if (before !== NONE) changes.push(before, time, -1)
    changes.push(version, time, 1)
    if (after === NONE) return
    if (before !== NONE) changes.push(before, until, 1)
    changes.push(version, until, -1)
  }

  #batchOf({ versions, times, diffs, length }: Changes): Batch {
    const { output, keys, results, origin } = this.#plan
    const { columns } = this.#versions
    const of = versions.subarray(0, length)
    const ids = gatherCodes(columns.ids, of, length)
    const keyColumns = this.#versions.keyColumns(ids)
    const made = output.names.map((name): Column => {
      if (name === output.time) return { type: 'number', data: times.subarray(0, length), valid: null }
      const key = keys.indexOf(name)
      return key >= 0 ? keyColumns[key]! : columns.column(results.indexOf(name), of)
    })
    return new Batch(
      output,
      length,
      made,
      diffs.subarray(0, length),
      originsByKey(origin, ids, (id) => this.#versions.keyText(id)),
    )
  }
}

/** Versions that hold from a time on, or do not any more. */
class Changes {
  versions: Int32Array
  times: Float64Array
  diffs: Int32Array
  length = 0

  constructor(rows: number) {
    this.versions = new Int32Array(rows * 2)
    this.times = new Float64Array(rows * 2)
    this.diffs = new Int32Array(rows * 2)
  }

  push(version: number, time: number, diff: number): void {
    if (this.length === this.versions.length) this.#grow()
    this.versions[this.length] = version
    this.times[this.length] = time
    this.diffs[this.length++] = diff
  }

  /** A late row makes four. */
  #grow(): void {
    this.versions = grownCodes(this.versions)
    this.times = grownNumbers(this.times)
    this.diffs = grownCodes(this.diffs)
  }
}

/** What is kept of a row. */
export const keepLastTypes = ({ input, keys, results }: Pick<KeepLastPlan, 'input' | 'keys' | 'results'>) => ({
  keys: typesOf(input, keys),
  values: typesOf(input, results),
})
