/**
 * Joins two tables by key: what holds at the same time on both sides. The updates of both stand together as versions of their
 * keys, and what a batch needs is looked up at once; whatever begins, ends or comes late on either side corrects what follows from
 * it. What of one side is taken back again goes when nothing comes before it any more. With `final` updates are joined when the
 * watermark has passed them, with `eager` at once. Keys with a null match nothing.
 */
import { type Budget, spend } from '../../base/budget.ts'
import { combineHash, hashInteger } from '../../base/hash.ts'
import type { Timestamp } from '../../base/time.ts'
import { Batch } from '../../records/batch.ts'
import { batchBytes, pieceOf } from '../../records/batch-bytes.ts'
import { type Column, isNull, nullColumn } from '../../records/column.ts'
import { type Fields, type FieldType, indexesOf, int, makeSchema, type Schema, typesOf } from '../../records/schema.ts'
import { ARRIVAL_TABLES, BatchArrivals } from '../batch-arrivals.ts'
import { hashesOfKeys } from '../key-versions/key-columns.ts'
import { KeyVersions, VERSION_TABLES, type VersionTypes, versionTables } from '../key-versions/key-versions.ts'
import { orderByHash } from '../key-versions/row-order.ts'
import type { Emit, Operator, OperatorContext } from '../operator.ts'
import { type JoinPlan, originsByKey, PAIRS, PairList, plainColumns } from '../pair-output.ts'
import type { Emission } from '../window.ts'
import { JoinDelta, type TableJoinKind } from './join-delta.ts'

export interface TableJoinPlan extends JoinPlan {
  readonly how: TableJoinKind
  readonly emit: Emission
}

export const TABLE_JOIN_TABLES = [...VERSION_TABLES, ...ARRIVAL_TABLES] as const

const LEFT = 0
/** What a key's updates can be fewer by, before they are looked through for such as take each other back. */
const SETTLED = 8

export class TableJoin implements Operator {
  readonly #plan: TableJoinPlan
  readonly #emit: Emit
  /** Of both sides. */
  readonly #schema: Schema
  readonly #arrivals: BatchArrivals
  readonly #versions: KeyVersions
  readonly #keys: readonly number[]
  readonly #values: readonly number[]
  /** How many columns of the left side there are beside keys and time. */
  readonly #plain: number
  readonly #pairs = new PairList()
  #changes = 0

  constructor(plan: TableJoinPlan, context: OperatorContext) {
    this.#plan = plan
    this.#emit = context.emit
    this.#schema = sidesSchema(plan)
    this.#arrivals = new BatchArrivals(this.#schema, plan.emit, context)
    this.#versions = new KeyVersions(versionTables(context.table), sidesTypes(plan), context.limits, 'net')
    this.#keys = indexesOf(this.#schema, plan.leftKeys)
    this.#values = indexesOf(this.#schema, valuesOf(plan))
    this.#plain = plainColumns(plan).length
  }

  open(watermarks: readonly Timestamp[]): void {
    this.#arrivals.open(Math.min(...watermarks))
  }

  onBatch(batch: Batch, port: number): void {
    this.#arrivals.put(this.#ofSide(batch, port))
  }

  advance(watermarks: readonly Timestamp[], budget: Budget): boolean {
    const watermark = Math.min(...watermarks)
    const isDone = this.#arrivals.take(watermark, budget, (rows) => this.#takeAll(rows, budget))
    // Rows of this epoch may have come before it.
    if (isDone) this.#versions.reach(watermark - this.#plan.bound)
    return isDone
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

  /** A batch with the columns of both sides. */
  #ofSide(batch: Batch, port: number): Batch {
    const { left, right, leftKeys, rightKeys, fields, emit } = this.#plan
    const { length } = batch
    const isLeft = port === LEFT
    const of = ({ fields: types }: Schema, names: readonly string[], isTheirs: boolean): Column[] =>
      names.map((name) => (isTheirs ? batch.column(name) : nullColumn(types[name]!.kind, length)))
    const columns = [
      ...(isLeft ? leftKeys : rightKeys).map((name) => batch.column(name)),
      batch.column(batch.schema.time),
      { type: 'number', data: new Float64Array(length).fill(port), valid: null } as const,
      ...of(left, plainColumns(this.#plan), isLeft),
      ...of(right, fields, !isLeft),
    ]
    return new Batch(this.#schema, length, columns, batch.diffs, emit === 'final' ? batch.origins : null)
  }

  /** Rows of a key go together, so that what one says and another takes back in the same epoch is never seen. */
  #takeAll(rows: Batch, budget: Budget): void {
    const { length, times } = rows
    const hashes = hashesOfKeys(this.#keysOf(rows), length)
    const order = orderByHash(hashes, (a, b) => times[a]! - times[b]!)
    const updates = new Batch(rows.schema, length, rows.columns, rows.diffs).gather(order, length)
    const hashAt = (row: number) => hashes[order[row]!]
    for (let from = 0, to = 0; from < length; from = to) {
      to = Math.min(length, from + this.#versions.lookRows)
      while (to < length && hashAt(to) === hashAt(to - 1)) to++
      this.#take(pieceOf(updates, from, to), budget)
    }
  }

  /** @param rows of a key in order of time, one behind the other but where two keys have one hash */
  #take(rows: Batch, budget: Budget): void {
    const { length } = rows
    const keys = this.#keysOf(rows)
    const ids = this.#versions.look(keys, length)
    const first = this.#versions.add(
      rows,
      ids,
      this.#values.map((c) => rows.columns[c]!),
    )
    const { columns, lists } = this.#versions
    let id = 0
    const delta = new JoinDelta(columns, this.#plan.how, (left, right, time, diff) => {
      for (let n = Math.abs(diff); n > 0; n--) this.#pairs.push(id, left, right, time, Math.sign(diff))
      if (this.#pairs.length >= PAIRS) this.#putOut(budget)
    })
    for (let from = 0, to = 1; from < length; from = to++) {
      id = ids[from]!
      while (to < length && ids[to] === id) to++
      if (keys.some((key) => isNull(key, from))) {
        delta.addAlone(first + from, first + to)
        for (let row = from; row < to; row++) columns.drop(first + row)
      } else {
        const over = delta.add(lists.all(id), first + from, first + to)
        for (let row = from; row < to; row++) lists.link(first + row)
        if (over > SETTLED) lists.settle(id)
      }
    }
    for (const time of rows.times) this.#changes = combineHash(this.#changes, hashInteger(time))
    this.#putOut(budget)
  }

  #keysOf(rows: Batch): Column[] {
    return this.#keys.map((c) => rows.columns[c]!)
  }

  #putOut(budget: Budget): void {
    if (this.#pairs.length === 0) return
    const { columns } = this.#versions
    const batch = this.#pairs.take(this.#plan, {
      keys: (ids) => this.#versions.keyColumns(ids),
      left: (column, versions) => columns.column(1 + column, versions),
      right: (column, versions) => columns.column(1 + this.#plain + column, versions),
      origins: ({ ids }) => originsByKey(this.#plan.origin, ids, (id) => this.#versions.keyText(id)),
    })
    spend(budget, batch.length, batchBytes(batch))
    this.#emit(batch)
  }
}

/** Which side, then the columns of each, null in the other's rows: called as no key is. */
function valuesOf(plan: Pick<TableJoinPlan, 'left' | 'leftKeys' | 'fields'>): string[] {
  const names = ['side', ...plainColumns(plan).map((_, i) => `left_${i}`), ...plan.fields.map((_, i) => `right_${i}`)]
  let mark = '_of_row'
  while (names.some((name) => Object.hasOwn(plan.left.fields, name + mark))) mark += '_'
  return names.map((name) => name + mark)
}

type Sides = Pick<TableJoinPlan, 'left' | 'right' | 'leftKeys' | 'rightKeys' | 'fields'>

/** Rows of both sides in one schema: keys, time, which side, and the columns of each. */
export function sidesSchema(plan: Sides): Schema {
  const { left, right, leftKeys, rightKeys, fields } = plan
  const sides: Fields = {}
  leftKeys.forEach((name, i) => {
    const [a, b] = [left.fields[name]!, right.fields[rightKeys[i]!]!]
    sides[name] = { ...a, nullable: a.nullable || b.nullable }
  })
  sides[left.time] = left.fields[left.time]!
  const types: FieldType[] = [
    int(),
    ...plainColumns(plan).map((name) => left.fields[name]!),
    ...fields.map((name) => right.fields[name]!),
  ]
  valuesOf(plan).forEach((name, i) => {
    sides[name] = { ...types[i]!, nullable: i > 0, eventTime: false }
  })
  return makeSchema(sides)
}

/** What is kept of the rows of both sides. */
export function sidesTypes(plan: Sides): VersionTypes {
  const schema = sidesSchema(plan)
  return { keys: typesOf(schema, plan.leftKeys), values: typesOf(schema, valuesOf(plan)) }
}
