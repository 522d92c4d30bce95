/**
 * Joins two streams by key and time: rows whose times are no further apart than a span, or which are in one window. Every
 * row is kept as long as others may match it, or it may be taken back. Pairs are said as soon as both rows are there; a row
 * that is to be kept without a match is said alone at once, and taken back when one comes. Keys with a null match nothing.
 */

import { checksum, combineHash } from '../base/hash.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import type { Value } from '../records/column.ts'
import { packedTime, packKey, packValues, unpackKey, unpackPrefix } from '../records/key.ts'
import { type FieldKind, indexesOf, type Schema } from '../records/schema.ts'
import type { KeyedTable } from '../storage/table.ts'
import { type FoldRow, FoldRows } from './fold/fold-row.ts'
import { Recents } from './fold/recents.ts'
import { type IntervalJoinKind, isSaidAlone, type JoinSpan, rangeOf, reachOf } from './join-span.ts'
import type { Emit, Operator, OperatorContext } from './operator.ts'
import { type JoinPlan, plainColumns } from './pair-output.ts'
import { RowOutput } from './row-output.ts'
import { Sweep } from './sweep.ts'

export interface IntervalJoinPlan extends JoinPlan {
  readonly how: IntervalJoinKind
  readonly span: JoinSpan
}

export const INTERVAL_JOIN_TABLES = ['left', 'right', 'progress'] as const

interface Side {
  readonly table: KeyedTable
  readonly rows: FoldRows
  readonly kinds: readonly FieldKind[]
  readonly keyColumns: readonly number[]
  /** Whether its rows are said without a match. */
  readonly isSaidAlone: boolean
  /** The times of the other side's rows that match one at `time`, both included. */
  readonly rangeOf: (time: number) => readonly [from: number, to: number]
  readonly sweep: Sweep
}

export class IntervalJoin implements Operator {
  readonly #plan: IntervalJoinPlan
  readonly #sides: readonly [Side, Side]
  readonly #keyKinds: readonly FieldKind[]
  readonly #output: Pairs
  #changes = 0

  constructor(plan: IntervalJoinPlan, context: OperatorContext) {
    this.#plan = plan
    const { left, right, leftKeys, rightKeys, fields, how, span } = plan
    const progress = context.table('progress')
    const plain = plainColumns(plan)
    const side = (schema: Schema, keys: readonly string[], names: readonly string[], number: 0 | 1): Side => {
      const table = context.table(number === 0 ? 'left' : 'right')
      return {
        table,
        rows: new FoldRows(schema, names),
        kinds: names.map((name) => schema.fields[name]!.kind),
        keyColumns: indexesOf(schema, keys),
        isSaidAlone: isSaidAlone(how, number),
        rangeOf: (time) => rangeOf(span, time, number === 0),
        sweep: new Sweep(table, progress, number),
      }
    }
    this.#sides = [side(left, leftKeys, plain, 0), side(right, rightKeys, fields, 1)]
    this.#keyKinds = leftKeys.map((name) => left.fields[name]!.kind)
    this.#output = new Pairs(plan, plain, context.emit)
  }

  open(): void {
    for (const { sweep } of this.#sides) sweep.open()
  }

  onBatch(batch: Batch, port: number): void {
    const { rows, keyColumns } = this.#sides[port as 0 | 1]
    for (let row = 0; row < batch.length; row++) {
      const key = packKey(batch, keyColumns, row)
      const update = rows.at(batch, row)
      this.#changes = combineHash(combineHash(this.#changes, checksum(key)), checksum(packValues([update.time])))
      this.#take(key, update, port as 0 | 1)
    }
    for (const { sweep } of this.#sides) sweep.cameIn(batch.length)
    this.#output.end()
  }

  advance(watermarks: readonly Timestamp[]): boolean {
    const horizon = Math.min(...watermarks) - this.#plan.bound - reachOf(this.#plan.span)
    for (const { table, sweep } of this.#sides) {
      for (const place of sweep.next()) {
        const { end } = unpackPrefix(place, this.#keyKinds)
        if (packedTime(place.subarray(end)) < horizon) table.remove(place)
      }
    }
    return true
  }

  flush(): void {
    for (const { sweep } of this.#sides) sweep.save()
  }

  digest(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }

  #take(packed: Uint8Array, row: FoldRow, port: 0 | 1): void {
    const [own, other] = [this.#sides[port], this.#sides[port === 0 ? 1 : 0]]
    const key = { packed, values: unpackKey(packed, this.#keyKinds) }
    const pair = (mine: FoldRow | null, theirs: FoldRow | null, diff: number) =>
      this.#output.push(key, port === 0 ? [mine, theirs] : [theirs, mine], diff)
    if (key.values.includes(null)) {
      if (own.isSaidAlone) pair(row, null, row.diff)
      return
    }
    const kept = new Recents(own.table, packed, own.kinds)
    const matches = new Recents(other.table, packed, other.kinds).within(...own.rangeOf(row.time))
    for (const match of matches) pair(row, match, row.diff * match.diff)
    if (own.isSaidAlone && !matches.some(({ diff }) => diff > 0)) pair(row, null, row.diff)
    if (other.isSaidAlone) {
      for (const match of matches) {
        const before = kept.within(...other.rangeOf(match.time)).reduce((sum, { diff }) => sum + diff, 0)
        const isAlone = before + row.diff <= 0
        if (before <= 0 !== isAlone) pair(null, match, isAlone ? match.diff : -match.diff)
      }
    }
    kept.add(row)
  }
}

const ORDINAL = new Uint8Array(8)

/** The output side: pairs of rows, of which one may be missing. */
class Pairs {
  readonly #plan: IntervalJoinPlan
  readonly #rows: RowOutput
  /** By column of the output: where its value is. */
  readonly #sources: readonly (readonly ['key' | 'time' | 'left' | 'right', number])[]

  constructor(plan: IntervalJoinPlan, plain: readonly string[], emit: Emit) {
    this.#plan = plan
    this.#rows = new RowOutput(plan.output, emit)
    this.#sources = plan.output.names.map((name) => {
      if (name === plan.output.time) return ['time', 0]
      if (plan.leftKeys.includes(name)) return ['key', plan.leftKeys.indexOf(name)]
      return plain.includes(name) ? ['left', plain.indexOf(name)] : ['right', plan.fields.indexOf(name)]
    })
  }

  push(
    { packed, values }: { packed: Uint8Array; values: readonly Value[] },
    [left, right]: readonly [FoldRow | null, FoldRow | null],
    diff: number,
  ): void {
    const { origin } = this.#plan
    const time = (left ?? right)!.time
    const origins = [left, right].map((row) => Buffer.from(row?.origin ?? '', 'latin1'))
    const from = origin === null ? undefined : Buffer.concat([origin, packed, ...origins, ORDINAL])
    const row = this.#sources.map(([where, i]) => {
      const ofSide = where === 'left' ? left : right
      return where === 'time' ? time : where === 'key' ? values[i]! : (ofSide?.values[i] ?? null)
    })
    this.#rows.push(row, diff, from)
  }

  /** Emits what is pending. */
  end(): void {
    this.#rows.end()
  }
}
