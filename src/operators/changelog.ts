/**
 * Makes a stream of a table: each row that begins to hold, and each that ends, is a row of its own, at the time at which it
 * does. What a late update changes in the table is taken back and put right. How often rows with the same values begin
 * (or, below 0, end) at a time is counted, until no update is that old any more.
 */

import { checksum, combineHash } from '../base/hash.ts'
import { packr } from '../base/packr.ts'
import type { Timestamp } from '../base/time.ts'
import { type Batch, BatchBuilder } from '../records/batch.ts'
import { valueAt } from '../records/column.ts'
import { packKey, packValues } from '../records/key.ts'
import type { Schema } from '../records/schema.ts'
import type { KeyedTable } from '../storage/table.ts'
import type { Emit, Operator, OperatorContext } from './operator.ts'

export interface ChangelogPlan {
  readonly input: Schema
  readonly output: Schema
  /** The column that tells what begins from what ends. */
  readonly column: string
  /** Whether that is true of rows that begin, or of those that end. */
  readonly marks: 'insert' | 'delete'
  /** No update is older than the watermark by more than this, in microseconds. */
  readonly bound: number
  /** Head of the origins of the output, or null where nothing downstream can tie. */
  readonly origin: Uint8Array | null
}

const ORDINAL = new Uint8Array(8)
/** Counts that are let go of in an epoch. */
const DROPPED_MAX = 16_384

export const CHANGELOG_TABLES = ['counts'] as const

export class Changelog implements Operator {
  readonly #plan: ChangelogPlan
  readonly #emit: Emit
  /** Keys: the time, then all values. */
  readonly #counts: KeyedTable
  readonly #columns: readonly number[]
  #changes = 0

  constructor(plan: ChangelogPlan, context: OperatorContext) {
    this.#plan = plan
    this.#emit = context.emit
    this.#counts = context.table('counts')
    const { input } = plan
    this.#columns = [input.names.indexOf(input.time), ...input.names.keys()]
  }

  onBatch(batch: Batch): void {
    const builder = new BatchBuilder(this.#plan.output, batch.length)
    for (let row = 0; row < batch.length; row++) {
      const place = packKey(batch, this.#columns, row)
      const stored = this.#counts.get(place)
      const before = stored === undefined ? 0 : (packr.unpack(stored) as number)
      const after = before + batch.diff(row)
      if (after === 0) this.#counts.remove(place)
      else this.#counts.put(place, packr.pack(after))
      this.#changes = combineHash(combineHash(this.#changes, checksum(place)), after >>> 0)
      this.#say(builder, batch, row, true, Math.max(0, after) - Math.max(0, before), place)
      this.#say(builder, batch, row, false, Math.max(0, -after) - Math.max(0, -before), place)
    }
    if (builder.length > 0) this.#emit(builder.finish())
  }

  advance([watermark]: readonly Timestamp[]): boolean {
    const over: Uint8Array[] = []
    for (const [key] of this.#counts.range({ to: packValues([watermark! - this.#plan.bound]), keysOnly: true })) {
      if (over.push(key) === DROPPED_MAX) break
    }
    for (const key of over) this.#counts.remove(key)
    return true
  }

  digest(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }

  /** @param diff one at the most, since updates come one by one */
  #say(builder: BatchBuilder, batch: Batch, row: number, isBegin: boolean, diff: number, place: Uint8Array): void {
    if (diff === 0) return
    const { input, output, column, marks, origin } = this.#plan
    output.names.forEach((name, c) => {
      const from = input.names.indexOf(name)
      const value =
        name === column
          ? isBegin === (marks === 'insert')
          : valueAt(batch.columns[from]!, input.fields[name]!.kind, row)
      builder.builders[c]!.push(value)
    })
    // What ends at a time comes before what begins.
    const head = origin && Buffer.concat([origin, Uint8Array.of(isBegin ? 1 : 0), place, ORDINAL])
    builder.end(diff, head ?? undefined)
  }
}
