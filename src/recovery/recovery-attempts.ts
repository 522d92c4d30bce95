/**
 * Counts how often a life ended while it opened a shard's store: a damaged one can end the process without an error.
 * After a few such ends, or when damage was found while it was used, the store is not opened again, but replaced.
 */
import type { Files } from '../base/seam.ts'

export const ATTEMPTS_MAX = 3
const CONDEMNED = 'condemned: '

export class RecoveryAttempts {
  readonly #files: Files
  readonly #path: string

  /** @param path a file of the shard's own, beside its store */
  constructor(files: Files, path: string) {
    this.#files = files
    this.#path = path
  }

  /** Notes an attempt; returns how many before it came to nothing, or why the store was condemned. */
  begin(): number | string {
    const before = this.#read()
    if (typeof before === 'number') this.#files.replace(this.#path, String(before + 1))
    return before
  }

  /** The store is not to be opened again. */
  condemn(reason: string): void {
    this.#files.replace(this.#path, `${CONDEMNED}${reason}`)
  }

  #read(): number | string {
    if (!this.#files.exists(this.#path)) return 0
    const text = Buffer.from(this.#files.read(this.#path)).toString()
    return text.startsWith(CONDEMNED) ? text.slice(CONDEMNED.length) : Number(text)
  }

  /** The store is open and has been read. */
  succeed(): void {
    this.#files.remove(this.#path)
  }
}
