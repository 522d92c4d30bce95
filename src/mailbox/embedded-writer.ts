/**
 * The writing end of the embedded log: one `writev` a record, several in flight, announced in
 * order. The next segment is prepared while the current one fills, and begins when all before it is durable (MB-3).
 */
import { fencedError, invariant } from '../base/errors.ts'
import type { DurableFile, Files } from '../base/seam.ts'
import type { LogWriter, OutgoingRecord } from './log.ts'
import { encodeRecord, encodeSegmentHeader, SEGMENT_HEADER, segmentName } from './segment.ts'

export class EmbeddedWriter implements LogWriter {
  readonly incarnation: number
  readonly end: number
  readonly #files: Files
  readonly #directory: string
  readonly #announce: (epoch: number) => void
  readonly #segmentBytes: number
  #appended: number
  #durableEpoch: number
  #index = 0
  #file: DurableFile | null = null
  #position = 0
  #spare: Promise<{ file: DurableFile; index: number }> | null = null
  #placed: Promise<void> = Promise.resolve()
  #durable: Promise<void> = Promise.resolve()
  #closed = false

  constructor(
    files: Files,
    directory: string,
    life: { incarnation: number; end: number },
    segmentBytes: number,
    announce: (epoch: number) => void,
  ) {
    this.#files = files
    this.#directory = directory
    this.incarnation = life.incarnation
    this.end = life.end
    this.#appended = life.end
    this.#durableEpoch = life.end
    this.#segmentBytes = segmentBytes
    this.#announce = announce
    this.#prepare()
  }

  /** Resolves when the life has a file: from then on no other takes its incarnation. */
  async open(): Promise<void> {
    await this.#spare
  }

  async append(record: OutgoingRecord): Promise<number> {
    if (this.#closed) throw fencedError(`incarnation ${this.incarnation} of this log is closed`)
    invariant(
      record.epoch === this.#appended + 1,
      'MB-1',
      () => `the record of epoch ${record.epoch} follows that of epoch ${this.#appended}`,
    )
    this.#appended = record.epoch
    const { chunks, bytes } = encodeRecord(record, this.incarnation, this.#durableEpoch)
    let write: Promise<void> | undefined
    const before = this.#durable
    // Places are given in order of epochs; the writes themselves overlap.
    this.#placed = this.#placed.then(async () => {
      // A record that is larger than a segment has one to itself.
      if (this.#file === null || this.#position + bytes > this.#segmentBytes) {
        await before
        await this.#roll()
        chunks.unshift(
          encodeSegmentHeader({ incarnation: this.incarnation, index: this.#index, firstEpoch: record.epoch }),
        )
        write = this.#file!.write(chunks, 0)
        this.#position = SEGMENT_HEADER + bytes
      } else {
        write = this.#file.write(chunks, this.#position)
        this.#position += bytes
      }
      write.catch(() => {})
    })
    const placed = this.#placed
    const durable = (async () => {
      await placed
      await write
      await before
    })()
    this.#durable = durable
    durable.catch(() => {})
    await durable
    this.#durableEpoch = record.epoch
    this.#announce(record.epoch)
    return bytes
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#durable.catch(() => {})
    this.#file?.close()
    const spare = await this.#spare?.catch(() => null)
    spare?.file.close()
  }

  #prepare(): void {
    const index = this.#index + 1
    const path = `${this.#directory}/${segmentName(this.incarnation, index)}`
    this.#spare = this.#files.createSegment(path).then((file) => ({ file, index }))
    this.#spare.catch(() => {})
  }

  async #roll(): Promise<void> {
    this.#file?.close()
    const spare = await this.#spare!
    this.#index = spare.index
    this.#file = spare.file
    this.#prepare()
  }
}
