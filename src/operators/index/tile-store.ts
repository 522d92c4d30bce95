/**
 * Rows by key, and tiles of them, for aggregates over any span up to any time: a row is put into one tile of each width, whatever
 * the lengths of the spans. What was an extreme and is taken back is looked for anew, in the tiles below.
 */
import { copyOf } from '../../base/bytes.ts'
import { checksum, combineHash } from '../../base/hash.ts'
import { unpackPrefix } from '../../records/key.ts'
import type { FieldKind } from '../../records/schema.ts'
import type { KeyedTable } from '../../storage/table.ts'
import { addRow, raise } from '../fold/cell-rows.ts'
import type { FoldRow } from '../fold/fold-row.ts'
import { Recents } from '../fold/recents.ts'
import { Sweep } from '../sweep.ts'
import type { TilePlan } from './tile-plan.ts'
import { Block, blockKey, TILES, widthOf } from './tiles.ts'

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
  #cameIn = 0
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
      const place = stored.add(row)
      this.changes = combineHash(combineHash(this.changes, checksum(place)), row.diff >>> 0)
    }
    this.#cameIn += rows.length
    for (let level = 0; level < levels; level++) this.#takeAt(level, key, rows)
  }

  #takeAt(level: number, key: Uint8Array, rows: readonly FoldRow[]): void {
    const { cells, hasExtremes } = this.#plan
    const { tiles } = this.#tables
    const blocks = new Map<number, { block: Block; lost: Set<number> }>()
    for (const row of rows) {
      const tile = Math.floor(row.time / widthOf(level))
      const number = Math.floor(tile / TILES)
      let held = blocks.get(number)
      if (held === undefined) {
        const block = Block.load(cells.specs, tiles, blockKey(key, level, number)) ?? new Block(cells.specs)
        blocks.set(number, (held = { block, lost: new Set() }))
      }
      const slot = tile - number * TILES
      addRow(cells, held.block.cells, slot, row, row.diff)
      if (!hasExtremes) continue
      if (row.diff > 0) raise(cells, held.block.cells, slot, row)
      else held.lost.add(slot)
    }
    for (const [number, { block, lost }] of blocks) {
      for (const slot of lost) this.#rebuild(key, level, number * TILES + slot, block, slot)
      const packed = block.pack()
      const place = blockKey(key, level, number)
      if (packed === null) tiles.remove(place)
      else tiles.put(place, packed)
    }
  }

  /** From the tiles below, which are right already, or from rows. */
  #rebuild(key: Uint8Array, level: number, tile: number, block: Block, slot: number): void {
    const { cells, kinds } = this.#plan
    block.reset(slot)
    if (level > 0) {
      Block.load(cells.specs, this.#tables.tiles, blockKey(key, level - 1, tile))?.mergeInto(block.cells, slot)
      return
    }
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
    // Of a tile that goes on the rows stay: it may have to be built anew.
    const rowsFrom = levels === 0 ? kept : Math.floor(kept / widthOf(0)) * widthOf(0)
    for (const place of this.#rowSweep.next(this.#cameIn)) {
      const { end } = unpackPrefix(place, this.#keyKinds)
      const [time] = unpackPrefix(place.subarray(end), ['time']).values as [number]
      if (time < rowsFrom) rows.remove(copyOf(place))
    }
    for (const place of this.#tileSweep.next(this.#cameIn)) {
      const { end } = unpackPrefix(place, this.#keyKinds)
      const [level, number] = unpackPrefix(place.subarray(end), ['int', 'int']).values as [number, number]
      if (level === levels - 1 && isEndless) continue
      if ((number + 1) * widthOf(level + 1) <= kept) tiles.remove(copyOf(place))
    }
    this.#cameIn = 0
  }
}
