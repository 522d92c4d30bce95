/** The reading end of the logs in memory: one sender, one partition. */
import type { Epoch } from '../base/ids.ts'
import type { IncomingRecord, LogReader } from './log.ts'
import type { MemoryRecord } from './memory-record.ts'

/** Reads records that are held in memory. */
export class MemoryReader implements LogReader {
  readonly #read: (epoch: Epoch) => MemoryRecord | null
  readonly #isVisible: (next: number, known: number) => boolean
  readonly #edges: readonly number[]
  readonly #partition: number
  #position: number

  /** @param read the record of an epoch that was announced; null where it cannot be seen yet */
  constructor(
    read: (epoch: Epoch) => MemoryRecord | null,
    isVisible: (next: number, known: number) => boolean,
    edges: readonly number[],
    partition: number,
    after: number,
  ) {
    this.#read = read
    this.#isVisible = isVisible
    this.#edges = edges
    this.#partition = partition
    this.#position = after
  }

  get position(): number {
    return this.#position
  }

  async next(known = 0, bytesMax = Number.POSITIVE_INFINITY): Promise<IncomingRecord | null> {
    const epoch = this.#position + 1
    if (!this.#isVisible(epoch, known)) return null
    const record = this.#read(epoch)
    if (record === null) return null
    const isOwn = ({ edge }: { edge: number }) => this.#edges.includes(edge)
    const own = record.frames.filter((block) => block.partition === this.#partition && isOwn(block))
    if (own.reduce((sum, { bytes }) => sum + bytes.length, 0) > bytesMax) return null
    this.#position = epoch
    const frames = own
      // Each receiver has bytes of its own, as from a file: batches are views on them.
      .map(({ edge, bytes }) => ({ edge, bytes: Uint8Array.from(bytes) }))
    const { layout, isRetired } = record
    return { position: epoch, epoch, layout, isRetired, watermarks: record.watermarks.filter(isOwn), frames }
  }

  close(): void {}
}
