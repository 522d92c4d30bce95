/** Keeps rows of a stream, and tiles of them, by key, for look-ups of aggregates over spans up to any time in the history. */
import type { Timestamp } from '../../base/time.ts'
import type { Batch } from '../../records/batch.ts'
import { Touched } from '../fold/touched.ts'
import type { Operator, OperatorContext } from '../operator.ts'
import { HistoryFloor } from './history-floor.ts'
import { keptFrom, type TilePlan } from './tile-plan.ts'
import { TileStore } from './tile-store.ts'

export interface TileIndexPlan {
  readonly tiles: TilePlan
  /** How far behind the watermark look-ups may go, in microseconds. */
  readonly history: number
  /** No row is older than the watermark by more than this, in microseconds. */
  readonly bound: number
}

export class TileIndex implements Operator {
  readonly #plan: TilePlan
  readonly #floor: HistoryFloor
  readonly #store: TileStore
  readonly #touched: Touched

  constructor({ tiles, ...history }: TileIndexPlan, context: OperatorContext) {
    this.#plan = tiles
    const { input, keys, columns } = tiles
    const progress = context.table('progress')
    this.#floor = new HistoryFloor(progress, history)
    this.#store = new TileStore(tiles, { rows: context.table('rows'), tiles: context.table('tiles'), progress })
    this.#touched = new Touched(input, keys, columns)
  }

  open([watermark]: readonly Timestamp[]): void {
    this.#store.open()
    this.#floor.open(watermark!)
  }

  onBatch(batch: Batch): void {
    for (let row = 0; row < batch.length; row++) this.#touched.add(batch, row)
  }

  advance([watermark]: readonly Timestamp[]): boolean {
    this.#floor.move(watermark!)
    for (const [key, rows] of this.#touched.take()) this.#store.take(key, rows)
    if (Number.isFinite(this.#floor.at)) this.#store.prune(keptFrom(this.#plan, this.#floor.at))
    return true
  }

  flush(): void {
    this.#store.save()
    this.#floor.save()
  }

  digest(): number {
    const { changes } = this.#store
    this.#store.changes = 0
    return changes
  }
}
