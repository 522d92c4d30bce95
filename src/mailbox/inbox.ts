/**
 * The receiving end of a shard's mailboxes: reads its partition of every sender's log, decodes the frames, and knows
 * each input's watermark: the least over all senders that the plan names (WM-2). A sender not heard yet counts as
 * -Infinity; one that has ended stands at +Infinity.
 */
import { corruptionError } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import { batchBytes } from '../records/batch-bytes.ts'
import { checkFrame, decodeFrame, frameBytes } from '../records/frame-decoder.ts'
import type { Schema } from '../records/schema.ts'
import type { IncomingRecord, LogReader, MailboxLog } from './log.ts'

/** A run of one sender's records: those behind position `from`, up to and including `to`. */
export interface Slice {
  readonly sender: number
  readonly from: number
  readonly to: number
}

export interface InboxEdge {
  readonly edge: number
  readonly schema: Schema
  readonly senders: readonly ShardId[]
}

/** Positions and watermarks of every sender, as they are stored and marked. */
export interface InboxState {
  readonly positions: readonly number[]
  /** By sender, then by that sender's edges, in the order of the inbox's edges. */
  readonly watermarks: readonly (readonly number[])[]
}

export interface InboxBatch {
  readonly edge: number
  readonly batch: Batch
}

/** How much is taken in at once. */
export interface FillLimits {
  readonly rows: number
  /** Of rows, as they are when they are written out. */
  readonly bytes: number
  /** Of the logs. */
  readonly fetchBytes: number
}

/** What one record brought. */
interface Taken {
  readonly rows: number
  readonly bytes: number
  readonly fetched: number
}

interface Sender {
  readonly id: ShardId
  readonly edges: readonly number[]
  reader: LogReader
  readonly watermarks: Map<number, Timestamp>
}

export class Inbox {
  readonly #log: MailboxLog
  readonly #partition: number
  readonly #edges: readonly InboxEdge[]
  readonly #senders: Sender[]
  #turn = 0

  constructor(log: MailboxLog, edges: readonly InboxEdge[], partition: number) {
    this.#log = log
    this.#partition = partition
    this.#edges = edges
    const ids = [...new Set(edges.flatMap((edge) => edge.senders))]
    this.#senders = ids.map((id) => {
      const own = edges.filter((edge) => edge.senders.includes(id)).map((edge) => edge.edge)
      return {
        id,
        edges: own,
        reader: log.reader(id, own, partition, 0),
        watermarks: new Map(own.map((edge) => [edge, Number.NEGATIVE_INFINITY])),
      }
    })
  }

  get senders(): readonly ShardId[] {
    return this.#senders.map((sender) => sender.id)
  }

  state(): InboxState {
    return {
      positions: this.#senders.map((sender) => sender.reader.position),
      watermarks: this.#senders.map((sender) => sender.edges.map((edge) => sender.watermarks.get(edge)!)),
    }
  }

  /** Goes to stored positions and watermarks. */
  restore(state: InboxState): void {
    this.#senders.forEach((sender, s) => {
      sender.reader.close()
      sender.reader = this.#log.reader(sender.id, sender.edges, this.#partition, state.positions[s]!)
      sender.edges.forEach((edge, e) => sender.watermarks.set(edge, state.watermarks[s]![e]!))
    })
  }

  /** The watermark of each edge, in the order of the inbox's edges. */
  watermarks(): Timestamp[] {
    return this.#edges.map(({ edge, senders }) =>
      this.#senders
        .filter((sender) => senders.includes(sender.id))
        .reduce((least, sender) => Math.min(least, sender.watermarks.get(edge)!), Number.POSITIVE_INFINITY),
    )
  }

  get isFinished(): boolean {
    return this.watermarks().every((watermark) => watermark === Number.POSITIVE_INFINITY)
  }

  /**
   * Hands out what is visible, sender by sender, until one of the limits is reached. The record that reaches it is taken
   * in whole; one that would fetch too much is left, unless it is the first.
   * @returns the slices read, in order; empty when nothing new is visible
   */
  async fill(limits: FillLimits, take: (batch: InboxBatch) => void): Promise<Slice[]> {
    const slices: Slice[] = []
    let [rows, bytes, fetched] = [0, 0, 0]
    const isFull = () => rows >= limits.rows || bytes >= limits.bytes || fetched >= limits.fetchBytes
    for (let tried = 0; tried < this.#senders.length && !isFull(); tried++) {
      const s = this.#turn++ % this.#senders.length
      const { reader } = this.#senders[s]!
      const from = reader.position
      while (!isFull()) {
        const left = fetched === 0 ? Number.POSITIVE_INFINITY : limits.fetchBytes - fetched
        const record = await reader.next(0, left)
        if (record === null) break
        const taken = this.#accept(s, record, take)
        rows += taken.rows
        bytes += taken.bytes
        fetched += taken.fetched
      }
      if (reader.position > from) slices.push({ sender: s, from, to: reader.position })
    }
    return slices
  }

  /** Reads the slices of a marker again, in the same order; their senders need not be up. */
  async replay(slices: readonly Slice[], take: (batch: InboxBatch) => void): Promise<void> {
    for (const { sender: s, from, to } of slices) {
      const sender = this.#senders[s]!
      if (sender.reader.position !== from) {
        sender.reader.close()
        sender.reader = this.#log.reader(sender.id, sender.edges, this.#partition, from)
      }
      while (sender.reader.position < to) {
        const record = await sender.reader.next(to)
        if (record === null) {
          throw corruptionError('log', `records up to ${to} of ${sender.id} were consumed but are not there any more`)
        }
        this.#accept(s, record, take)
      }
    }
  }

  close(): void {
    for (const sender of this.#senders) sender.reader.close()
  }

  #accept(s: number, record: IncomingRecord, take: (batch: InboxBatch) => void): Taken {
    const sender = this.#senders[s]!
    let [rows, rowsBytes, fetched] = [0, 0, 0]
    for (const { edge, bytes } of record.frames) {
      const { schema } = this.#edges.find((other) => other.edge === edge)!
      fetched += bytes.length
      for (let at = 0; at < bytes.length; ) {
        const length = frameBytes(bytes, at)
        const frame = bytes.subarray(at, length > 0 ? at + length : bytes.length)
        checkFrame(frame)
        const batch = decodeFrame(frame, schema)
        take({ edge, batch })
        rows += batch.length
        rowsBytes += batchBytes(batch)
        at += length
      }
    }
    for (const { edge, watermark } of record.watermarks) {
      if (watermark > sender.watermarks.get(edge)!) sender.watermarks.set(edge, watermark)
    }
    return { rows, bytes: rowsBytes, fetched }
  }
}
