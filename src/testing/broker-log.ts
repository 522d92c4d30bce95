/** The mailbox log on a simulated Kafka cluster, as one process of a node sees it. */
import { corruptionError, fencedError, invariant } from '../base/errors.ts'
import type { Epoch, Incarnation, ShardId } from '../base/ids.ts'
import type { KnownLife, LogReader, LogWriter, MailboxLog, MarkerRecord, OutgoingRecord } from '../mailbox/log.ts'
import { MemoryReader } from '../mailbox/memory-reader.ts'
import { isNextVisible } from '../mailbox/visibility.ts'
import type { SeenLogs } from '../recovery/last-marker.ts'
import type { SimulatedBroker } from './simulated-broker.ts'
import { Life } from './world.ts'

export interface BrokerLogOptions {
  readonly broker: SimulatedBroker
  readonly life: Life
  readonly announced: (sender: ShardId) => number
  readonly announce: (sender: ShardId, epoch: number) => void
}

export class BrokerLog implements MailboxLog {
  readonly #options: BrokerLogOptions

  constructor(options: BrokerLogOptions) {
    this.#options = options
  }

  async claim(sender: ShardId, known: KnownLife): Promise<LogWriter> {
    const { broker, life } = this.#options
    const claimed = await broker.initialise(sender, known.incarnation, life)
    if (claimed.end < known.epoch) {
      throw corruptionError(
        'log',
        `the log of ${sender} ends at epoch ${claimed.end}, but epoch ${known.epoch} was visible`,
      )
    }
    return new BrokerWriter(this.#options, sender, claimed)
  }

  reader(sender: ShardId, edges: readonly number[], partition: number, after: number): LogReader {
    const { broker, announced } = this.#options
    const isVisible = (next: number, known: number) => isNextVisible(sender, next, announced(sender), known)
    // What was announced has been decided; here it may come later, when no transaction holds it back any more.
    const read = (epoch: Epoch) => {
      if (epoch <= broker.trimmed(sender)) throw trimmed(sender, epoch)
      return broker.read(sender, partition, epoch)
    }
    return new MemoryReader(read, isVisible, edges, partition, after)
  }

  first(sender: ShardId): number {
    return this.#options.broker.trimmed(sender)
  }

  async *markers(sender: ShardId, from: Epoch, to: Epoch): AsyncIterable<MarkerRecord> {
    const { broker, life } = this.#options
    for (let epoch = from; epoch <= to; epoch++) {
      if (epoch <= broker.trimmed(sender)) throw trimmed(sender, epoch)
      if (epoch > broker.end(sender)) throw corruptionError('log', `the log of ${sender} has no epoch ${epoch}`)
      let marker = broker.marker(sender, epoch)
      for (; marker === null; marker = broker.marker(sender, epoch)) await broker.changed(life)
      yield { epoch, marker: Uint8Array.from(marker) }
    }
  }

  async trim(sender: ShardId, epoch: Epoch): Promise<void> {
    this.#options.broker.trim(sender, epoch)
  }
}

/** The logs on a cluster, as somebody beside the run sees them: what is committed, and not held back. */
export const brokerLogs = (broker: SimulatedBroker): SeenLogs => ({
  log: new BrokerLog({ broker, life: new Life('reader'), announced: () => -1, announce: () => {} }),
  end: (shard) => broker.visibleEnd(shard),
})

class BrokerWriter implements LogWriter {
  readonly incarnation: Incarnation
  readonly end: Epoch
  readonly #options: BrokerLogOptions
  readonly #sender: ShardId
  /** A producer has one transaction at a time. */
  #last: Promise<unknown> = Promise.resolve()
  #epoch: Epoch
  #isClosed = false

  constructor(options: BrokerLogOptions, sender: ShardId, claimed: { incarnation: Incarnation; end: Epoch }) {
    this.#options = options
    this.#sender = sender
    this.incarnation = claimed.incarnation
    this.end = claimed.end
    this.#epoch = claimed.end
  }

  append(record: OutgoingRecord): Promise<number> {
    const { broker, life, announce } = this.#options
    if (this.#isClosed) return Promise.reject(fencedError(`incarnation ${this.incarnation} of this log is closed`))
    const last = this.#epoch++
    invariant(
      record.epoch === last + 1,
      'MB-1',
      () => `the record of epoch ${record.epoch} follows that of epoch ${last}`,
    )
    // Once one has failed, nothing that comes behind it may be there.
    const appended = this.#last.then(() => broker.append(this.#sender, this.incarnation, record, life))
    this.#last = appended
    appended.catch(() => {})
    return appended.then((bytes) => {
      announce(this.#sender, record.epoch)
      return bytes
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#last.catch(() => {})
  }
}

const trimmed = (sender: ShardId, epoch: Epoch) =>
  corruptionError('log', `the log of ${sender} was visible up to epoch ${epoch} or further, but was trimmed`)
