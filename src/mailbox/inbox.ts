/**
 * The receiving end of a shard's mailboxes: reads its partition of every sender's log, decodes the frames, and knows
 * each input's watermark: the least over all senders that the plan names (WM-2, `senders.ts`). A sender not heard yet
 * counts as -Infinity; one that has ended stands at +Infinity.
 */
import { corruptionError } from '../base/errors.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import { batchBytes } from '../records/batch-bytes.ts'
import { checkFrame, decodeFrame, frameBytes } from '../records/frame-decoder.ts'
import type { Schema } from '../records/schema.ts'
import type { IncomingRecord, MailboxLog } from './log.ts'
import { type InboxEdge, type InboxSender, type Sender, Senders, type SendersState } from './senders.ts'

/** A run of one sender's records: those behind position `from`, up to and including `to`. */
export interface Slice {
  readonly sender: number
  readonly from: number
  readonly to: number
}

/** What has been taken in so far, as it is stored and marked. */
export interface InboxState extends SendersState {
  /** The last order to take a dead letter once more that was carried out; see `recovery/retries.ts`. */
  readonly retried: number
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

export class Inbox {
  readonly #senders: Senders
  readonly #schemas: Map<number, Schema>
  /** The first layout in which the inbox's shard has no part any more. */
  #until = Number.POSITIVE_INFINITY
  /** The newest layout that the shard has heard of: for whom one that is newer is cut it cannot know. */
  #known = Number.POSITIVE_INFINITY
  #turn = 0
  retried = 0

  constructor(log: MailboxLog, edges: readonly InboxEdge[], partition: number) {
    this.#senders = new Senders(log, partition, edges)
    this.#schemas = new Map(edges.map(({ edge, schema }) => [edge, schema]))
  }

  get senders(): readonly InboxSender[] {
    return this.#senders.all
  }

  /**
   * The stages that send have more shards now, and this inbox's shard reads only what is cut before `until`.
   * @param known the newest layout that there is; a record of a newer one waits until it is known, too
   */
  learn(edges: readonly InboxEdge[], until = Number.POSITIVE_INFINITY, known = Number.POSITIVE_INFINITY): void {
    this.#senders.learn(edges)
    this.#until = until
    this.#known = known
  }

  state(): InboxState {
    return { ...this.#senders.state(), retried: this.retried }
  }

  /** Goes to what was stored. */
  restore(state: InboxState): void {
    this.#senders.restore(state)
    this.retried = state.retried
  }

  /** The watermark of each edge, in the order of the inbox's edges. */
  watermarks(): Timestamp[] {
    return this.#senders.watermarks()
  }

  get isFinished(): boolean {
    return this.watermarks().every((watermark) => watermark === Number.POSITIVE_INFINITY)
  }

  /** True when all was read that is cut for this inbox's shard: the rest is for the shards of the next generation. */
  get isHandedOver(): boolean {
    return this.#until < Number.POSITIVE_INFINITY && this.#senders.haveAllTurned
  }

  /**
   * Hands out what is visible, sender by sender, until one of the limits is reached. The record that reaches it is taken
   * in whole; one that would fetch too much is left, unless it is the first.
   * @returns the slices read, in order; empty when nothing new is visible
   */
  async fill(limits: FillLimits, take: (batch: InboxBatch) => void): Promise<Slice[]> {
    const slices: Slice[] = []
    const { all } = this.#senders
    let [rows, bytes, fetched] = [0, 0, 0]
    const isFull = () => rows >= limits.rows || bytes >= limits.bytes || fetched >= limits.fetchBytes
    for (let tried = 0; tried < all.length && !isFull(); tried++) {
      const s = this.#turn++ % all.length
      const sender = all[s]!
      if (!this.#senders.isRead(sender)) continue
      const from = sender.reader.position
      while (!isFull()) {
        const left = fetched === 0 ? Number.POSITIVE_INFINITY : limits.fetchBytes - fetched
        const record = await this.#next(sender, left)
        if (record === null) break
        const taken = this.#accept(sender, record, take)
        rows += taken.rows
        bytes += taken.bytes
        fetched += taken.fetched
      }
      if (sender.reader.position > from) slices.push({ sender: s, from, to: sender.reader.position })
    }
    return slices
  }

  /** Reads the slices of a marker again, in the same order; their senders need not be up. */
  async replay(slices: readonly Slice[], take: (batch: InboxBatch) => void): Promise<void> {
    for (const { sender: s, from, to } of slices) {
      const sender = this.#senders.all[s]!
      if (sender.reader.position !== from) this.#senders.seek(sender, from)
      while (sender.reader.position < to) {
        const record = await sender.reader.next(to)
        if (record === null) {
          throw corruptionError('log', `records up to ${to} of ${sender.id} were consumed but are not there any more`)
        }
        this.#accept(sender, record, take)
      }
    }
  }

  close(): void {
    this.#senders.close()
  }

  /** The next record that is cut for this inbox's shard. */
  async #next(sender: Sender, bytesMax: number): Promise<IncomingRecord | null> {
    if (sender.isRetired) return null
    const { position } = sender.reader
    const record = await sender.reader.next(0, bytesMax)
    if (record === null || (record.layout < this.#until && record.layout <= this.#known)) return record
    this.#senders.seek(sender, position)
    sender.hasSwitched = record.layout >= this.#until
    return null
  }

  #accept(sender: Sender, record: IncomingRecord, take: (batch: InboxBatch) => void): Taken {
    let [rows, rowsBytes, fetched] = [0, 0, 0]
    for (const { edge, bytes } of record.frames) {
      const schema = this.#schemas.get(edge)!
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
    this.#senders.hear(sender, record)
    return { rows, bytes: rowsBytes, fetched }
  }
}
