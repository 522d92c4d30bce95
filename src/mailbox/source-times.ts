/**
 * How far the active sources of a topology have come, on the board: what an idle one follows (design, section 8). A
 * source that is idle as a whole, or has ended, holds nobody and is not followed; one not heard yet holds everybody.
 */
import type { Timestamp } from '../base/time.ts'
import type { Board } from './board.ts'

export class SourceTimes {
  readonly #board: Board
  readonly #cell: number
  readonly #cells: () => readonly number[]

  /** @param cells those of all source shards, the caller's `cell` among them */
  constructor(board: Board, cell: number, cells: () => readonly number[]) {
    this.#board = board
    this.#cell = cell
    this.#cells = cells
  }

  /** Tells the others the least watermark of this shard's active splits; null where none is active. */
  report(watermark: Timestamp | null): void {
    this.#board.setSourceTime(this.#cell, watermark ?? Number.POSITIVE_INFINITY)
  }

  /** The least watermark of all active splits; +Infinity where none is active. */
  lowest(): Timestamp {
    return Math.min(...this.#cells().map((cell) => this.#board.sourceTime(cell)))
  }
}
