/**
 * Joins two tables by key: what holds at the same time on both sides. Rows of both come together in a fold, whose groups
 * know which rows of each side hold; so whatever begins, ends or comes late on either side corrects what follows from it.
 * Keys with a null match nothing.
 */
import type { Budget } from '../base/budget.ts'
import type { Timestamp } from '../base/time.ts'
import { Batch } from '../records/batch.ts'
import { type Column, nullColumn, type Value } from '../records/column.ts'
import { packValues, unpackKey } from '../records/key.ts'
import { type FieldKind, type Fields, type FieldType, int, makeSchema, type Schema } from '../records/schema.ts'
import type { Accumulator, GroupStore } from './fold/accumulator.ts'
import { Fold } from './fold/fold.ts'
import type { FoldRow } from './fold/fold-row.ts'
import { Members } from './fold/members.ts'
import type { Operator, OperatorContext } from './operator.ts'
import type { Emission } from './window.ts'

/**
 * `inner`: rows that match; `left`: and left rows without a match; `full`: and right ones; `semi`: left rows that have a
 * match, `anti`: those that have none.
 */
export type TableJoinKind = 'inner' | 'left' | 'full' | 'semi' | 'anti'

export interface TableJoinPlan {
  readonly left: Schema
  readonly right: Schema
  /** The columns of the left side, then the fields of the right one. */
  readonly output: Schema
  readonly leftKeys: readonly string[]
  readonly rightKeys: readonly string[]
  /** Of the right side. */
  readonly fields: readonly string[]
  readonly how: TableJoinKind
  readonly emit: Emission
  /** No update is older than the watermark by more than this, in microseconds. */
  readonly bound: number
  /** Head of the origins of the output, or null where nothing downstream can tie. */
  readonly origin: Uint8Array | null
}

const [LEFT, RIGHT] = [0, 1]

/** Columns of the left side beside keys and time. */
const plainOf = ({ left, leftKeys }: Pick<TableJoinPlan, 'left' | 'leftKeys'>): string[] =>
  left.names.filter((name) => name !== left.time && !leftKeys.includes(name))

/** Rows of both sides in one schema: keys, time, which side, and the columns of each, null in the other's rows. */
export function sidesSchema(plan: Pick<TableJoinPlan, 'left' | 'right' | 'leftKeys' | 'rightKeys' | 'fields'>): Schema {
  const { left, right, leftKeys, rightKeys, fields } = plan
  const sides: Fields = {}
  leftKeys.forEach((name, i) => {
    const [a, b] = [left.fields[name]!, right.fields[rightKeys[i]!]!]
    sides[name] = { ...a, nullable: a.nullable || b.nullable }
  })
  sides[left.time] = left.fields[left.time]!
  sides.side_of_row = int()
  const add = (prefix: string, type: FieldType, i: number) => {
    sides[`${prefix}_${i}_of_row`] = { ...type, nullable: true, eventTime: false }
  }
  plainOf(plan).forEach((name, i) => void add('left', left.fields[name]!, i))
  fields.forEach((name, i) => void add('right', right.fields[name]!, i))
  return makeSchema(sides)
}

export class TableJoin implements Operator {
  readonly #plan: TableJoinPlan
  readonly #sides: Schema
  readonly #fold: Fold

  constructor(plan: TableJoinPlan, context: OperatorContext) {
    this.#plan = plan
    this.#sides = sidesSchema(plan)
    const { leftKeys: keys, output, emit, bound, origin } = plan
    const columns = this.#sides.names.filter((name) => name !== this.#sides.time && !keys.includes(name))
    const results = [...plainOf(plan), ...plan.fields]
    const kinds = columns.map((name) => this.#sides.fields[name]!.kind)
    const keyKinds = keys.map((name) => this.#sides.fields[name]!.kind)
    const ofSides = { how: plan.how, left: plainOf(plan).length, kinds: kinds.slice(1), keyKinds }
    const open = (store: GroupStore) => new Sides(ofSides, store)
    this.#fold = new Fold({ input: this.#sides, output, keys, columns, results, open, emit, bound, origin }, context)
  }

  open(watermarks: readonly Timestamp[]): void {
    this.#fold.open([Math.min(...watermarks)])
  }

  onBatch(batch: Batch, port: number): void {
    const { left, right, leftKeys, rightKeys, fields } = this.#plan
    const isLeft = port === LEFT
    const of = ({ fields: types }: Schema, names: readonly string[], isTheirs: boolean): Column[] =>
      names.map((name) => (isTheirs ? batch.column(name) : nullColumn(types[name]!.kind, batch.length)))
    const columns = [
      ...(isLeft ? leftKeys : rightKeys).map((name) => batch.column(name)),
      batch.column(batch.schema.time),
      { type: 'number', data: new Float64Array(batch.length).fill(port), valid: null } as const,
      ...of(left, plainOf(this.#plan), isLeft),
      ...of(right, fields, !isLeft),
    ]
    this.#fold.onBatch(new Batch(this.#sides, batch.length, columns, batch.diffs, batch.origins))
  }

  advance(watermarks: readonly Timestamp[], budget: Budget): boolean {
    return this.#fold.advance([Math.min(...watermarks)], budget)
  }

  flush(): void {
    this.#fold.flush()
  }

  memoryBytes(): number {
    return this.#fold.memoryBytes()
  }

  digest(): number {
    return this.#fold.digest()
  }
}

interface SidesPlan {
  readonly how: TableJoinKind
  /** Columns of the left side. */
  readonly left: number
  /** Of the columns of both. */
  readonly kinds: readonly FieldKind[]
  readonly keyKinds: readonly FieldKind[]
}

/** What holds of one key, on both sides. */
class Sides implements Accumulator {
  readonly #plan: SidesPlan
  readonly #sides: readonly [Members, Members]
  readonly #mayMatch: boolean

  constructor(plan: SidesPlan, { key, members }: GroupStore) {
    this.#plan = plan
    const side = (number: number) => new Members(members, Buffer.concat([key, packValues([number])]))
    this.#sides = [side(LEFT), side(RIGHT)]
    this.#mayMatch = !unpackKey(key, plan.keyKinds).includes(null)
  }

  apply({ values: [side, ...values] }: FoldRow, diff: number): void {
    this.#sides[side as 0 | 1].add(packValues(values), diff)
  }

  // A row of a table may end at any time.
  settle(): void {}

  rows(): readonly (readonly Value[])[] {
    const { how, left: count, kinds } = this.#plan
    const rowsOf = (side: Members): Value[][] =>
      [...side.entries()].flatMap(([row, times]) => Array.from({ length: times }, () => unpackKey(row, kinds)))
    const left = rowsOf(this.#sides[LEFT as 0]).map((row) => row.slice(0, count))
    const right = rowsOf(this.#sides[RIGHT as 1]).map((row) => row.slice(count))
    const nulls = (length: number): null[] => new Array<null>(length).fill(null)
    const isMatched = this.#mayMatch && left.length > 0 && right.length > 0
    if (how === 'semi') return isMatched ? left : []
    if (how === 'anti') return isMatched ? [] : left
    if (isMatched) return left.flatMap((one) => right.map((other) => [...one, ...other]))
    if (how === 'inner') return []
    const unmatched = left.map((one) => [...one, ...nulls(kinds.length - count)])
    return how === 'left' ? unmatched : [...unmatched, ...right.map((other) => [...nulls(count), ...other])]
  }

  /** What holds stands in the members alone. */
  save(): null {
    return null
  }
}
