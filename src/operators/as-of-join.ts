/**
 * Joins each row of a stream with the version of a keyed table that held at the row's event time. A row is answered
 * when the table's watermark has passed it, so that no version can be missed; a version that arrives late, within the
 * table's lateness, takes back the answers that it changes and gives the right ones. Null keys match nothing.
 */
import type { Budget } from '../base/budget.ts'
import { Batch } from '../records/batch.ts'
import { type Column, ColumnBuilder, valueAt } from '../records/column.ts'
import { packKey } from '../records/key.ts'
import { originBytes } from '../records/origin.ts'
import type { Schema } from '../records/schema.ts'
import { HeldBatches, splitByTime } from './held-batches.ts'
import { History, type Version, versionAt } from './history.ts'
import { KeyIndex } from './key-index.ts'
import type { Operator, OperatorContext } from './operator.ts'

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
}

const LEFT = 0
const KEYS_KEPT = 100_000

export class AsOfJoin implements Operator {
  readonly #plan: AsOfJoinPlan
  readonly #context: OperatorContext
  readonly #history: History
  readonly #waiting: HeldBatches
  readonly #answered: HeldBatches
  readonly #leftColumns: readonly number[]
  readonly #rightColumns: readonly number[]
  readonly #keys: KeyIndex
  /** Versions by key id, loaded on first use. */
  #versions: Version[][] = []
  #leftWatermark = Number.NEGATIVE_INFINITY
  #rightWatermark = Number.NEGATIVE_INFINITY
  /** Waiting rows may be due: looked for once each time the table's watermark moves. */
  #hasDue = true

  constructor(plan: AsOfJoinPlan, context: OperatorContext) {
    this.#plan = plan
    this.#context = context
    this.#history = new History(context.table('right'))
    this.#waiting = new HeldBatches(context.table('waiting'), plan.left)
    this.#answered = new HeldBatches(context.table('answered'), plan.left)
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
    if (this.#plan.rightBound > 0) this.#answered.releaseBefore(right! - this.#plan.rightBound)
    if (this.#hasDue && this.#answerWaiting(budget)) this.#hasDue = false
    return !this.#hasDue
  }

  flush(): void {
    if (this.#keys.size <= KEYS_KEPT) return
    this.#keys.clear()
    this.#versions = []
  }

  #onLeft(batch: Batch): void {
    const { before, rest } = splitByTime(batch, this.#rightWatermark)
    if (before !== null) this.#answer(before)
    if (rest !== null) this.#waiting.hold(rest)
  }

  /** @returns false when the budget ended before the waiting rows did */
  #answerWaiting(budget: Budget): boolean {
    for (const { key, batch } of this.#waiting.entries()) {
      const { before, rest } = splitByTime(batch, this.#rightWatermark)
      if (before === null) continue
      if (budget.rows <= 0) return false
      this.#waiting.release(key)
      if (rest !== null) this.#waiting.hold(rest)
      this.#answer(before)
      budget.rows -= before.length
    }
    return true
  }

  #answer(batch: Batch): void {
    this.#emit(batch, null)
    if (this.#plan.rightBound > 0) this.#answered.hold(batch)
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
      const versions = this.#versionsOf(this.#idOf(batch, i), key)
      const origin = batch.origins === null ? '' : Buffer.from(originBytes(batch.origins, i)).toString('latin1')
      const values = columns.map((column, c) => valueAt(column, kinds[c]!, i))
      this.#history.change(key, versions, { time: batch.times[i]!, origin, values }, batch.diff(i))
      this.#history.prune(key, versions, horizon)
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
    for (const { batch } of this.#answered.entries()) {
      const ids = new Int32Array(batch.length)
      this.#keys.resolve(batch, ids)
      const rows = Int32Array.from(ids.keys()).filter((i) => late.ids.has(ids[i]!) && batch.times[i]! >= late.from)
      if (rows.length > 0) this.#emit(batch.gather(rows, rows.length), diff)
    }
  }

  // Null equals nothing: rows of the table without a key are never found, so left rows need no check.
  #hasNullKey(batch: Batch, columns: readonly number[], row: number): boolean {
    return columns.some((c) => valueAt(batch.columns[c]!, 'float', row) === null)
  }

  #versionsOf(id: number, key: Uint8Array): Version[] {
    let versions = this.#versions[id]
    if (versions === undefined) this.#versions[id] = versions = this.#history.load(key)
    return versions
  }

  /** Joins and emits; `sign` multiplies the diffs of a correction. */
  #emit(batch: Batch, sign: number | null): void {
    const found = this.#match(batch)
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

  /** The version of each row as a code into the versions found, -1 where there is none. */
  #match(batch: Batch): { codes: Int32Array; versions: Version[] } {
    const ids = new Int32Array(batch.length)
    this.#keys.resolve(batch, ids)
    const codes = new Int32Array(batch.length)
    const versions: Version[] = []
    const codeOf = new Map<Version, number>()
    let [lastVersion, lastCode]: [Version | undefined, number] = [undefined, -1]
    for (let i = 0; i < batch.length; i++) {
      const id = ids[i]!
      const known = this.#versions[id] ?? this.#versionsOf(id, packKey(batch, this.#leftColumns, i))
      const version = versionAt(known, batch.times[i]!)
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
    return { codes, versions }
  }

  #rightColumn(name: string, field: number, { codes, versions }: { codes: Int32Array; versions: Version[] }): Column {
    const type = this.#plan.right.fields[name]!
    const builder = new ColumnBuilder({ ...type, nullable: true }, versions.length + 1)
    for (const version of versions) builder.push(version.values[field]!)
    builder.push(null)
    return pick(builder.finish(), codes, versions.length)
  }
}

/** The values at the given codes; -1 stands for the value at `none`. */
function pick(column: Column, codes: Int32Array, none: number): Column {
  if (column.type === 'string') {
    return { type: 'string', codes: codes.map((code) => column.codes[code < 0 ? none : code]!), values: column.values }
  }
  if (column.type === 'bytes') {
    return { type: 'bytes', values: Array.from(codes, (code) => column.values[code < 0 ? none : code]!) }
  }
  const data = new Float64Array(codes.length)
  const valid = new Uint8Array(codes.length)
  let nulls = 0
  for (let i = 0; i < codes.length; i++) {
    const at = codes[i]! < 0 ? none : codes[i]!
    data[i] = column.data[at]!
    valid[i] = column.valid === null ? 1 : column.valid[at]!
    if (valid[i] === 0) nulls++
  }
  return { type: 'number', data, valid: nulls > 0 ? valid : null }
}
