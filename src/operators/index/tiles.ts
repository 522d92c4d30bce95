/**
 * Tiles: what the aggregates of a key come to over spans of time of several widths, each 32 times as wide as those below,
 * so that any window is put together from a few of them and the rows at its edges, however long it is. Tiles that make up one
 * of the next width are stored together, as a block; where that one has a few rows alone, they are not stored: its rows are read. Keys: packed key, level, packed number of the block.
 * A block is stored as u32 set of tiles that have something and u32 bytes of the rest (little-endian); then per cell an f64
 * for each of these tiles, and its exponent if it is decayed; then msgpack of what one number cannot hold.
 */

import { packr } from '../../base/packr.ts'
import { packBehind } from '../../records/key.ts'
import type { KeyedTable } from '../../storage/table.ts'
import type { Cell, CellSpec } from '../cells.ts'
import { DecayedCell } from '../decayed-cell.ts'
import { isExtreme, openCells, restoreCell, type SavedCell, saveCell } from '../fold/cell-rows.ts'

/** A cell of a tile that is more than one number. */
type Rest = [tile: number, cell: number, saved: SavedCell]

const HEADER = 8

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

export const blockKey = (key: Uint8Array, level: number, number: number): Uint8Array => packBehind(key, [level, number])

/** The tiles of one block. */
export class Block {
  readonly cells: readonly Cell[]
  /** What is stored of each tile. */
  readonly #numbers: readonly Float64Array[]

  constructor(specs: readonly CellSpec[]) {
    this.cells = openCells(specs, TILES)
    this.#numbers = this.cells.flatMap((cell) =>
      cell instanceof DecayedCell ? [cell.high, cell.exponent] : [cell.high],
    )
  }

  static load(specs: readonly CellSpec[], table: Pick<KeyedTable, 'get'>, place: Uint8Array): Block | null {
    const stored = table.get(place)
    return stored === undefined ? null : new Block(specs).fill(stored)
  }

  /** What was stored, in the place of what there is. */
  fill(stored: Uint8Array): this {
    for (let tile = 0; tile < TILES; tile++) this.reset(tile)
    const view = new DataView(stored.buffer, stored.byteOffset, stored.length)
    const [tiles, restBytes] = [view.getUint32(0, true), view.getUint32(4, true)]
    let at = HEADER
    for (const numbers of this.#numbers) {
      for (let tile = 0; tile < TILES; tile++) {
        if (((tiles >>> tile) & 1) === 0) continue
        numbers[tile] = view.getFloat64(at, true)
        at += 8
      }
    }
    if (restBytes === 0) return this
    for (const [tile, c, saved] of packr.unpack(stored.subarray(at)) as Rest[]) restoreCell(this.cells[c]!, tile, saved)
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
    let [tiles, count] = [0, 0]
    for (let tile = 0; tile < TILES; tile++) {
      if (this.isEmptyAt(tile)) continue
      tiles |= 1 << tile
      count++
    }
    if (count === 0) return null
    const rest = this.#rest(tiles)
    const packed = rest.length === 0 ? null : packr.pack(rest)
    const bytes = new Uint8Array(HEADER + count * this.#numbers.length * 8 + (packed?.length ?? 0))
    const view = new DataView(bytes.buffer)
    view.setUint32(0, tiles, true)
    view.setUint32(4, packed?.length ?? 0, true)
    let at = HEADER
    for (const numbers of this.#numbers) {
      for (let tile = 0; tile < TILES; tile++) {
        if (((tiles >>> tile) & 1) === 0) continue
        view.setFloat64(at, numbers[tile]!, true)
        at += 8
      }
    }
    if (packed !== null) bytes.set(packed, at)
    return bytes
  }

  #rest(tiles: number): Rest[] {
    const rest: Rest[] = []
    this.cells.forEach((cell, c) => {
      if (!cell.isSum) return
      for (let tile = 0; tile < TILES; tile++)
        if (((tiles >>> tile) & 1) === 1 && !cell.isPlain(tile)) rest.push([tile, c, saveCell(cell, tile)])
    })
    return rest
  }

  /** Adds a tile of another block, or all of it, to a group of cells. */
  mergeInto(cells: readonly Cell[], slot: number, from = 0, to = TILES): void {
    for (let tile = from; tile < to; tile++) {
      if (this.isEmptyAt(tile)) continue
      for (let c = 0; c < cells.length; c++) cells[c]!.merge(slot, this.cells[c]!, tile)
    }
  }
}
