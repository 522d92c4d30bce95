/** Aggregates over spans up to a time, put together from tiles and the rows at the edges. */
import type { Value } from '../../records/column.ts'
import { packValues, unpackKey } from '../../records/key.ts'
import { type KeyedTable, prefixEnd } from '../../storage/table.ts'
import { isCollected, resultAt } from '../aggregation.ts'
import { Cell } from '../cells.ts'
import { addRow, raise } from '../fold/cell-rows.ts'
import { collectorOf } from '../fold/collect/collector-of.ts'
import type { FoldRow } from '../fold/fold-row.ts'
import { Recents } from '../fold/recents.ts'
import { keptFrom, type SpanAggregate, type TilePlan } from './tile-plan.ts'
import { Block, blockKey, TILES, widthOf } from './tiles.ts'

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
      const value = result === null ? collectedValues[collected.indexOf(one)]! : resultAt(result, cells, 0)
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
    const cells = this.#plan.cells.specs.map((spec) => new Cell(spec, 1))
    for (const cell of cells) cell.reset(0)
    this.#cover(this.#plan.levels - 1, from, to, cells)
    return cells
  }

  #cover(level: number, from: number, to: number, cells: readonly Cell[]): void {
    if (from >= to) return
    if (level < 0) return this.#addRows(from, to, cells)
    const width = widthOf(level)
    const [first, end] = [Math.ceil(from / width), Math.floor(to / width)]
    if (first >= end) return this.#cover(level - 1, from, to, cells)
    this.#addTiles(level, first, end, cells)
    this.#cover(level - 1, from, first * width, cells)
    this.#cover(level - 1, end * width, to, cells)
  }

  #addTiles(level: number, first: number, end: number, cells: readonly Cell[]): void {
    const { specs } = this.#plan.cells
    const [firstBlock, lastBlock] = [Math.floor(first / TILES), Math.floor((end - 1) / TILES)]
    const add = (block: Block, number: number) => {
      const from = number === firstBlock ? first - number * TILES : 0
      block.mergeInto(cells, 0, from, number === lastBlock ? end - number * TILES : TILES)
    }
    if (lastBlock - firstBlock < 4) {
      for (let number = firstBlock; number <= lastBlock; number++) {
        const block = Block.load(specs, this.#tiles, blockKey(this.#key, level, number))
        if (block !== null) add(block, number)
      }
      return
    }
    const from = Number.isFinite(first) ? blockKey(this.#key, level, firstBlock) : this.#levelKey(level)
    for (const [place, stored] of this.#tiles.range({ from, to: blockKey(this.#key, level, lastBlock + 1) }))
      add(Block.unpack(specs, stored), unpackKey(place.subarray(this.#key.length), ['int', 'int'])[1] as number)
  }

  #levelKey(level: number): Uint8Array {
    return Buffer.concat([this.#key, packValues([level])])
  }

  #addRows(from: number, to: number, cells: readonly Cell[]): void {
    for (const row of this.#recents.within(from, to - 1)) addToCells(this.#plan, cells, row)
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
    const [first, last] = [from, at].map((time) => Buffer.concat([this.#key, packValues([time])])) as [Buffer, Buffer]
    for (const _ of this.#rows.range({ from: first, to: prefixEnd(last) })) return true
    return false
  }
}

function addToCells({ cells: plan }: TilePlan, cells: readonly Cell[], row: FoldRow): void {
  addRow(plan, cells, 0, row, row.diff)
  if (row.diff > 0) raise(plan, cells, 0, row)
}
