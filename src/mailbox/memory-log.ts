/**
 * The log in memory: the contract of `log.ts` without files, for simulations. Whoever simulates holds the time (`step`)
 * and the deaths (`crash`); what happens in between follows from `random` alone: how long appends take, what of them a
 * death leaves behind, and what a zombie hears when it was fenced.
 */
import { corruptionError, fencedError } from '../base/errors.ts'
import type { Epoch, Incarnation, ShardId } from '../base/ids.ts'
import type { KnownLife, LogReader, LogWriter, MailboxLog, MarkerRecord, OutgoingRecord } from './log.ts'
import { MemoryReader } from './memory-reader.ts'
import type { MemoryRecord } from './memory-record.ts'
import { MemorySender } from './memory-sender.ts'
import { isNextVisible } from './visibility.ts'

export interface MemoryLogOptions {
  /** A number in [0, 1), from a seed. */
  readonly random: () => number
  /** The last visible epoch of a sender, -1 while unknown. */
  readonly announced: (sender: ShardId) => number
  readonly announce: (sender: ShardId, epoch: number) => void
  /** Steps that an append takes at the most. */
  readonly stepsMax?: number
}

const STEPS_MAX = 4

export class MemoryLog implements MailboxLog {
  readonly #options: MemoryLogOptions
  readonly #senders = new Map<ShardId, MemorySender>()

  constructor(options: MemoryLogOptions) {
    this.#options = options
  }

  /** Lets a moment pass: some of what is in flight becomes durable, is announced, and its appends resolve. */
  step(): void {
    for (const sender of this.#senders.values()) sender.step()
  }

  /** Ends a sender's life where it stands. What was not durable yet is lost, from some record on. */
  crash(sender: ShardId): void {
    this.#sender(sender).crash()
  }

  async claim(sender: ShardId, known: KnownLife): Promise<LogWriter> {
    const log = this.#sender(sender)
    const incarnation = log.claim(known)
    if (log.end < known.epoch) {
      throw corruptionError(
        'log',
        `the log of ${sender} ends at epoch ${log.end}, but epoch ${known.epoch} was visible`,
      )
    }
    return new MemoryWriter(log, incarnation, (epoch) => this.#options.announce(sender, epoch))
  }

  reader(sender: ShardId, edges: readonly number[], partition: number, after: number): LogReader {
    const isVisible = (next: number, known: number) =>
      isNextVisible(sender, next, this.#options.announced(sender), known)
    return new MemoryReader((epoch) => this.#read(sender, epoch), isVisible, edges, partition, after)
  }

  first(sender: ShardId): number {
    return this.#sender(sender).first
  }

  async *markers(sender: ShardId, from: Epoch, to: Epoch): AsyncIterable<MarkerRecord> {
    for (let epoch = from; epoch <= to; epoch++) {
      yield { epoch, marker: Uint8Array.from(this.#read(sender, epoch).marker) }
    }
  }

  async trim(sender: ShardId, epoch: Epoch): Promise<void> {
    this.#sender(sender).trim(epoch)
  }

  #read(sender: ShardId, epoch: Epoch): MemoryRecord {
    const record = this.#sender(sender).read(epoch)
    if (record !== null) return record
    throw corruptionError('log', `the log of ${sender} was visible up to epoch ${epoch} or further, but was trimmed`)
  }

  #sender(id: ShardId): MemorySender {
    const { random, stepsMax = STEPS_MAX } = this.#options
    const known = this.#senders.get(id)
    if (known !== undefined) return known
    const sender = new MemorySender(random, stepsMax)
    this.#senders.set(id, sender)
    return sender
  }
}

class MemoryWriter implements LogWriter {
  readonly incarnation: Incarnation
  readonly end: Epoch
  readonly #log: MemorySender
  readonly #announce: (epoch: Epoch) => void
  #last: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(log: MemorySender, incarnation: Incarnation, announce: (epoch: Epoch) => void) {
    this.#log = log
    this.incarnation = incarnation
    this.end = log.end
    this.#announce = announce
  }

  async append(record: OutgoingRecord): Promise<number> {
    if (this.#closed) throw fencedError(`incarnation ${this.incarnation} of this log is closed`)
    const durable = this.#log.append(record, this.incarnation)
    this.#last = durable.catch(() => {})
    const bytes = await durable
    this.#announce(record.epoch)
    return bytes
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#last
  }
}
