/**
 * Rows by key, and tiles of them, for aggregates over any span up to any time. The widest tiles are always there; a block of
 * narrower ones is there only where the tile that it makes up has more than a few rows: so what a row costs follows from how many
 * others are near it, not from the lengths of spans. What was an extreme and is taken back is looked for anew below.
 */
import { copyOf } from '../../base/bytes.ts'
import { checksum, combineHash } from '../../base/hash.ts'
import { packedTime, unpackPrefix } from '../../records/key.ts'
import type { FieldKind } from '../../records/schema.ts'
import type { KeyedTable } from '../../storage/table.ts'
import { addRow, raise } from '../fold/cell-rows.ts'
import type { FoldRow } from '../fold/fold-row.ts'
import { Recents } from '../fold/recents.ts'
import { Sweep } from '../sweep.ts'
import type { TilePlan } from './tile-plan.ts'
import { Block, blockKey, FEW_ROWS, TILES, widthOf } from './tiles.ts'

export interface TileStoreTables {
  readonly rows: KeyedTable
  readonly tiles: KeyedTable
  readonly progress: KeyedTable
}

export class TileStore {
  readonly #plan: TilePlan
  readonly #tables: TileStoreTables
  readonly #rowSweep: Sweep
  readonly #tileSweep: Sweep
  readonly #keyKinds: readonly FieldKind[]
  /** Rows under way that may take an extreme with them. */
  readonly #unsure = new Set<FoldRow>()
  /** A hash of what has changed. */
  changes = 0

  constructor(plan: TilePlan, tables: TileStoreTables) {
    this.#plan = plan
    this.#tables = tables
    this.#rowSweep = new Sweep(tables.rows, tables.progress, 0)
    this.#tileSweep = new Sweep(tables.tiles, tables.progress, 1)
    this.#keyKinds = plan.keys.map((name) => plan.input.fields[name]!.kind)
  }

  open(): void {
    this.#rowSweep.open()
    this.#tileSweep.open()
  }

  save(): void {
    this.#rowSweep.save()
    this.#tileSweep.save()
  }

  /** @param rows with the values of the plan's columns */
  take(key: Uint8Array, rows: readonly FoldRow[]): void {
    const { levels, kinds } = this.#plan
    const stored = new Recents(this.#tables.rows, key, kinds)
    for (const row of rows) {
      const { key: place, count } = stored.add(row)
      // One that comes behind its own retraction is not there.
      if (row.diff < 0 || count <= 0) this.#unsure.add(row)
      this.changes = combineHash(combineHash(this.changes, checksum(place)), row.diff >>> 0)
    }
    this.#rowSweep.cameIn(rows.length)
    this.#tileSweep.cameIn(rows.length)
    if (levels > 0) this.#takeAt(levels - 1, key, rows)
    this.#unsure.clear()
  }

  /** Into blocks of a level that are there, or come to be with the first row. */
  #takeAt(level: number, key: Uint8Array, rows: readonly FoldRow[]): void {
    const byBlock = grouped(rows, ({ time }) => Math.floor(time / widthOf(level + 1)))
    for (const [number, own] of byBlock) {
      const block = this.#load(key, level, number) ?? new Block(this.#plan.cells.specs)
      this.#takeIn(level, key, number, block, own)
      this.#put(key, level, number, block)
    }
  }

  #takeIn(level: number, key: Uint8Array, number: number, block: Block, rows: readonly FoldRow[]): void {
    const { cells, hasExtremes } = this.#plan
    const byTile = grouped(rows, ({ time }) => Math.floor(time / widthOf(level)))
    for (const [tile, own] of byTile) {
      const slot = tile - number * TILES
      const before = block.rowsIn(slot)
      for (const row of own) {
        addRow(cells, block.cells, slot, row, row.diff)
        if (hasExtremes && row.diff > 0 && !this.#unsure.has(row)) raise(cells, block.cells, slot, row)
      }
      if (level > 0) this.#takeBelow(level - 1, key, tile, { before, after: block.rowsIn(slot) }, own)
      if (hasExtremes && own.some((row) => this.#unsure.has(row))) this.#rebuild(key, level, tile, block, slot)
    }
  }

  /**
   * The block that makes up a tile. Where spans have no beginning it stays once it is there: it may stand for rows that have gone.
   * @param count of the tile's rows
   */
  #takeBelow(
    level: number,
    key: Uint8Array,
    number: number,
    count: { before: number; after: number },
    rows: readonly FoldRow[],
  ): void {
    const { isEndless } = this.#plan
    const isThere = isEndless ? this.#load(key, level, number) !== null : count.before > FEW_ROWS
    const isFull = count.after > FEW_ROWS
    if (isThere && (isFull || isEndless)) this.#takeAt(level, key, rows)
    else if (isFull) this.#build(level, key, number)
    else if (isThere) this.#drop(level, key, number)
  }

  /** A block from its rows, and those below it. */
  #build(level: number, key: Uint8Array, number: number): void {
    const block = new Block(this.#plan.cells.specs)
    const width = widthOf(level + 1)
    const recents = new Recents(this.#tables.rows, key, this.#plan.kinds)
    this.#takeIn(level, key, number, block, recents.within(number * width, (number + 1) * width - 1))
    this.#put(key, level, number, block)
  }

  /** A block, and those below it. */
  #drop(level: number, key: Uint8Array, number: number): void {
    const place = blockKey(key, level, number)
    const stored = this.#tables.tiles.get(place)
    if (stored === undefined) return
    const block = new Block(this.#plan.cells.specs).fill(stored)
    for (let slot = 0; level > 0 && slot < TILES; slot++)
      if (block.rowsIn(slot) !== 0) this.#drop(level - 1, key, number * TILES + slot)
    this.#tables.tiles.remove(place)
  }

  #load(key: Uint8Array, level: number, number: number): Block | null {
    return Block.load(this.#plan.cells.specs, this.#tables.tiles, blockKey(key, level, number))
  }

  #put(key: Uint8Array, level: number, number: number, block: Block): void {
    const packed = block.pack()
    const place = blockKey(key, level, number)
    if (packed === null) this.#tables.tiles.remove(place)
    else this.#tables.tiles.put(place, packed)
  }

  /** From the tiles below, which are right already, or from rows. */
  #rebuild(key: Uint8Array, level: number, tile: number, block: Block, slot: number): void {
    const { cells, kinds } = this.#plan
    const mayBeThere = level > 0 && (this.#plan.isEndless || block.rowsIn(slot) > FEW_ROWS)
    const below = mayBeThere ? this.#load(key, level - 1, tile) : null
    block.reset(slot)
    if (below !== null) return below.mergeInto(block.cells, slot)
    const width = widthOf(level)
    for (const row of new Recents(this.#tables.rows, key, kinds).within(tile * width, (tile + 1) * width - 1)) {
      addRow(cells, block.cells, slot, row, row.diff)
      if (row.diff > 0) raise(cells, block.cells, slot, row)
    }
  }

  /** Drops what was over before `kept`, but for the widest tiles where spans have no end: some of it each time. */
  prune(kept: number): void {
    const { levels, isEndless } = this.#plan
    const { rows, tiles } = this.#tables
    for (const place of this.#rowSweep.next()) {
      const { end } = unpackPrefix(place, this.#keyKinds)
      if (this.#isOver(place.subarray(0, end), packedTime(place.subarray(end)), kept)) rows.remove(copyOf(place))
    }
    for (const place of this.#tileSweep.next()) {
      const { end } = unpackPrefix(place, this.#keyKinds)
      const [level, number] = unpackPrefix(place.subarray(end), ['int', 'int']).values as [number, number]
      if (level === levels - 1 && isEndless) continue
      if ((number + 1) * widthOf(level + 1) <= kept) tiles.remove(copyOf(place))
    }
  }

  /** Whether a row is of no use: a tile that nothing changes any more stands for it. Of one that goes on it may be asked for. */
  #isOver(key: Uint8Array, time: number, kept: number): boolean {
    if (time >= kept) return false
    for (let level = this.#plan.levels - 1; level >= 0; level--) {
      const tile = Math.floor(time / widthOf(level))
      if ((tile + 1) * widthOf(level) <= kept) return true
      if (level === 0 || this.#load(key, level - 1, tile) === null) return false
    }
    return this.#plan.levels === 0
  }
}

function grouped(rows: readonly FoldRow[], numberOf: (row: FoldRow) => number): Map<number, FoldRow[]> {
  const groups = new Map<number, FoldRow[]>()
  for (const row of rows) {
    const number = numberOf(row)
    const known = groups.get(number)
    if (known === undefined) groups.set(number, [row])
    else known.push(row)
  }
  return groups
}
