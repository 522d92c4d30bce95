/**
 * Joins each row of a stream with the version of a keyed table that held at the row's event time. A row is answered
 * when the table's watermark has passed it, so that no version can be missed; a version that arrives late, within the
 * table's lateness, takes back the answers that it changes and gives the right ones. Null keys match nothing.
 */

import { type Budget, isSpent, spend } from '../base/budget.ts'
import { Batch } from '../records/batch.ts'
import { batchBytes, pieceOf, rowBytesOf } from '../records/batch-bytes.ts'
import { type Column, valueAt } from '../records/column.ts'
import { chosenRows, rowNumbers } from '../records/row-numbers.ts'
import { indexesOf, type Schema, typesOf } from '../records/schema.ts'
import { LISTED_TABLE, ListedSide } from './as-of/listed-side.ts'
import type { Found, RightSide, SidePlan } from './as-of/right-side.ts'
import { StreamSide } from './as-of/stream-side.ts'
import { type FrameLimits, HeldBatches, splitByTime } from './held-batches.ts'
import { KeyIndex } from './key-index.ts'
import { VERSION_TABLES } from './key-versions/key-versions.ts'
import type { Operator, OperatorContext, OperatorLimits } from './operator.ts'

export interface AsOfJoinPlan extends SidePlan {
  /** The right fields stand behind the left ones. */
  readonly output: Schema
  readonly how: 'inner' | 'left'
  readonly leftBound: number
  readonly rightBound: number
  /** The right side is a table: what is taken back held until then. */
  readonly isTable: boolean
  /** The right side takes rows back. */
  readonly retracts: boolean
}

/** How late right rows are told: their keys, which are the first of these, and the oldest of their times. */
interface LateRows {
  readonly keys: KeyIndex
  readonly count: number
  readonly from: number
}

/** The right side's part of the state. */
const isListed = ({ isTable, retracts }: Pick<AsOfJoinPlan, 'isTable' | 'retracts'>): boolean => isTable || retracts

export const asOfTables = (plan: Pick<AsOfJoinPlan, 'isTable' | 'retracts'>): readonly string[] => [
  ...(isListed(plan) ? [LISTED_TABLE] : VERSION_TABLES),
  'waiting',
  'answered',
]

const LEFT = 0
/** Of held rows: those that must wait again are written anew. */
const FRAME_ROWS = 16_384

/** How large the frames of rows are that a join holds. */
export const joinFrame = (limits: OperatorLimits): FrameLimits => ({
  rows: FRAME_ROWS,
  get bytes() {
    return limits.batchBytesMax
  },
})

export class AsOfJoin implements Operator {
  readonly #plan: AsOfJoinPlan
  readonly #context: OperatorContext
  readonly #right: RightSide
  readonly #waiting: HeldBatches
  readonly #answered: HeldBatches
  readonly #leftKeys: readonly number[]
  /** Of answers that the epoch may still put out as rows come; null before there are any. */
  #bytesLeft: number | null = null
  #leftWatermark = Number.NEGATIVE_INFINITY
  #rightWatermark = Number.NEGATIVE_INFINITY
  /** Waiting rows may be due: looked for once each time the table's watermark moves. */
  #hasDue = true

  constructor(plan: AsOfJoinPlan, context: OperatorContext) {
    this.#plan = plan
    this.#context = context
    const frame = joinFrame(context.limits)
    this.#right = isListed(plan) ? new ListedSide(plan, plan.isTable, context) : new StreamSide(plan, context)
    this.#waiting = new HeldBatches(context.table('waiting'), plan.left, frame)
    this.#answered = new HeldBatches(context.table('answered'), plan.left, frame)
    this.#leftKeys = indexesOf(plan.left, plan.leftKeys)
  }

  open([left, right]: readonly number[]): void {
    this.#leftWatermark = left!
    this.#rightWatermark = right!
  }

  onBatch(batch: Batch, port: number): void {
    if (port === LEFT) this.#onLeft(batch)
    else this.#onRight(batch)
  }

  advance([left, right]: readonly number[], budget: Budget): boolean {
    if (right! > this.#rightWatermark) this.#hasDue = true
    this.open([left!, right!])
    const { rightBound, newer } = this.#plan
    if (rightBound > 0) this.#answered.releaseBefore(right! - rightBound - newer)
    if (this.#hasDue && this.#answerWaiting(budget)) this.#hasDue = false
    this.#bytesLeft = null
    return !this.#hasDue
  }

  memoryBytes(): number {
    return this.#right.memoryBytes
  }

  isBehind(): boolean {
    return this.#right.isBehind
  }

  flush(): void {
    this.#right.flush()
  }

  /** Rows before it can be answered: no version that they might find can come any more, but late. */
  get #answerable(): number {
    return this.#rightWatermark - this.#plan.newer
  }

  /** Rows whose time has passed are answered at once, as far as the epoch has room for the answers. */
  #onLeft(batch: Batch): void {
    const { before, rest } = splitByTime(batch, this.#answerable)
    if (rest !== null) this.#waiting.hold(rest)
    if (before === null) return
    const budget = { rows: before.length, bytes: this.#bytesLeft ?? this.#context.limits.outboxBytesMax }
    this.#answer(before, budget)
    this.#bytesLeft = budget.bytes
  }

  /** @returns false when the budget ended before the waiting rows did */
  #answerWaiting(budget: Budget): boolean {
    for (const { key, batch } of this.#waiting.before(this.#answerable)) {
      if (isSpent(budget)) return false
      const { before, rest } = splitByTime(batch, this.#answerable)
      this.#waiting.release(key)
      if (rest !== null) {
        // It is written anew, and that too must fit into the epoch.
        this.#waiting.hold(rest)
        spend(budget, 0, batchBytes(rest))
      }
      if (!this.#answer(before!, budget)) return false
    }
    return true
  }

  /** Answers rows until their answers spend the budget, and lets the others wait: false where there are any. */
  #answer(batch: Batch, budget: Budget): boolean {
    let count = 0
    for (let isWhole = true; isWhole && count < batch.length && !isSpent(budget); ) {
      const piece = pieceOf(batch, count, Math.min(count + this.#right.lookRows, batch.length))
      const found = this.#right.find(piece)
      const rows = rowsWithin(budget, piece, found)
      this.#emit(pieceOf(piece, 0, rows), null, { ...found, codes: found.codes.subarray(0, rows) })
      count += rows
      isWhole = rows === piece.length
    }
    if (count > 0 && this.#plan.rightBound > 0) this.#answered.hold(pieceOf(batch, 0, count))
    if (count === batch.length) return true
    this.#waiting.hold(pieceOf(batch, count, batch.length))
    this.#hasDue = true
    return false
  }

  #onRight(batch: Batch): void {
    const late = this.#lateRows(batch)
    if (late !== null) this.#emitAnswered(late, -1)
    this.#right.put(
      batch,
      Math.min(this.#leftWatermark - this.#plan.leftBound, this.#rightWatermark - Math.max(this.#plan.rightBound, 0)),
    )
    if (late !== null) this.#emitAnswered(late, 1)
  }

  /** Right rows that are older than what has been answered; null if there are none. */
  #lateRows(batch: Batch): LateRows | null {
    const { left, leftKeys, right, rightKeys } = this.#plan
    let late: { keys: KeyIndex; from: number } | null = null
    const [columns, types] = [indexesOf(right, rightKeys), typesOf(right, rightKeys)]
    for (let i = 0; i < batch.length; i++) {
      const time = batch.times[i]!
      if (time >= this.#rightWatermark) continue
      late ??= { keys: new KeyIndex(this.#leftKeys, typesOf(left, leftKeys)), from: time }
      late.keys.idOf(columns.map((c, k) => valueAt(batch.columns[c]!, types[k]!.kind, i)))
      late.from = Math.min(late.from, time)
    }
    return late && { ...late, count: late.keys.size }
  }

  /** Emits the current answers of answered rows whose key and time the late versions touch. */
  #emitAnswered({ keys, count, from }: LateRows, diff: number): void {
    for (const { batch } of this.#answered.before(Number.POSITIVE_INFINITY)) {
      const ids = new Int32Array(batch.length)
      keys.resolve(batch, ids)
      const rows = chosenRows(
        rowNumbers(ids.length),
        (i) => ids[i]! < count && batch.times[i]! + this.#plan.newer >= from,
      )
      if (rows.length === 0) continue
      const touched = batch.gather(rows, rows.length)
      this.#emit(touched, diff, this.#right.find(touched))
    }
  }

  /** Joins and emits; `sign` multiplies the diffs of a correction. */
  #emit(batch: Batch, sign: number | null, found: Found): void {
    let rows: Int32Array | null = null
    if (this.#plan.how === 'inner') {
      rows = chosenRows(rowNumbers(batch.length), (row) => found.codes[row]! >= 0)
      if (rows.length === 0) return
    }
    const columns: Column[] = this.#plan.left.names.map((_, c) => batch.columns[c]!)
    this.#plan.fields.forEach((_, f) => columns.push(found.column(f, found.codes)))
    const diffs =
      sign === null || sign === 1 ? batch.diffs : Int32Array.from({ length: batch.length }, (_, i) => -batch.diff(i))
    const joined = new Batch(this.#plan.output, batch.length, columns, diffs, batch.origins)
    this.#context.emit(rows === null ? joined : joined.gather(rows, rows.length))
  }
}

/** How many rows of a piece come before the one behind which the budget is spent; counts it down by what they come to. */
function rowsWithin(budget: Budget, piece: Batch, found: Found): number {
  const bytesOf = rowBytesOf(piece)
  let row = 0
  for (; row < piece.length && !isSpent(budget); row++) {
    const code = found.codes[row]!
    spend(budget, 1, bytesOf(row) + (code < 0 ? 0 : found.bytes(code)))
  }
  return row
}
