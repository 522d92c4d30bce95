/**
 * Counts how often a life ended while it opened a shard's store: a damaged one can end the process without an error.
 * After a few such ends the store is not opened again, but rebuilt from the log.
 */
import type { Files } from '../base/seam.ts'

export const ATTEMPTS_MAX = 3

export class RecoveryAttempts {
  readonly #files: Files
  readonly #path: string

  /** @param path a file of the shard's own, beside its store */
  constructor(files: Files, path: string) {
    this.#files = files
    this.#path = path
  }

  /** Notes an attempt; returns how many before it came to nothing. */
  begin(): number {
    const before = this.#files.exists(this.#path) ? Number(Buffer.from(this.#files.read(this.#path)).toString()) : 0
    this.#files.replace(this.#path, String(before + 1))
    return before
  }

  /** The store is open and has been read. */
  succeed(): void {
    this.#files.remove(this.#path)
  }
}
