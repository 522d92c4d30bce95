/** How often and how soon what died is started again: capped exponential backoff, and an end to it. */
import { UmbelError } from '../base/errors.ts'
import type { Clock } from '../base/seam.ts'

const WINDOW_MS = 60_000
const RESTARTS_MAX = 20
const DELAY_MIN_MS = 50
const DELAY_MAX_MS = 5_000

/** Errors that a restart cannot mend: the user must do something. */
export const isFatal = (error: unknown): boolean =>
  error instanceof UmbelError
    ? error.kind === 'user' || error.kind === 'record' || error.kind === 'corruption' || error.code === 'RC-2'
    : // Errors from a worker arrive as copies: the fields survive, the class does not.
      typeof (error as UmbelError)?.kind === 'string' &&
      (['user', 'record', 'corruption'].includes((error as UmbelError).kind) || (error as UmbelError).code === 'RC-2')

export class RestartBudget {
  readonly #clock: Clock
  #deaths: number[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds to wait before the next start. @throws the error itself when there were too many deaths in a minute */
  next(error: unknown): number {
    const now = this.#clock.monotonic()
    this.#deaths = [...this.#deaths.filter((at) => now - at < WINDOW_MS), now]
    if (this.#deaths.length > RESTARTS_MAX) throw error
    return Math.min(DELAY_MAX_MS, DELAY_MIN_MS * 2 ** Math.max(0, this.#deaths.length - 1))
  }
}
