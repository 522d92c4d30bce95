/**
 * Answers from outside (clock, randomness, calls) are taken once and journaled in the marker; a replay is given the same
 * answers in the same order.
 */
import { invariant } from '../base/errors.ts'

export class Journal {
  #entries: unknown[] = []
  #replay: unknown[] | null = null

  /** The answer of `ask`, or, in a replay, what it was the first time. */
  ask<T>(ask: () => T): T {
    if (this.#replay !== null) {
      invariant(this.#replay.length > 0, 'RC-2', () => 'a replay asked for more than was journaled')
      return this.#replay.shift() as T
    }
    const answer = ask()
    this.#entries.push(answer)
    return answer
  }

  /** The answers since the last call. */
  take(): unknown[] {
    const entries = this.#entries
    this.#entries = []
    return entries
  }

  startReplay(entries: readonly unknown[]): void {
    this.#replay = [...entries]
  }

  endReplay(): void {
    this.#replay = null
  }
}
