/**
 * Mailboxes: the durable, ordered logs through which shards speak. One contract, three drivers (embedded files, memory,
 * later Kafka), one conformance suite (`test/conformance/mailbox/suite.ts`).
 *
 * A sender appends one record per epoch: its output frames, cut by edge and partition, and its transaction marker. The
 * record becomes visible to others as a whole, when it is durable, and in order of epochs (MB-1). A receiver reads each
 * sender's records of its partition. Positions are the driver's own: numbers that only grow, 0 before the first record.
 */
import type { Epoch, Incarnation, ShardId } from '../base/ids.ts'

/** The bytes of one or more frames for one partition of one edge. */
export interface PartitionFrames {
  readonly edge: number
  readonly partition: number
  /** Whole frames one behind the other; the length is a multiple of 8. */
  readonly chunks: readonly Uint8Array[]
}

export interface EdgeWatermark {
  readonly edge: number
  readonly watermark: number
}

/** How an epoch's output was cut, and what became of its sender. */
export interface Routing {
  /** The layout whose shards the partitions are: those of another one find nothing for them in the record. */
  readonly layout: number
  /** True of the last record of a sender that has handed over to the shards of the next generation. */
  readonly isRetired: boolean
}

/** What a sender publishes for one epoch. */
export interface OutgoingRecord extends Routing {
  readonly epoch: Epoch
  readonly watermarks: readonly EdgeWatermark[]
  readonly frames: readonly PartitionFrames[]
  readonly marker: Uint8Array
}

/** What a receiver gets of one sender's epoch: the frames of its partition, and how far the sender's time has come. */
export interface IncomingRecord extends Routing {
  readonly position: number
  readonly epoch: Epoch
  readonly watermarks: readonly EdgeWatermark[]
  /** Whole frames one behind the other, by edge; checked by the decoder. */
  readonly frames: readonly { readonly edge: number; readonly bytes: Uint8Array }[]
}

/** The writing end of one sender, in one life. */
export interface LogWriter {
  readonly incarnation: Incarnation
  /** The last epoch that is visible: the truth that recovery starts from. */
  readonly end: Epoch
  /**
   * Appends the record of the next epoch. Resolves when it and all before it are durable and visible.
   * @returns the bytes that it takes in the log
   * @throws fenced when a newer life has claimed the sender; invariant `MB-1` when an epoch is left out or comes twice
   */
  append(record: OutgoingRecord): Promise<number>
  close(): Promise<void>
}

/** Reads one sender's records of one partition, in order. */
export interface LogReader {
  /** The position of the last record read. */
  readonly position: number
  /**
   * The next visible record, or null when there is none yet.
   * @param known a position that was read before: records up to it are visible, whether or not their sender lives
   * @param bytesMax null also where the frames of the next record are larger than this
   * @throws corruption `log` when a record at or below what was announced or is known is missing or damaged, or when the
   *   log ends before what was read
   */
  next(known?: number, bytesMax?: number): Promise<IncomingRecord | null>
  close(): void
}

/** A transaction marker as it stands in the log. */
export interface MarkerRecord {
  readonly epoch: Epoch
  readonly marker: Uint8Array
}

/** What is known of a sender's earlier lives from elsewhere: the new one must lie beyond it. */
export interface KnownLife {
  readonly epoch: Epoch
  readonly incarnation: Incarnation
}

export interface MailboxLog {
  /**
   * Starts a new life of the sender: fences the earlier ones and finds the end of its log. On the embedded log the
   * earlier life must be dead already.
   * @throws corruption `log` when the log ends before `known.epoch`, which is known to have been visible, or before what
   *   the log itself proves to have been
   */
  claim(sender: ShardId, known: KnownLife): Promise<LogWriter>
  /** Reads from behind `after`. */
  reader(sender: ShardId, edges: readonly number[], partition: number, after: number): LogReader
  /** The position behind which a sender's log begins: 0 unless it was trimmed. */
  first(sender: ShardId): number
  /** The markers of epochs `from` to `to`, both included. @throws corruption `log` when one of them is gone */
  markers(sender: ShardId, from: Epoch, to: Epoch): AsyncIterable<MarkerRecord>
  /** Lets go of records below `epoch`, in whole units; the last visible record always stays. */
  trim(sender: ShardId, epoch: Epoch): Promise<void>
}
