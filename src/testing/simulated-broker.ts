/**
 * A Kafka cluster in virtual time, as much of it as mailboxes need. Partitions are shared by all senders. A producer writes
 * a transaction to them one by one, then asks for its end; the coordinator decides, and control messages reach the
 * partitions later, each at its own time. Readers see what is committed, and nothing behind the **last stable offset**: the first
 * message of a transaction whose control message has not come. So the transaction of a sender that died holds back all
 * others, until its next life is initialised or it times out. Brokers do not fail here; their clients do, and now and then the request
 * to commit, or its answer, is lost.
 *
 * Source: Kafka's transactional messaging, KIP-98, and its fencing by producer epochs.
 */
import { fencedError, UmbelError } from '../base/errors.ts'
import type { Epoch, ShardId } from '../base/ids.ts'
import type { OutgoingRecord } from '../mailbox/log.ts'
import { copyRecord, type MemoryRecord } from '../mailbox/memory-record.ts'
import type { Life, World } from './world.ts'

/** Of the mailbox topic: the most shards that a stage may have. */
const PARTITIONS = 8
/** `transaction.timeout.ms`. */
const TIMEOUT_MS = 10_000
/** `request.timeout.ms`. */
const REQUEST_TIMEOUT_MS = 300
/** Of the commits, so many whose request or whose answer is lost. */
const LOST_SHARE = 1 / 1500
const HOP_MS = 0.3
const CONTROL_MS = 4
/** Now and then a control message takes long. */
const SLOW_CONTROL_MS = 200

class Transaction {
  state: 'open' | 'committed' | 'aborted' = 'open'
  /** Those that it has messages in, until its control message has come there. */
  readonly partitions = new Set<Partition>()
}

interface Message {
  readonly sender: ShardId
  readonly record: MemoryRecord
  readonly transaction: Transaction
}

class Partition {
  readonly #messages: Message[] = []
  #stable = 0
  readonly #visible = new Map<ShardId, Map<Epoch, MemoryRecord>>()

  /** True when no transaction holds anything back. */
  get isStable(): boolean {
    return this.#stable === this.#messages.length
  }

  append(message: Message): void {
    this.#messages.push(message)
  }

  /** A control message has come: what it held back is visible, if it was committed. @returns whether it held anything back */
  advance(): boolean {
    const before = this.#stable
    for (; !this.isStable; this.#stable++) {
      const { sender, record, transaction } = this.#messages[this.#stable]!
      if (transaction.state === 'open' || transaction.partitions.has(this)) break
      if (transaction.state === 'aborted') continue
      const records = this.#visible.get(sender) ?? new Map<Epoch, MemoryRecord>()
      this.#visible.set(sender, records.set(record.epoch, record))
    }
    return this.#stable > before
  }

  /** The last epoch of a sender that is visible here. */
  end(sender: ShardId): Epoch {
    return [...(this.#visible.get(sender)?.keys() ?? [])].at(-1) ?? 0
  }

  read(sender: ShardId, epoch: Epoch): MemoryRecord | null {
    return this.#visible.get(sender)?.get(epoch) ?? null
  }
}

/** A transactional id. */
class Producer {
  /** Its epoch, by which earlier lives are fenced. */
  epoch = 0
  /** The last epoch that the coordinator has decided to commit. */
  end: Epoch = 0
  trimmed: Epoch = 0
  transaction: Transaction | null = null
  /** Only it writes there. */
  readonly log = new Partition()
}

export class SimulatedBroker {
  readonly #world: World
  readonly #mailboxes = Array.from({ length: PARTITIONS }, () => new Partition())
  readonly #producers = new Map<ShardId, Producer>()
  readonly #waiting = new Set<() => void>()

  constructor(world: World) {
    this.#world = world
  }

  /** `InitProducerId`: fences the earlier lives of a sender, ends what they have left open, and waits until that is seen. */
  async initialise(sender: ShardId, incarnation: number, life: Life): Promise<{ incarnation: number; end: Epoch }> {
    const producer = this.#producer(sender)
    await this.#world.delay(HOP_MS, life)
    producer.epoch = Math.max(producer.epoch, incarnation) + 1
    const { epoch, transaction } = producer
    if (transaction?.state === 'open') this.#end(transaction, 'aborted')
    while ((transaction?.partitions.size ?? 0) > 0) await this.changed(life)
    if (epoch !== producer.epoch) throw fenced(sender, epoch)
    return { incarnation: epoch, end: producer.end }
  }

  /**
   * Writes a record in a transaction of its own, and commits it. What becomes of it when the life ends on the way is found
   * out by the next one.
   * @throws retryable `timeout` where nothing is heard of the commit, which may have come to pass or not
   */
  async append(sender: ShardId, epoch: number, outgoing: OutgoingRecord, life: Life): Promise<number> {
    const producer = this.#producer(sender)
    const check = () => {
      if (producer.epoch !== epoch) throw fenced(sender, epoch)
    }
    check()
    const record = copyRecord(outgoing)
    // A producer begins no transaction before all partitions have heard of the end of the one before.
    while ((producer.transaction?.partitions.size ?? 0) > 0) await this.changed(life)
    check()
    const transaction = new Transaction()
    producer.transaction = transaction
    this.#world.schedule(TIMEOUT_MS, null, () => {
      if (transaction.state !== 'open') return
      producer.epoch++
      this.#end(transaction, 'aborted')
    })
    const { random } = this.#world
    for (const partition of [...this.#mailboxes, producer.log]) {
      // A request has messages for several partitions.
      if (random() < 0.3) {
        await this.#world.delay(HOP_MS, life)
        check()
      }
      transaction.partitions.add(partition)
      partition.append({ sender, record, transaction })
    }
    await this.#world.delay(HOP_MS, life)
    check()
    const lost = random() < LOST_SHARE ? (random() < 0.5 ? 'request' : 'answer') : null
    if (lost !== 'request') {
      producer.end = record.epoch
      this.#end(transaction, 'committed')
    }
    if (lost !== null) {
      await this.#world.delay(REQUEST_TIMEOUT_MS, life)
      throw timedOut(sender, record.epoch)
    }
    await this.#world.delay(HOP_MS, life)
    return record.frames.reduce((sum, { bytes }) => sum + bytes.length, record.marker.length)
  }

  /** A record in a partition of the mailboxes; null while it is not visible there. */
  read(sender: ShardId, partition: number, epoch: Epoch): MemoryRecord | null {
    return this.#mailboxes[partition]!.read(sender, epoch)
  }

  /** The marker of an epoch in the sender's own log; null while it is not visible. */
  marker(sender: ShardId, epoch: Epoch): Uint8Array | null {
    return this.#producer(sender).log.read(sender, epoch)?.marker ?? null
  }

  end(sender: ShardId): Epoch {
    return this.#producer(sender).end
  }

  /** The last epoch in the sender's own log that is visible. */
  visibleEnd(sender: ShardId): Epoch {
    return this.#producer(sender).log.end(sender)
  }

  /** The last epoch that was trimmed. */
  trimmed(sender: ShardId): Epoch {
    return this.#producer(sender).trimmed
  }

  /** What is decided and not visible yet takes nobody's place: the last visible record stays. */
  trim(sender: ShardId, epoch: Epoch): void {
    const producer = this.#producer(sender)
    producer.trimmed = Math.max(producer.trimmed, Math.min(epoch, producer.log.end(sender)) - 1)
  }

  /** Resolves when more has become visible somewhere; never, where the life ends before. */
  changed(life: Life): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(() => this.#world.schedule(0, life, resolve)))
  }

  /** Calls back whenever more has become visible, as long as the life lasts. */
  onChange(life: Life, tell: () => void): void {
    const again = (): void => {
      void this.changed(life).then(() => {
        tell()
        again()
      })
    }
    again()
  }

  /** Brings every control message to its partition. @returns what is wrong when nobody writes any more */
  settle(): string[] {
    const transactions = [...this.#producers.values()].flatMap(({ transaction }) => transaction ?? [])
    for (const { state, partitions } of transactions)
      if (state !== 'open') for (const partition of partitions) this.#told(partition, partitions)
    const held = [...this.#mailboxes, ...[...this.#producers.values()].map(({ log }) => log)].filter(
      (one) => !one.isStable,
    )
    return held.length === 0 ? [] : [`${held.length} partitions are held back by transactions that nobody has ended`]
  }

  #end(transaction: Transaction, state: 'committed' | 'aborted'): void {
    const { random } = this.#world
    transaction.state = state
    for (const partition of transaction.partitions) {
      const most = random() < 0.03 ? SLOW_CONTROL_MS : CONTROL_MS
      this.#world.schedule(random() * most, null, () => {
        const hasMore = this.#told(partition, transaction.partitions)
        if (!hasMore && transaction.partitions.size > 0) return
        const woken = [...this.#waiting]
        this.#waiting.clear()
        for (const wake of woken) wake()
      })
    }
  }

  #told(partition: Partition, partitions: Set<Partition>): boolean {
    partitions.delete(partition)
    return partition.advance()
  }

  #producer(sender: ShardId): Producer {
    let producer = this.#producers.get(sender)
    if (producer === undefined) this.#producers.set(sender, (producer = new Producer()))
    return producer
  }
}

const timedOut = (sender: ShardId, epoch: Epoch) =>
  new UmbelError('retryable', 'timeout', `the commit of epoch ${epoch} of ${sender} timed out`)

const fenced = (sender: ShardId, epoch: number) =>
  fencedError(`producer epoch ${epoch} of ${sender} was fenced by a newer one`)
