/**
 * Joins each row of a stream with the version of a keyed table that held at the row's event time. A row is answered
 * when the table's watermark has passed it, so that no version can be missed; a version that arrives late, within the
 * table's lateness, takes back the answers that it changes and gives the right ones. Null keys match nothing.
 */
import { type Budget, isSpent, spend } from '../base/budget.ts'
import { Batch } from '../records/batch.ts'
import { batchBytes, pieceOf, rowBytesOf, valuesBytes } from '../records/batch-bytes.ts'
import { type Column, ColumnBuilder, valueAt } from '../records/column.ts'
import { packKey } from '../records/key.ts'
import { originBytes } from '../records/origin.ts'
import type { Schema } from '../records/schema.ts'
import { type FrameLimits, HeldBatches, splitByTime } from './held-batches.ts'
import { History, type Version, versionAt } from './history.ts'
import { KeyIndex } from './key-index.ts'
import type { Operator, OperatorContext, OperatorLimits } from './operator.ts'
import { pickColumn } from './pick-column.ts'
import { RightVersions } from './right-versions.ts'
import { TableHistory } from './table-history.ts'

export interface AsOfJoinPlan {
  readonly left: Schema
  readonly right: Schema
  readonly output: Schema
  readonly leftKeys: readonly string[]
  readonly rightKeys: readonly string[]
  /** Right fields behind the left ones in the output. */
  readonly fields: readonly string[]
  readonly how: 'inner' | 'left'
  readonly leftBound: number
  readonly rightBound: number
  /** The right side is a table: what is taken back held until then. */
  readonly isTable: boolean
  /** How much older than the row a version may be, and how much newer, in microseconds; both inclusive. */
  readonly older: number
  readonly newer: number
}

/** What rows of a batch found: the versions, and for each row which of them, or -1. */
interface Found {
  readonly codes: Int32Array
  readonly versions: readonly Version[]
}

const LEFT = 0
/** Of held rows: those that must wait again are written anew. */
const FRAME_ROWS = 16_384

/** How large the frames of rows are that a join holds. */
export const joinFrame = ({ batchBytesMax }: OperatorLimits): FrameLimits => ({
  rows: FRAME_ROWS,
  bytes: batchBytesMax,
})

export class AsOfJoin implements Operator {
  readonly #plan: AsOfJoinPlan
  readonly #context: OperatorContext
  readonly #right: RightVersions
  readonly #waiting: HeldBatches
  readonly #answered: HeldBatches
  readonly #leftColumns: readonly number[]
  readonly #rightColumns: readonly number[]
  readonly #keys: KeyIndex
  /** Of answers that the epoch may still put out as rows come. */
  #bytesLeft: number
  #leftWatermark = Number.NEGATIVE_INFINITY
  #rightWatermark = Number.NEGATIVE_INFINITY
  /** Waiting rows may be due: looked for once each time the table's watermark moves. */
  #hasDue = true

  constructor(plan: AsOfJoinPlan, context: OperatorContext) {
    this.#plan = plan
    this.#context = context
    const frame = joinFrame(context.limits)
    const right = context.table('right')
    const history = plan.isTable ? new TableHistory(right) : new History(right)
    this.#right = new RightVersions(history, context.limits.cacheBytesMax)
    this.#waiting = new HeldBatches(context.table('waiting'), plan.left, frame)
    this.#answered = new HeldBatches(context.table('answered'), plan.left, frame)
    this.#bytesLeft = context.limits.outboxBytesMax
    this.#leftColumns = plan.leftKeys.map((name) => plan.left.names.indexOf(name))
    this.#rightColumns = plan.rightKeys.map((name) => plan.right.names.indexOf(name))
    this.#keys = new KeyIndex(
      this.#leftColumns,
      plan.leftKeys.map((name) => plan.left.fields[name]!),
    )
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
    this.#bytesLeft = this.#context.limits.outboxBytesMax
    return !this.#hasDue
  }

  memoryBytes(): number {
    return this.#keys.memoryBytes + this.#right.memoryBytes
  }

  flush(): void {
    if (this.memoryBytes() <= this.#context.limits.cacheBytesMax) return
    this.#keys.clear()
    this.#right.forget()
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
    const budget = { rows: before.length, bytes: this.#bytesLeft }
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
    const found = this.#match(batch, budget)
    const count = found.codes.length
    const answered = count < batch.length ? pieceOf(batch, 0, count) : batch
    if (count > 0) {
      this.#emit(answered, null, found)
      if (this.#plan.rightBound > 0) this.#answered.hold(answered)
    }
    if (count === batch.length) return true
    this.#waiting.hold(pieceOf(batch, count, batch.length))
    this.#hasDue = true
    return false
  }

  #onRight(batch: Batch): void {
    const late = this.#lateRows(batch)
    if (late !== null) this.#emitAnswered(late, -1)
    const { fields } = this.#plan
    const columns = fields.map((name) => batch.column(name))
    const kinds = fields.map((name) => this.#plan.right.fields[name]!.kind)
    const horizon = Math.min(
      this.#leftWatermark - this.#plan.leftBound,
      this.#rightWatermark - Math.max(this.#plan.rightBound, 0),
    )
    for (let i = 0; i < batch.length; i++) {
      if (this.#hasNullKey(batch, this.#rightColumns, i)) continue
      const key = packKey(batch, this.#rightColumns, i)
      const origin = batch.origins === null ? '' : Buffer.from(originBytes(batch.origins, i)).toString('latin1')
      const values = columns.map((column, c) => valueAt(column, kinds[c]!, i))
      const time = batch.times[i]!
      this.#right.change(this.#idOf(batch, i), key, { time, origin, since: time, values }, batch.diff(i), horizon)
    }
    if (late !== null) this.#emitAnswered(late, 1)
  }

  /** Key ids of right rows that are older than what has been answered, with the oldest such time; null if there are none. */
  #lateRows(batch: Batch): { ids: Set<number>; from: number } | null {
    const ids = new Set<number>()
    let from = Number.POSITIVE_INFINITY
    for (let i = 0; i < batch.length; i++) {
      if (batch.times[i]! >= this.#rightWatermark) continue
      ids.add(this.#idOf(batch, i))
      from = Math.min(from, batch.times[i]!)
    }
    return ids.size > 0 ? { ids, from } : null
  }

  #idOf(right: Batch, row: number): number {
    const { rightKeys } = this.#plan
    return this.#keys.idOf(
      this.#rightColumns.map((c, k) => valueAt(right.columns[c]!, this.#plan.right.fields[rightKeys[k]!]!.kind, row)),
    )
  }

  /** Emits the current answers of answered rows whose key and time the late versions touch. */
  #emitAnswered(late: { ids: Set<number>; from: number }, diff: number): void {
    for (const { batch } of this.#answered.before(Number.POSITIVE_INFINITY)) {
      const ids = new Int32Array(batch.length)
      this.#keys.resolve(batch, ids)
      const rows = Int32Array.from(ids.keys()).filter(
        (i) => late.ids.has(ids[i]!) && batch.times[i]! + this.#plan.newer >= late.from,
      )
      if (rows.length === 0) continue
      const touched = batch.gather(rows, rows.length)
      this.#emit(touched, diff, this.#match(touched, null))
    }
  }

  // Null equals nothing: rows of the table without a key are never found, so left rows need no check.
  #hasNullKey(batch: Batch, columns: readonly number[], row: number): boolean {
    return columns.some((c) => valueAt(batch.columns[c]!, 'float', row) === null)
  }

  /** Joins and emits; `sign` multiplies the diffs of a correction. */
  #emit(batch: Batch, sign: number | null, found: Found): void {
    let rows: Int32Array | null = null
    if (this.#plan.how === 'inner') {
      rows = Int32Array.from(found.codes.keys()).filter((i) => found.codes[i]! >= 0)
      if (rows.length === 0) return
    }
    const columns: Column[] = this.#plan.left.names.map((_, c) => batch.columns[c]!)
    this.#plan.fields.forEach((name, f) => columns.push(this.#rightColumn(name, f, found)))
    const diffs =
      sign === null || sign === 1 ? batch.diffs : Int32Array.from({ length: batch.length }, (_, i) => -batch.diff(i))
    const joined = new Batch(this.#plan.output, batch.length, columns, diffs, batch.origins)
    this.#context.emit(rows === null ? joined : joined.gather(rows, rows.length))
  }

  /**
   * The version of each row as a code into the versions found, -1 where there is none.
   * @param budget counted down by what the answers come to; only rows before it is spent are among them
   */
  #match(batch: Batch, budget: Budget | null): Found {
    const ids = new Int32Array(batch.length)
    this.#keys.resolve(batch, ids)
    const codes = new Int32Array(batch.length)
    const versions: Version[] = []
    const codeOf = new Map<Version, number>()
    let [lastVersion, lastCode]: [Version | undefined, number] = [undefined, -1]
    const bytesOf = rowBytesOf(batch)
    const left = budget ?? { rows: batch.length, bytes: Number.POSITIVE_INFINITY }
    let lastBytes = 0
    let i = 0
    for (; i < batch.length && !isSpent(left); i++) {
      const id = ids[i]!
      const known = this.#right.known(id) ?? this.#right.of(id, packKey(batch, this.#leftColumns, i))
      const version = this.#versionFor(known, batch.times[i]!)
      if (version !== lastVersion) {
        lastVersion = version
        lastCode = version === undefined ? -1 : (codeOf.get(version) ?? -1)
        if (version !== undefined && lastCode < 0) {
          lastCode = versions.push(version) - 1
          codeOf.set(version, lastCode)
        }
        lastBytes = version === undefined ? 0 : valuesBytes(version.values!)
      }
      codes[i] = lastCode
      spend(left, 1, bytesOf(i) + lastBytes)
    }
    return { codes: codes.subarray(0, i), versions }
  }

  /** The one candidate is the latest; if that is too old, or nothing holds, there is none. */
  #versionFor(versions: readonly Version[], time: number): Version | undefined {
    const { newer, older } = this.#plan
    const version = versionAt(versions, time + newer)
    return version === undefined || version.values === null || version.since < time - older ? undefined : version
  }

  #rightColumn(name: string, field: number, { codes, versions }: Found): Column {
    const type = this.#plan.right.fields[name]!
    const builder = new ColumnBuilder({ ...type, nullable: true }, versions.length + 1)
    for (const version of versions) builder.push(version.values![field]!)
    builder.push(null)
    return pickColumn(builder.finish(), codes, versions.length)
  }
}
