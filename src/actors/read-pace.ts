/**
 * How many rows a source asks for next: as many as what came of the last ones lets fit into its budgets, and few at the
 * start. A function of the user's may make a wide row of a narrow one, and a reader may not count bytes; that shows only
 * afterwards. A source is never replayed, so this may follow from what was seen.
 */
import type { ReadLimits } from '../recovery/program.ts'

const FIRST_ROWS = 256
/** Rows may have grown wider since: each step is not much larger than the one before. */
const GROWTH = 4

export class ReadPace {
  #rows = FIRST_ROWS

  /** Rows to ask for. */
  rows({ epochRowsMax }: ReadLimits): number {
    return Math.min(this.#rows, epochRowsMax)
  }

  /** What was asked for and came: rows, their bytes as read, and as they went on. */
  told(limits: ReadLimits, rows: number, bytesIn: number, bytesOut: number): void {
    if (rows === 0) return
    const fitting = Math.min((limits.batchBytesMax * rows) / bytesIn, (limits.outboxBytesMax * rows) / bytesOut)
    this.#rows = Math.max(1, Math.floor(Math.min(fitting, this.rows(limits) * GROWTH)))
  }
}
