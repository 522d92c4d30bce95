/** The reading end of the embedded log: one sender, one partition, from the files of all its lives. */
import { corruptionError } from '../base/errors.ts'
import type { Files, ReadableFile } from '../base/seam.ts'
import type { IncomingRecord, LogReader } from './log.ts'
import { type RecordHead, SEGMENT_HEADER } from './segment.ts'
import { LOG_REMEDY, listSegments, openSegment, readHead, segmentOf } from './segment-chain.ts'

/** A record's head, and where in which file it stands. */
interface FoundRecord {
  readonly record: RecordHead
  readonly file: ReadableFile
  readonly position: number
}

/** Walks the records of a sender, whatever the partition. */
export class RecordCursor {
  readonly #files: Files
  readonly #directory: string
  readonly #sender: string
  #file: ReadableFile | null = null
  #at = 0
  #next: number

  constructor(files: Files, directory: string, sender: string, firstEpoch: number) {
    this.#files = files
    this.#directory = directory
    this.#sender = sender
    this.#next = firstEpoch
  }

  get nextEpoch(): number {
    return this.#next
  }

  /** The record of the next epoch, which must exist, and is gone past. @throws corruption `log` */
  next(): FoundRecord {
    const found = this.look()
    this.#at = found.position + found.record.bytes
    this.#next++
    return found
  }

  /** The same, without going past it. */
  look(): FoundRecord {
    const found = this.#find() ?? this.#refind()
    if (found === null) {
      throw corruptionError(
        'log',
        `the log of ${this.#sender} was visible up to epoch ${this.#next} or further, but that record is missing or damaged ` +
          `in ${this.#directory}; it was trimmed or its files were changed: ${LOG_REMEDY}`,
      )
    }
    return found
  }

  #find(): FoundRecord | null {
    if (this.#file === null) return null
    const record = readHead(this.#file, this.#at)
    if (record === null || record.epoch !== this.#next) return null
    return { record, file: this.#file, position: this.#at }
  }

  // The sender has rolled to another segment, or a newer life went on in its own.
  #refind(): FoundRecord | null {
    this.close()
    const segment = segmentOf(listSegments(this.#files, this.#directory), this.#next)
    const file = segment === undefined ? null : openSegment(this.#files, segment.path)
    if (segment === undefined || file === null) return null
    this.#file = file
    this.#at = SEGMENT_HEADER
    for (let epoch = segment.firstEpoch; epoch < this.#next; epoch++) {
      const record = readHead(file, this.#at)
      if (record === null || record.epoch !== epoch) return null
      this.#at += record.bytes
    }
    return this.#find()
  }

  close(): void {
    this.#file?.close()
    this.#file = null
  }
}

export class EmbeddedReader implements LogReader {
  readonly #cursor: RecordCursor
  readonly #edges: readonly number[]
  readonly #partition: number
  readonly #isVisible: (known: number) => boolean

  /** @param isVisible whether the next record may be read, given a position that is known to have been read */
  constructor(
    cursor: RecordCursor,
    edges: readonly number[],
    partition: number,
    isVisible: (known: number) => boolean,
  ) {
    this.#cursor = cursor
    this.#edges = edges
    this.#partition = partition
    this.#isVisible = isVisible
  }

  get position(): number {
    return this.#cursor.nextEpoch - 1
  }

  async next(known = 0, bytesMax = Number.POSITIVE_INFINITY): Promise<IncomingRecord | null> {
    if (!this.#isVisible(known)) return null
    const { record, file, position } = this.#cursor.look()
    const own = [...record.blocks()].filter(
      ({ edge, partition }) => partition === this.#partition && this.#edges.includes(edge),
    )
    if (own.reduce((sum, { bytes }) => sum + bytes, 0) > bytesMax) return null
    this.#cursor.next()
    const frames: { edge: number; bytes: Uint8Array }[] = []
    for (const block of own) {
      const bytes = new Uint8Array(Buffer.allocUnsafeSlow(block.bytes).buffer)
      file.read(position + block.offset, bytes)
      frames.push({ edge: block.edge, bytes })
    }
    const watermarks = record.watermarks.filter(({ edge }) => this.#edges.includes(edge))
    const { epoch, layout, isRetired } = record
    return { position: epoch, epoch, layout, isRetired, watermarks, frames }
  }

  close(): void {
    this.#cursor.close()
  }
}
