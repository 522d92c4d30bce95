/**
 * The embedded log, the default: each sender writes files of its own and receivers read the files of their senders, so
 * that there is no shared lock and a stopped sender holds up nobody. Who may write is not decided here: a successor
 * starts only when its predecessor is certainly dead (actors/supervisor).
 */
import { corruptionError } from '../base/errors.ts'
import { type ShardId, shardFolder } from '../base/ids.ts'
import type { Files } from '../base/seam.ts'
import { EmbeddedReader, RecordCursor } from './embedded-reader.ts'
import { EmbeddedWriter, type SegmentSizes } from './embedded-writer.ts'
import type { KnownLife, LogReader, LogWriter, MailboxLog, MarkerRecord } from './log.ts'
import { findEnd, listSegments } from './segment-chain.ts'

export const SEGMENT_SIZES: SegmentSizes = { segmentBytesMin: 1 << 20, segmentBytesMax: 16 << 20 }

export interface EmbeddedLogOptions {
  readonly files: Files
  /** Holds a folder per sender. */
  readonly directory: string
  /** The last visible epoch of a sender, -1 while unknown. */
  readonly announced: (sender: ShardId) => number
  readonly announce: (sender: ShardId, epoch: number) => void
  readonly sizes?: SegmentSizes
}

export class EmbeddedLog implements MailboxLog {
  readonly #options: EmbeddedLogOptions

  constructor(options: EmbeddedLogOptions) {
    this.#options = options
  }

  #directory(sender: ShardId): string {
    return `${this.#options.directory}/${shardFolder(sender)}`
  }

  async claim(sender: ShardId, known: KnownLife): Promise<LogWriter> {
    const { files, announce, sizes = SEGMENT_SIZES } = this.#options
    const directory = this.#directory(sender)
    files.makeDirectory(directory)
    const names = files.list(directory).filter((name) => name.endsWith('.seg'))
    const segments = listSegments(files, directory)
    const end = findEnd(files, segments)
    if (end < known.epoch) {
      throw corruptionError(
        'log',
        `the log of ${sender} ends at epoch ${end}, but epoch ${known.epoch} was visible: ${directory} is damaged`,
      )
    }
    const used = new Set(segments.map((segment) => segment.path))
    for (const name of names) if (!used.has(`${directory}/${name}`)) files.remove(`${directory}/${name}`)
    const incarnation = 1 + Math.max(known.incarnation, ...names.map((name) => Number.parseInt(name, 10)))
    return new EmbeddedWriter(files, directory, { incarnation, end }, sizes, (epoch) => announce(sender, epoch))
  }

  reader(sender: ShardId, edges: readonly number[], partition: number, after: number): LogReader {
    const cursor = new RecordCursor(this.#options.files, this.#directory(sender), sender, after + 1)
    return new EmbeddedReader(cursor, edges, partition, () => this.#options.announced(sender))
  }

  async *markers(sender: ShardId, from: number, to: number): AsyncIterable<MarkerRecord> {
    const cursor = new RecordCursor(this.#options.files, this.#directory(sender), sender, from)
    try {
      for (let epoch = from; epoch <= to; epoch++) yield { epoch, marker: cursor.next().record.marker }
    } finally {
      cursor.close()
    }
  }

  async trim(sender: ShardId, epoch: number): Promise<void> {
    const segments = listSegments(this.#options.files, this.#directory(sender))
    segments.forEach((segment, i) => {
      const next = segments.slice(i + 1).map((later) => later.firstEpoch)
      if (next.length > 0 && Math.min(...next) <= epoch) this.#options.files.remove(segment.path)
    })
  }
}
