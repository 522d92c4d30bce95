/**
 * Lets go of the start of a shard's log: what lies below the oldest snapshots of the shard itself and of all its
 * receivers (below the last marker, where one keeps its whole state there), and, where the embedding program reads an
 * output of it, is older than that output is kept. Nobody can ask for it any more.
 */
import type { Epoch } from '../base/ids.ts'
import type { Timestamp } from '../base/time.ts'
import type { ShardContext } from './shard-context.ts'

const TRIM_MS = 250

export class LogTrim {
  readonly #context: ShardContext
  /** How far the log was at some moments of event time, for outputs that are kept for a while. */
  readonly #moments: { epoch: Epoch; time: Timestamp }[] = []
  #bytes = 0
  #time: Timestamp = Number.NEGATIVE_INFINITY
  #trimmed: Epoch = 0
  #lookedAt = 0
  #trimming: Promise<void> | null = null

  constructor(context: ShardContext) {
    this.#context = context
  }

  /** An epoch is in the log, which has passed on all rows before `time`. */
  note(epoch: Epoch, bytes: number, time: Timestamp): void {
    if (this.#context.outputRetention === null || !Number.isFinite(this.#context.outputRetention)) return
    this.#time = time
    this.#bytes += bytes
    // A log is trimmed by whole segments: more moments than those would be of no use.
    if (this.#moments.length > 0 && this.#bytes < this.#context.limits.segmentBytes) return
    this.#bytes = 0
    this.#moments.push({ epoch, time })
  }

  /** Trims if there is something to trim, now and then. A failure is the shard's. */
  ifDue(fail: (error: unknown) => void): void {
    const { seam, log, shard } = this.#context
    const now = seam.clock.monotonic()
    if (this.#trimming !== null || now - this.#lookedAt < TRIM_MS) return
    this.#lookedAt = now
    const needed = this.#firstNeeded()
    if (needed <= this.#trimmed + 1) return
    this.#trimmed = needed - 1
    this.#trimming = log
      .trim(shard, needed)
      .catch(fail)
      .finally(() => {
        this.#trimming = null
      })
  }

  /** Resolves when no trim is under way. */
  async settled(): Promise<void> {
    await this.#trimming
  }

  /** The first epoch that somebody may still ask for. */
  #firstNeeded(): Epoch {
    const { board, cell, layout } = this.#context
    // Its own marker is compared with the snapshot's.
    const own = board.retained(cell, cell)
    return Math.min(own, this.#firstKept(), ...layout.receivers.map((receiver) => board.retained(receiver, cell) + 1))
  }

  #firstKept(): Epoch {
    const { outputRetention } = this.#context
    if (outputRetention === null) return Number.POSITIVE_INFINITY
    let first = 0
    while (this.#moments.length > 1 && this.#moments[1]!.time < this.#time - outputRetention) this.#moments.shift()
    if (this.#moments.length > 0 && this.#moments[0]!.time < this.#time - outputRetention)
      first = this.#moments[0]!.epoch
    return first
  }
}
