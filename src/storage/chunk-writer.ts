/** Puts chunks into an object store, each under the SHA-256 of its bytes, a few at once, and only those that are not there. */
import { createHash } from 'node:crypto'
import type { ObjectStore } from './object-store.ts'

/** Chunks on their way at once. */
const PUTS_MAX = 4

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

export class ChunkWriter {
  readonly #objects: ObjectStore
  readonly #nameOf: (hash: string) => string
  readonly #known: Set<string>
  readonly #puts = new Set<Promise<void>>()
  #failure: unknown = null
  /** Names of all chunks, in order. */
  readonly chunks: string[] = []
  bytes = 0
  /** Bytes of chunks that were not there before. */
  copied = 0

  /** @param known hashes of the chunks that are there */
  constructor(objects: ObjectStore, nameOf: (hash: string) => string, known: Iterable<string>) {
    this.#objects = objects
    this.#nameOf = nameOf
    this.#known = new Set(known)
  }

  /** The bytes must stay as they are. @throws what an earlier one ended with */
  async put(chunk: Uint8Array): Promise<void> {
    const hash = sha256(chunk)
    this.chunks.push(hash)
    this.bytes += chunk.length
    if (this.#known.has(hash)) return
    this.#known.add(hash)
    this.copied += chunk.length
    const put = this.#objects
      .put(this.#nameOf(hash), chunk)
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .finally(() => this.#puts.delete(put))
    this.#puts.add(put)
    await this.#settle(PUTS_MAX - 1)
  }

  /** Resolves when all are there. @throws what one ended with */
  async end(): Promise<void> {
    await this.#settle(0)
  }

  async #settle(left: number): Promise<void> {
    while (this.#puts.size > left) await Promise.race(this.#puts)
    if (this.#failure !== null) throw this.#failure
  }
}
