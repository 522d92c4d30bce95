/**
 * How often and how soon what died is started again: at once, then with exponential backoff while nothing comes of it, and an end to it
 * when deaths are too many, whatever comes of it.
 */
import { isDamagedStore, UmbelError } from '../base/errors.ts'
import type { Clock } from '../base/seam.ts'

const WINDOW_MS = 300_000
const RESTARTS_MAX = 20
const DELAY_MIN_MS = 50
const DELAY_MAX_MS = 5_000

const FATAL = new Set(['user', 'record', 'corruption'])

/** Errors that a restart cannot mend: the user must do something. */
export const isFatal = (error: unknown): boolean =>
  error instanceof UmbelError && !isDamagedStore(error) && (FATAL.has(error.kind) || error.code === 'RC-2')

/** A shard and how far it is. */
interface Progress {
  readonly shard: string
  readonly epoch: number
}

export class RestartBudget {
  readonly #clock: Clock
  readonly #random: () => number
  readonly #epochs = new Map<string, number>()
  #deaths: number[] = []
  #inRow = 0

  /** @param random in [0, 1): waits are jittered, so that what died together does not come back together */
  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  /** How far shards are: one that has come further since a death ends the backoff. */
  see(shards: readonly Progress[]): void {
    for (const { shard, epoch } of shards) {
      const known = this.#epochs.get(shard)
      if (known !== undefined && epoch > known) this.#inRow = 0
      if (epoch > (known ?? -1)) this.#epochs.set(shard, epoch)
    }
  }

  /**
   * Milliseconds to wait before the next start: none at first, or where something came of the last.
   * @throws invariant `restarts` when there were too many deaths of late
   */
  next(what: string, reason: string): number {
    const now = this.#clock.monotonic()
    this.#deaths = [...this.#deaths.filter((at) => now - at < WINDOW_MS), now]
    if (this.#deaths.length > RESTARTS_MAX) {
      throw new UmbelError(
        'invariant',
        'restarts',
        `${what} died ${this.#deaths.length} times in ${WINDOW_MS / 60_000} minutes, at last of: ${reason}; ` +
          'what was committed is safe: mend the cause and run again, it goes on from there',
      )
    }
    const inRow = this.#inRow++
    return inRow === 0 ? 0 : Math.min(DELAY_MAX_MS, DELAY_MIN_MS * 2 ** (inRow - 1)) * (0.75 + this.#random() / 2)
  }
}
