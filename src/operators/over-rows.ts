/**
 * Gives each row of a key aggregates over the rows up to it: those of a span of time, rows of its own time among them, or the last
 * so many by (event time, origin), itself among them. A row that comes late, or is taken back, changes those behind it as far as
 * it reaches. With `final` a row is said when the watermark has passed it; with `eager` at once.
 */

import { type Budget, spend } from '../base/budget.ts'
import { checksum, combineHash } from '../base/hash.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import { valuesBytes } from '../records/batch-bytes.ts'
import type { Value } from '../records/column.ts'
import { type FieldKind, indexesOf, type Schema } from '../records/schema.ts'
import type { KeyedTable } from '../storage/table.ts'
import { type RowAggregates, rowAggregates, type Windowed } from './aggregates-over-rows.ts'
import { Arrivals, type UpdatesByKey } from './fold/arrivals.ts'
import { type FoldRow, settled, textOf } from './fold/fold-row.ts'
import { spanAggregatesAt } from './index/span-aggregates.ts'
import { planTiles, type TilePlan } from './index/tile-plan.ts'
import { TileStore, type TileStoreTables } from './index/tile-store.ts'
import type { Operator, OperatorContext } from './operator.ts'
import { RowOutput } from './row-output.ts'
import { RowsBack } from './rows-back.ts'
import { ScratchTable } from './scratch-table.ts'
import { Sweep } from './sweep.ts'
import type { Emission } from './window.ts'

export interface OverRowsPlan {
  readonly input: Schema
  /** The input's columns, then a result an aggregate. */
  readonly output: Schema
  readonly keys: readonly string[]
  readonly aggregates: Readonly<Record<string, Windowed>>
  readonly emit: Emission
  /** No update is older than the watermark by more than this, in microseconds. */
  readonly bound: number
}

export const OVER_ROWS_TABLES = ['back', 'rows', 'tiles', 'held', 'progress', 'swept'] as const

/** A row with its results, as often as it is there. */
interface Said {
  readonly row: FoldRow
  readonly results: readonly Value[]
}

export class OverRows implements Operator {
  readonly #plan: OverRowsPlan
  readonly #tiles: TilePlan
  readonly #lastRows: RowAggregates
  /** By result: whether it is over rows, and its place among those. */
  readonly #sources: readonly (readonly [isOverRows: boolean, place: number])[]
  readonly #tables: TileStoreTables
  readonly #back: KeyedTable
  readonly #store: TileStore
  readonly #sweep: Sweep
  readonly #arrivals: Arrivals
  readonly #output: RowOutput
  readonly #hasSpans: boolean
  readonly #kinds: readonly FieldKind[]
  readonly #keyKinds: readonly FieldKind[]
  /** Which of a row's values the tiles take. */
  readonly #columns: readonly number[]
  #changes = 0

  constructor(plan: OverRowsPlan, context: OperatorContext) {
    this.#plan = plan
    const { input, output, keys, aggregates } = plan
    const all = Object.entries(aggregates)
    const overRows = all.filter(([, { rows }]) => rows !== undefined)
    const overSpans = all.filter(([, { rows }]) => rows === undefined)
    this.#sources = all.map((one) => {
      const isOverRows = one[1].rows !== undefined
      return [isOverRows, (isOverRows ? overRows : overSpans).indexOf(one)]
    })
    const spanned = overSpans.map(([name, one]) => [name, { ...one, over: one.over ?? null }] as const)
    this.#hasSpans = overSpans.length > 0
    this.#tiles = planTiles(input, keys, Object.fromEntries(spanned))
    this.#lastRows = rowAggregates(
      input,
      input.names,
      overRows.map(([, one]) => one),
    )
    this.#tables = { rows: context.table('rows'), tiles: context.table('tiles'), progress: context.table('progress') }
    this.#back = context.table('back')
    this.#store = new TileStore(this.#tiles, this.#tables)
    this.#sweep = new Sweep(this.#back, context.table('swept'))
    this.#arrivals = new Arrivals({ ...plan, columns: input.names }, context)
    this.#output = new RowOutput(output, context.emit)
    this.#kinds = input.names.map((name) => input.fields[name]!.kind)
    this.#keyKinds = keys.map((name) => input.fields[name]!.kind)
    this.#columns = indexesOf(input, this.#tiles.columns)
  }

  open([watermark]: readonly Timestamp[]): void {
    this.#arrivals.open(watermark!)
    this.#store.open()
    this.#sweep.open()
  }

  onBatch(batch: Batch): void {
    this.#arrivals.put(batch)
  }

  advance([watermark]: readonly Timestamp[], budget: Budget): boolean {
    const done = this.#arrivals.take(watermark!, budget, (groups) => this.#takeIn(groups, budget))
    this.#output.end()
    if (!done) return false
    this.#prune(watermark! - this.#plan.bound)
    return true
  }

  flush(): void {
    this.#arrivals.save()
    this.#store.save()
    this.#sweep.save()
  }

  memoryBytes(): number {
    return this.#arrivals.memoryBytes
  }

  digest(): number {
    const changes = combineHash(this.#changes, this.#store.changes)
    this.#changes = 0
    this.#store.changes = 0
    return changes
  }

  #takeIn(groups: UpdatesByKey, budget: Budget): void {
    for (const [key, updates] of groups) {
      const added = settled(updates)
      if (added.length === 0) continue
      this.#sweep.cameIn(added.length)
      const back = new RowsBack(this.#back, key, this.#kinds)
      const [from, to] = [added[0]!.time, added.at(-1)!.time]
      const before = this.#saidFrom(key, back, from, to)
      for (const row of added) this.#changes = combineHash(this.#changes, checksum(back.add(row).key))
      if (this.#hasSpans) this.#store.take(key, added.map(this.#tiled))
      this.#sayDifference(before, this.#saidFrom(key, back, from, to), budget)
    }
  }

  /** Rows that changes from one time to another reach, with their results as they are now. */
  #saidFrom(key: Uint8Array, back: RowsBack, from: number, to: number): Map<string, Said> {
    const reach = this.#tiles.isEndless ? Number.POSITIVE_INFINITY : to + this.#tiles.longest
    const rows: FoldRow[] = []
    for (const row of back.newest()) {
      if (row.time < from) break
      rows.push(row)
    }
    const said = new Map<string, Said>()
    // The oldest first: how many rows there are since the last change.
    let since = 0
    for (const row of rows.reverse()) {
      if (row.time > to) since += Math.max(0, row.diff)
      if (row.time >= reach && row.time > to && since >= this.#lastRows.longest) break
      said.set(placeText(row), { row, results: row.diff > 0 ? this.#resultsOf(key, back, row) : [] })
    }
    return said
  }

  readonly #tiled = (row: FoldRow): FoldRow => ({ ...row, values: this.#columns.map((c) => row.values[c]!) })

  #resultsOf(key: Uint8Array, back: RowsBack, row: FoldRow): Value[] {
    const overRows = this.#lastRows.longest === 0 ? [] : this.#lastRows.resultsOf(back.back(row))
    const { rows, tiles } = this.#tables
    const read = { rows, tiles, scratch: () => new ScratchTable() }
    const spans = this.#hasSpans ? spanAggregatesAt(this.#tiles, read, key, row.time, Number.NEGATIVE_INFINITY) : null
    return this.#sources.map(([isOverRows, place]) => (isOverRows ? overRows[place]! : spans!.values[place]!))
  }

  #sayDifference(before: Map<string, Said>, now: Map<string, Said>, budget: Budget): void {
    for (const [text, { row, results }] of before) {
      const next = now.get(text)
      if (next !== undefined && next.row.diff === row.diff && textOf(next.results) === textOf(results)) now.delete(text)
      else if (row.diff > 0) this.#say(row, results, -row.diff, budget)
    }
    for (const { row, results } of now.values()) if (row.diff > 0) this.#say(row, results, row.diff, budget)
  }

  #say({ values, origin }: FoldRow, results: readonly Value[], diff: number, budget: Budget): void {
    const from = origin === '' ? undefined : Buffer.from(origin, 'latin1')
    this.#output.push([...values, ...results], diff, from)
    spend(budget, Math.abs(diff), valuesBytes(values) + valuesBytes(results))
  }

  /** Drops rows that no later one can reach, a part of them each time. */
  #prune(horizon: number): void {
    this.#store.prune(horizon - this.#tiles.longest)
    for (const key of this.#sweep.nextGroups(this.#keyKinds))
      this.#pruneKey(new RowsBack(this.#back, key, this.#kinds), horizon)
  }

  #pruneKey(back: RowsBack, horizon: number): void {
    let left = this.#lastRows.longest - 1
    const over: FoldRow[] = []
    for (const row of back.before(horizon)) {
      if (left <= 0) over.push(row)
      left -= Math.max(0, row.diff)
    }
    for (const row of over) back.remove(row)
  }
}

const placeText = ({ time, origin, values }: FoldRow): string => `${time} ${origin} ${textOf(values)}`
