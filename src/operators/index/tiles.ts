/**
 * Tiles: what the aggregates of a key come to over spans of time of several widths, each 32 times as wide as those below,
 * so that any window is put together from a few of them and the rows at its edges, however long it is. Tiles that make up one
 * of the next width are stored together, as a block; where that one has a few rows alone, they are not stored: its rows are read. Keys: packed key, level, packed number of the block.
 */
import { Packr } from 'msgpackr'
import { packValues } from '../../records/key.ts'
import type { KeyedTable } from '../../storage/table.ts'
import { Cell, type CellSpec } from '../cells.ts'
import { isExtreme, restoreCell, type SavedCell, saveCell } from '../fold/cell-rows.ts'

const packr = new Packr({ useRecords: false })

/** Tiles in a block. */
export const TILES = 32
/** Rows of a tile, at the most, of which there are no tiles below. */
export const FEW_ROWS = 8
const NARROWEST_BITS = 20
const LEVELS_MAX = 7

/** Microseconds of a tile of a level: about 1 s, 34 s, 18 min, 10 h, 13 d, 1 y, 36 y. */
export const widthOf = (level: number): number => 2 ** (NARROWEST_BITS + 5 * level)

/** How many levels windows of up to `longest` need; all there are where it is infinite. */
export function levelsFor(longest: number): number {
  let levels = 0
  while (levels < LEVELS_MAX && widthOf(levels) <= longest) levels++
  return levels
}

export const blockKey = (key: Uint8Array, level: number, number: number): Uint8Array =>
  Buffer.concat([key, packValues([level, number])])

/** The tiles of one block. */
export class Block {
  readonly cells: readonly Cell[]

  constructor(specs: readonly CellSpec[]) {
    this.cells = specs.map((spec) => new Cell(spec, TILES))
    for (let tile = 0; tile < TILES; tile++) this.reset(tile)
  }

  static load(specs: readonly CellSpec[], table: Pick<KeyedTable, 'get'>, place: Uint8Array): Block | null {
    const stored = table.get(place)
    return stored === undefined ? null : new Block(specs).fill(stored)
  }

  /** What was stored, in the place of what there is. */
  fill(stored: Uint8Array): this {
    for (let tile = 0; tile < TILES; tile++) this.reset(tile)
    for (const [tile, ...saved] of packr.unpack(stored) as [number, ...SavedCell[]][])
      for (let c = 0; c < saved.length; c++) restoreCell(this.cells[c]!, tile, saved[c]!)
    return this
  }

  rowsIn(tile: number): number {
    return this.cells[0]!.high[tile]!
  }

  /** Whether nothing is in a tile: rows that cancel out are not nothing while one of them is still to be taken back. */
  isEmptyAt(tile: number): boolean {
    for (const cell of this.cells) {
      if (isExtreme(cell.spec)) continue
      if (cell.high[tile] !== 0 || (cell.isSum && !cell.isPlain(tile))) return false
    }
    return true
  }

  reset(tile: number): void {
    for (const cell of this.cells) cell.reset(tile)
  }

  /** Null where no tile has anything. */
  pack(): Uint8Array | null {
    const tiles: [number, ...SavedCell[]][] = []
    for (let tile = 0; tile < TILES; tile++) {
      if (!this.isEmptyAt(tile)) tiles.push([tile, ...this.cells.map((cell) => saveCell(cell, tile))])
    }
    return tiles.length === 0 ? null : packr.pack(tiles)
  }

  /** Adds a tile of another block, or all of it, to a group of cells. */
  mergeInto(cells: readonly Cell[], slot: number, from = 0, to = TILES): void {
    for (let tile = from; tile < to; tile++) {
      if (this.isEmptyAt(tile)) continue
      cells.forEach((cell, c) => void cell.merge(slot, this.cells[c]!, tile))
    }
  }
}
