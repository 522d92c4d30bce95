/**
 * The embedded log, the default: each sender writes files of its own and receivers read the files of their senders, so
 * that there is no shared lock and a stopped sender holds up nobody. Who may write is not decided here: a successor
 * starts only when its predecessor is certainly dead (actors/supervisor).
 */
import { corruptionError } from '../base/errors.ts'
import { type ShardId, shardFolder } from '../base/ids.ts'
import type { Files } from '../base/seam.ts'
import { EmbeddedReader, RecordCursor } from './embedded-reader.ts'
import { EmbeddedWriter } from './embedded-writer.ts'
import type { KnownLife, LogReader, LogWriter, MailboxLog, MarkerRecord } from './log.ts'
import { checkUnused, findTail, listSegments, type SegmentTail } from './segment-chain.ts'
import { isNextVisible } from './visibility.ts'

export interface EmbeddedLogOptions {
  readonly files: Files
  /** Holds a folder per sender. */
  readonly directory: string
  /** The last visible epoch of a sender, -1 while unknown. */
  readonly announced: (sender: ShardId) => number
  readonly announce: (sender: ShardId, epoch: number) => void
  /** Bytes after which a sender goes on in another file. Default: never. */
  readonly segmentBytes?: number
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
    const { files, announce, segmentBytes = Number.POSITIVE_INFINITY } = this.#options
    const directory = this.#directory(sender)
    files.makeDirectory(directory)
    const names = files.list(directory).filter((name) => name.endsWith('.seg'))
    const segments = listSegments(files, directory)
    const tail = findTail(files, segments)
    const { end } = tail
    const isLive = (path: string) => segments.some((segment) => segment.path === path && segment.firstEpoch <= end)
    const dead = names.map((name) => `${directory}/${name}`).filter((path) => !isLive(path))
    for (const path of dead) checkUnused(files, path, end)
    if (end < known.epoch) {
      throw corruptionError(
        'log',
        `the log of ${sender} ends at epoch ${end}, but epoch ${known.epoch} was visible: files in ${directory} are missing or ` +
          'cut: restore them, or the whole job from a copy, or begin afresh (--fresh)',
      )
    }
    const incarnation = 1 + Math.max(known.incarnation, ...names.map((name) => Number.parseInt(name, 10)))
    const life = { incarnation, end }
    const writer = new EmbeddedWriter(files, directory, life, segmentBytes, (epoch) => announce(sender, epoch))
    // Before the files go whose names say which incarnations there were.
    await writer.open()
    for (const path of dead) files.remove(path)
    await this.#cut(tail)
    return writer
  }

  /** Takes away what was torn: a receiver that has the segment open must not take it for the newer life's record. */
  async #cut({ end, segment, length }: SegmentTail): Promise<void> {
    const { files } = this.#options
    if (segment === null || segment.firstEpoch > end || files.size(segment.path) === length) return
    const file = files.openWrite(segment.path, length)
    try {
      await file.write([], length)
    } finally {
      file.close()
    }
  }

  reader(sender: ShardId, edges: readonly number[], partition: number, after: number): LogReader {
    const cursor = new RecordCursor(this.#options.files, this.#directory(sender), sender, after + 1)
    return new EmbeddedReader(cursor, edges, partition, (known) =>
      isNextVisible(sender, cursor.nextEpoch, this.#options.announced(sender), known),
    )
  }

  first(sender: ShardId): number {
    const [segment] = listSegments(this.#options.files, this.#directory(sender))
    return segment === undefined ? 0 : segment.firstEpoch - 1
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
    const { files, announced } = this.#options
    const segments = listSegments(files, this.#directory(sender))
    // What is not visible yet may still be lost: it takes nobody's place.
    const least = Math.min(epoch, announced(sender))
    segments.forEach((segment, i) => {
      if (segments.slice(i + 1).some((later) => later.firstEpoch <= least)) files.remove(segment.path)
    })
  }
}
