/** The event time from which on an index answers: it follows the watermark, and is stored for whoever looks something up. */
import type { Timestamp } from '../../base/time.ts'
import type { KeyedTable } from '../../storage/table.ts'
import { FLOOR, packTime, unpackTime } from './versions.ts'

export class HistoryFloor {
  readonly #progress: KeyedTable
  readonly #behind: number
  at: Timestamp = Number.NEGATIVE_INFINITY

  /**
   * @param history how far behind the watermark look-ups may go, in microseconds
   * @param bound no update is older than the watermark by more than this: what it changes is kept
   */
  constructor(progress: KeyedTable, { history, bound }: { history: number; bound: number }) {
    this.#progress = progress
    this.#behind = Math.max(history, bound)
  }

  open(watermark: Timestamp): void {
    const stored = this.#progress.get(FLOOR)
    if (stored === undefined) this.move(watermark)
    else this.at = unpackTime(stored)
  }

  move(watermark: Timestamp): void {
    // At the end of the input nothing is over: it can still be asked for.
    if (watermark !== Number.POSITIVE_INFINITY) this.at = watermark - this.#behind
  }

  save(): void {
    this.#progress.put(FLOOR, packTime(this.at))
  }
}
