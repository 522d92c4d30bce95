/**
 * What a worker holds outside its heap: buffers and typed arrays, its own and those of users' functions. The heap's limit
 * does not count them, so a function that keeps buffers would take the whole process with it. The worker looks now and
 * then, while rows are handled too, and ends when it holds more than its limit: its memory goes with its thread, and
 * nobody else's.
 */
import { UmbelError } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'

/** The machine's part. */
export interface OffHeapMemory {
  /** Bytes that this thread alone holds outside its heap; garbage too. */
  bytes(): number
  /** Lets go of garbage: of what is young, which is cheap, or of all. */
  collect(what: 'young' | 'all'): void
}

/** The error's code. */
export const OFF_HEAP = 'off-heap'

const MB = 1 << 20

export class OffHeapWatch {
  readonly #memory: OffHeapMemory
  readonly #limitMb: number
  readonly #shards: () => readonly ShardId[]
  #isOver = false
  /** Bytes at which garbage goes: V8 by itself waits for 64 MB more than it has seen. */
  #collectAt = 0

  /** @param shards those that run here, for the message */
  constructor(memory: OffHeapMemory, limitMb: number, shards: () => readonly ShardId[]) {
    this.#memory = memory
    this.#limitMb = limitMb
    this.#shards = shards
  }

  /** @throws retryable `off-heap`, once: what ends of it is not to be disturbed */
  check(): void {
    if (this.#isOver) return
    const limit = this.#limitMb * MB
    let bytes = this.#memory.bytes()
    if (bytes <= Math.max(this.#collectAt, limit / 2)) return
    this.#memory.collect('young')
    bytes = this.#memory.bytes()
    if (bytes > (limit * 3) / 4) {
      this.#memory.collect('all')
      bytes = this.#memory.bytes()
    }
    this.#collectAt = bytes + (limit - bytes) / 4
    if (bytes <= limit) return
    this.#isOver = true
    throw new UmbelError(
      'retryable',
      OFF_HEAP,
      `the worker of ${this.#shards().join(', ')} holds ${Math.ceil(bytes / MB)} MB outside its heap, more than its limit ` +
        `of ${this.#limitMb} MB (offHeapMb): a function that keeps buffers or typed arrays? mend it, or raise the limit`,
    )
  }
}

/** Whether a worker ended of this: its error has crossed threads as a message. */
export const isOffHeap = (message: string): boolean => message.includes('(offHeapMb)')
