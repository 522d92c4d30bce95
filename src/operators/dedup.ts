/**
 * Keeps one row of those that are alike: of one key and one span of time the latest, by (event time, origin). Spans are as
 * those of tumbling windows; without a length, rows are alike that have the same event time. With `final` a row is said when
 * the watermark has passed its span, with `eager` at once; one that comes late and is a better one takes the place of what
 * was said.
 */

import { type Budget, isSpent, spend } from '../base/budget.ts'
import { checksum, combineHash } from '../base/hash.ts'
import { packr } from '../base/packr.ts'
import type { Timestamp } from '../base/time.ts'
import { type Batch, BatchBuilder } from '../records/batch.ts'
import { valuesBytes } from '../records/batch-bytes.ts'
import { packedTime, packValues } from '../records/key.ts'
import type { Schema } from '../records/schema.ts'
import { type KeyedTable, prefixEnd } from '../storage/table.ts'
import { DueGroups, dropDue } from './due-groups.ts'
import { comparePlaces, type FoldRow, settled, textOf } from './fold/fold-row.ts'
import { Recents } from './fold/recents.ts'
import { Touched } from './fold/touched.ts'
import type { Operator, OperatorContext } from './operator.ts'
import type { Emission } from './window.ts'

export interface DedupPlan {
  readonly schema: Schema
  readonly keys: readonly string[]
  /** Length of a span, in microseconds; 0 where only rows of one time are alike. */
  readonly span: number
  readonly emit: Emission
  /** No update is older than the watermark by more than this, in microseconds. */
  readonly bound: number
  /** Rows may be taken back: then all that are alike are kept, as long as that may be. */
  readonly retracts: boolean
}

/** What was said of a group, and, where rows are not taken back, the best of them. */
type Said = readonly [time: number, origin: string, values: FoldRow['values']]
type Stored = readonly [said: Said | null, best: Said | null]

/** The tables of a dedup. */
export const DEDUP_TABLES = ['groups', 'alike', 'progress'] as const

export class Dedup implements Operator {
  readonly #plan: DedupPlan
  readonly #context: OperatorContext
  /** Keys: end of the span, key. */
  readonly #groups: KeyedTable
  readonly #alike: KeyedTable
  readonly #due: DueGroups
  readonly #touched: Touched
  #watermark: Timestamp = Number.NEGATIVE_INFINITY
  #builder: BatchBuilder
  #changes = 0

  constructor(plan: DedupPlan, context: OperatorContext) {
    this.#plan = plan
    this.#context = context
    this.#groups = context.table('groups')
    this.#alike = context.table('alike')
    this.#due = new DueGroups(this.#groups, context.table('progress'))
    this.#touched = new Touched(plan.schema, plan.keys, plan.schema.names)
    this.#builder = new BatchBuilder(plan.schema)
  }

  open([watermark]: readonly Timestamp[]): void {
    this.#watermark = watermark!
    this.#due.open()
  }

  onBatch(batch: Batch): void {
    const spanOf = (time: number) => [packValues([this.#endOf(time)])]
    for (let row = 0; row < batch.length; row++) this.#touched.addTo(batch, row, spanOf)
  }

  advance([watermark]: readonly Timestamp[], budget: Budget): boolean {
    // In full, whatever the budget: what was said of them does not hold any more.
    this.#take(budget)
    const isDone = this.#plan.emit === 'eager' || this.#sayDue(watermark!, budget)
    this.#emitBuilt()
    if (!isDone) return false
    this.#watermark = watermark!
    dropDue([this.#groups, this.#alike], watermark! - this.#plan.bound)
    return true
  }

  flush(): void {
    this.#due.save()
  }

  digest(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }

  /** The first time behind the span of `time`. */
  #endOf(time: Timestamp): Timestamp {
    const { span } = this.#plan
    return span === 0 ? time + 1 : (Math.floor(time / span) + 1) * span
  }

  #take(budget: Budget): void {
    for (const [group, updates] of this.#touched.take()) {
      const [said, best] = this.#stored(group)
      const now = this.#best(group, best, updates)
      const isSaid = this.#plan.emit === 'eager' || packedTime(group) <= this.#watermark
      if (isSaid) this.#say(said, now, budget)
      this.#store(group, [isSaid ? now : said, this.#plan.retracts ? null : now])
    }
  }

  #stored(group: Uint8Array): Stored {
    const stored = this.#groups.get(group)
    return stored === undefined ? [null, null] : (packr.unpack(stored) as Stored)
  }

  #store(group: Uint8Array, stored: Stored): void {
    const isGone = stored.every((one) => one === null) && !this.#hasAlike(group)
    const bytes = isGone ? null : packr.pack(stored)
    this.#changes = combineHash(combineHash(this.#changes, checksum(group)), bytes === null ? 0 : checksum(bytes))
    if (bytes === null) this.#groups.remove(group)
    else this.#groups.put(group, bytes)
  }

  #hasAlike(group: Uint8Array): boolean {
    for (const _ of this.#alike.range({ from: group, to: prefixEnd(group) })) return true
    return false
  }

  /** The best of a group's rows, with these updates. */
  #best(group: Uint8Array, best: Said | null, updates: readonly FoldRow[]): Said | null {
    if (!this.#plan.retracts) {
      const rows = best === null ? updates : [...updates, rowOf(best)]
      return saidOf(settled(rows).at(-1))
    }
    const alike = this.#alikeOf(group)
    const known = alike.from(Number.NEGATIVE_INFINITY)
    const rows = settled([...known, ...updates])
    const kept = new Set(rows)
    for (const row of known) if (!kept.has(row)) alike.remove(row)
    for (const row of rows) if (!known.includes(row)) alike.put(row)
    return saidOf(rows.findLast(({ diff }) => diff > 0))
  }

  #alikeOf(group: Uint8Array): Recents {
    const { schema } = this.#plan
    return new Recents(
      this.#alike,
      group,
      schema.names.map((name) => schema.fields[name]!.kind),
    )
  }

  /** Groups whose spans the watermark has passed, in order. @returns false when some are left */
  #sayDue(watermark: Timestamp, budget: Budget): boolean {
    for (;;) {
      const due = this.#due.next(watermark, Math.max(1, budget.rows))
      if (due.length === 0) return true
      for (const group of due) {
        if (isSpent(budget)) return false
        const [said, best] = this.#stored(group)
        const now = this.#plan.retracts ? this.#best(group, null, []) : best
        this.#say(said, now, budget)
        this.#store(group, [now, best])
        this.#due.pass(group)
      }
    }
  }

  #say(before: Said | null, now: Said | null, budget: Budget): void {
    if (before !== null && now !== null && isSame(before, now)) return
    if (before !== null) this.#push(before, -1, budget)
    if (now !== null) this.#push(now, 1, budget)
  }

  #push([, origin, values]: Said, diff: number, budget: Budget): void {
    values.forEach((value, c) => {
      this.#builder.builders[c]!.push(value)
    })
    this.#builder.end(diff, Buffer.from(origin, 'latin1'))
    spend(budget, 1, valuesBytes(values))
  }

  #emitBuilt(): void {
    if (this.#builder.length === 0) return
    const batch = this.#builder.finish()
    this.#builder = new BatchBuilder(this.#plan.schema)
    this.#context.emit(batch)
  }
}

const rowOf = ([time, origin, values]: Said): FoldRow => ({ time, origin, values, diff: 1 })
const saidOf = (row: FoldRow | undefined): Said | null =>
  row === undefined ? null : [row.time, row.origin, row.values]
const isSame = (a: Said, b: Said): boolean => comparePlaces(rowOf(a), rowOf(b)) === 0 && textOf(a[2]) === textOf(b[2])
