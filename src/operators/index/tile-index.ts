/**
 * Keeps the rows of a stream by key, and tiles of them, for aggregates over any span up to any time: a row is put into one
 * tile of each width, whatever the lengths of the spans. What was an extreme and is taken back is looked for anew, in the tiles
 * below. What no look-up may ask for any more goes.
 */
import { copyOf } from '../../base/bytes.ts'
import { checksum, combineHash } from '../../base/hash.ts'
import type { Timestamp } from '../../base/time.ts'
import type { Batch } from '../../records/batch.ts'
import { unpackPrefix } from '../../records/key.ts'
import type { FieldKind } from '../../records/schema.ts'
import type { KeyedTable } from '../../storage/table.ts'
import { addRow, raise } from '../fold/cell-rows.ts'
import type { FoldRow } from '../fold/fold-row.ts'
import { Recents } from '../fold/recents.ts'
import { Touched } from '../fold/touched.ts'
import type { Operator, OperatorContext } from '../operator.ts'
import { Sweep } from '../sweep.ts'
import { HistoryFloor } from './history-floor.ts'
import { keptFrom, type TilePlan } from './tile-plan.ts'
import { Block, blockKey, TILES, widthOf } from './tiles.ts'

export interface TileIndexPlan {
  readonly tiles: TilePlan
  /** How far behind the watermark look-ups may go, in microseconds. */
  readonly history: number
  /** No row is older than the watermark by more than this, in microseconds. */
  readonly bound: number
}

export class TileIndex implements Operator {
  readonly #plan: TileIndexPlan
  readonly #rowTable: KeyedTable
  readonly #tiles: KeyedTable
  readonly #floor: HistoryFloor
  readonly #rowSweep: Sweep
  readonly #tileSweep: Sweep
  readonly #touched: Touched
  readonly #keyKinds: readonly FieldKind[]
  #cameIn = 0
  #changes = 0

  constructor(plan: TileIndexPlan, context: OperatorContext) {
    this.#plan = plan
    const { input, keys, columns } = plan.tiles
    this.#rowTable = context.table('rows')
    this.#tiles = context.table('tiles')
    const progress = context.table('progress')
    this.#floor = new HistoryFloor(progress, plan)
    this.#rowSweep = new Sweep(this.#rowTable, progress, 0)
    this.#tileSweep = new Sweep(this.#tiles, progress, 1)
    this.#touched = new Touched(input, keys, columns)
    this.#keyKinds = keys.map((name) => input.fields[name]!.kind)
  }

  open([watermark]: readonly Timestamp[]): void {
    this.#rowSweep.open()
    this.#tileSweep.open()
    this.#floor.open(watermark!)
  }

  onBatch(batch: Batch): void {
    for (let row = 0; row < batch.length; row++) this.#touched.add(batch, row)
  }

  advance([watermark]: readonly Timestamp[]): boolean {
    this.#floor.move(watermark!)
    for (const [key, rows] of this.#touched.take()) this.#take(key, rows)
    if (Number.isFinite(this.#floor.at)) this.#prune(keptFrom(this.#plan.tiles, this.#floor.at))
    this.#cameIn = 0
    return true
  }

  flush(): void {
    this.#rowSweep.save()
    this.#tileSweep.save()
    this.#floor.save()
  }

  digest(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }

  #take(key: Uint8Array, rows: readonly FoldRow[]): void {
    const { levels, kinds } = this.#plan.tiles
    const stored = new Recents(this.#rowTable, key, kinds)
    for (const row of rows) {
      const place = stored.add(row)
      this.#changes = combineHash(combineHash(this.#changes, checksum(place)), row.diff >>> 0)
    }
    this.#cameIn += rows.length
    for (let level = 0; level < levels; level++) this.#takeAt(level, key, rows)
  }

  #takeAt(level: number, key: Uint8Array, rows: readonly FoldRow[]): void {
    const { cells, hasExtremes } = this.#plan.tiles
    const blocks = new Map<number, { block: Block; lost: Set<number> }>()
    for (const row of rows) {
      const tile = Math.floor(row.time / widthOf(level))
      const number = Math.floor(tile / TILES)
      let held = blocks.get(number)
      if (held === undefined) {
        const block = Block.load(cells.specs, this.#tiles, blockKey(key, level, number)) ?? new Block(cells.specs)
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
      if (packed === null) this.#tiles.remove(place)
      else this.#tiles.put(place, packed)
    }
  }

  /** From the tiles below, which are right already, or from rows. */
  #rebuild(key: Uint8Array, level: number, tile: number, block: Block, slot: number): void {
    const { cells, kinds } = this.#plan.tiles
    block.reset(slot)
    if (level > 0) {
      Block.load(cells.specs, this.#tiles, blockKey(key, level - 1, tile))?.mergeInto(block.cells, slot)
      return
    }
    const width = widthOf(level)
    for (const row of new Recents(this.#rowTable, key, kinds).within(tile * width, (tile + 1) * width - 1)) {
      addRow(cells, block.cells, slot, row, row.diff)
      if (row.diff > 0) raise(cells, block.cells, slot, row)
    }
  }

  /** Drops what was over before `kept`, but for the widest tiles where spans have no end: some of it each time. */
  #prune(kept: number): void {
    const { levels, isEndless } = this.#plan.tiles
    // Of a tile that goes on the rows stay: it may have to be built anew.
    const rowsFrom = levels === 0 ? kept : Math.floor(kept / widthOf(0)) * widthOf(0)
    for (const place of this.#rowSweep.next(this.#cameIn)) {
      const { end } = unpackPrefix(place, this.#keyKinds)
      const [time] = unpackPrefix(place.subarray(end), ['time']).values as [number]
      if (time < rowsFrom) this.#rowTable.remove(copyOf(place))
    }
    for (const place of this.#tileSweep.next(this.#cameIn)) {
      const { end } = unpackPrefix(place, this.#keyKinds)
      const [level, number] = unpackPrefix(place.subarray(end), ['int', 'int']).values as [number, number]
      const isWidest = level === levels - 1
      if (isWidest && isEndless) continue
      if ((number + 1) * widthOf(level + 1) <= kept) this.#tiles.remove(copyOf(place))
    }
  }
}
