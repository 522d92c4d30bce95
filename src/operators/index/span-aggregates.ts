/** Aggregates over spans up to a time, put together from tiles and the rows at the edges. */
import type { Value } from '../../records/column.ts'
import { packBehind, packValues, unpackKey } from '../../records/key.ts'
import { type KeyedTable, prefixEnd } from '../../storage/table.ts'
import { isCollected, resultAt } from '../aggregation.ts'
import type { Cell } from '../cells.ts'
import { addRow, openCells, raise } from '../fold/cell-rows.ts'
import { collectorOf } from '../fold/collect/collector-of.ts'
import type { FoldRow } from '../fold/fold-row.ts'
import { Recents } from '../fold/recents.ts'
import { keptFrom, type SpanAggregate, type TilePlan } from './tile-plan.ts'
import { Block, blockKey, FEW_ROWS, TILES, widthOf } from './tiles.ts'

/** What is read of a store. */
export interface TileTables {
  readonly rows: Pick<KeyedTable, 'range'>
  readonly tiles: Pick<KeyedTable, 'get' | 'range'>
  /** An empty table, for values that are gone through. */
  readonly scratch: () => KeyedTable
}

/** Results by aggregate, and whether any row is within their spans. */
export interface SpanResults {
  readonly values: readonly Value[]
  readonly hasRows: boolean
}

/**
 * @param floor where the history begins
 * @returns null where nothing is known of the key: none of its rows up to the time could be in the longest span of a look-up
 *   that the history allows
 */
export function spanAggregatesAt(
  plan: TilePlan,
  tables: TileTables,
  key: Uint8Array,
  at: number,
  floor: number,
): SpanResults | null {
  const reader = new SpanReader(plan, tables, key)
  const all = Object.values(plan.aggregates)
  const values: Value[] = new Array<Value>(all.length).fill(null)
  let hasRows = false
  for (const over of new Set(all.map((one) => one.over))) {
    const from = over === null ? Number.NEGATIVE_INFINITY : at - over + 1
    const cells = reader.cellsOf(from, at + 1)
    if (cells[0]!.high[0] !== 0) hasRows = true
    const collected = all.filter((one) => one.over === over && isCollected(one))
    const collectedValues = collected.length === 0 ? [] : reader.collect(collected, from, at)
    all.forEach((one, a) => {
      if (one.over !== over) return
      const result = plan.cells.results[a]!
      const value = result === null ? collectedValues[collected.indexOf(one)]! : resultAt(result, cells, 0, at)
      values[a] = value ?? one.default ?? null
    })
  }
  return hasRows || reader.hasRow(keptFrom(plan, floor), at) ? { values, hasRows } : null
}

class SpanReader {
  readonly #plan: TilePlan
  readonly #tiles: TileTables['tiles']
  readonly #rows: TileTables['rows']
  readonly #key: Uint8Array
  readonly #recents: Recents
  readonly #scratch: TileTables['scratch']

  constructor(plan: TilePlan, { rows, tiles, scratch }: TileTables, key: Uint8Array) {
    this.#plan = plan
    this.#tiles = tiles
    this.#rows = rows
    this.#key = key
    this.#scratch = scratch
    this.#recents = new Recents(rows as KeyedTable, key, plan.kinds)
  }

  /** The cells of all rows from one time up to, and without, another. */
  cellsOf(from: number, to: number): Cell[] {
    const cells = openCells(this.#plan.cells.specs, 1)
    this.#cover(this.#plan.levels - 1, from, to, cells)
    return cells
  }

  /** Adds what is from one time up to another, where the level's blocks are. */
  #cover(level: number, from: number, to: number, cells: readonly Cell[]): void {
    if (from >= to) return
    if (level < 0) return this.#addRows(from, to, cells)
    const width = widthOf(level + 1)
    if (from === Number.NEGATIVE_INFINITY) return this.#coverAll(level, to, cells)
    for (let number = Math.floor(from / width); number * width < to; number++) {
      const stored = this.#tiles.get(blockKey(this.#key, level, number))
      const [low, high] = [Math.max(from, number * width), Math.min(to, (number + 1) * width)]
      if (stored !== undefined) this.#coverIn(level, number, this.#block(level).fill(stored), low, high, cells)
      else if (level < this.#plan.levels - 1) this.#addRows(low, high, cells)
    }
  }

  /** The same from the beginning: of the widest level there are few blocks. */
  #coverAll(level: number, to: number, cells: readonly Cell[]): void {
    const last = Math.ceil(to / widthOf(level + 1))
    const levelKey = Buffer.concat([this.#key, packValues([level])])
    const end = Number.isFinite(last) ? blockKey(this.#key, level, last) : prefixEnd(levelKey)
    for (const [place, stored] of this.#tiles.range({ from: levelKey, to: end })) {
      const number = unpackKey(place.subarray(this.#key.length), ['int', 'int'])[1] as number
      const width = widthOf(level + 1)
      this.#coverIn(
        level,
        number,
        this.#block(level).fill(stored),
        number * width,
        Math.min(to, (number + 1) * width),
        cells,
      )
    }
  }

  /** One a level, which is used again by each look-up: nothing of it is kept. */
  #block(level: number): Block {
    const { blocks, cells } = this.#plan
    blocks[level] ??= new Block(cells.specs)
    return blocks[level]
  }

  /** Whole tiles of a block, and what is at the edges. */
  #coverIn(level: number, number: number, block: Block, from: number, to: number, cells: readonly Cell[]): void {
    const width = widthOf(level)
    const [first, end] = [Math.ceil(from / width), Math.floor(to / width)]
    const edge = (tile: number, low: number, high: number) => {
      if (low >= high || block.isEmptyAt(tile - number * TILES)) return
      const mayBeBelow = this.#plan.isEndless || block.rowsIn(tile - number * TILES) > FEW_ROWS
      if (mayBeBelow) this.#cover(level - 1, low, high, cells)
      else this.#addRows(low, high, cells)
    }
    if (first > end) return edge(end, from, to)
    block.mergeInto(cells, 0, first - number * TILES, end - number * TILES)
    edge(first - 1, from, first * width)
    edge(end, end * width, to)
  }

  #addRows(from: number, to: number, cells: readonly Cell[]): void {
    for (const row of this.#recents.within(from, to - 1, false)) addToCells(this.#plan, cells, row)
  }

  /** What is made of values, not of cells: all rows are gone through. */
  collect(aggregates: readonly SpanAggregate[], from: number, at: number): readonly Value[] {
    const { input, columns } = this.#plan
    const members = this.#scratch()
    const collectors = aggregates.map((one, c) =>
      collectorOf(input, columns, one)({ members, prefix: packValues([c]), saved: null }),
    )
    for (const row of this.#recents.within(from, at)) for (const one of collectors) one.apply(row, row.diff)
    return collectors.map((one) => one.value())
  }

  hasRow(from: number, at: number): boolean {
    const [first, last] = [from, at].map((time) => packBehind(this.#key, [time]))
    for (const _ of this.#rows.range({ from: first!, to: prefixEnd(last!) })) return true
    return false
  }
}

function addToCells({ cells: plan }: TilePlan, cells: readonly Cell[], row: FoldRow): void {
  addRow(plan, cells, 0, row, row.diff)
  if (row.diff > 0) raise(plan, cells, 0, row)
}
