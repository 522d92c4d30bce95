/**
 * The senders of an inbox: how far each was read, and how far its time has come.
 *
 * The shards of a stage come in generations. Those of one are read until all of them have retired; then those of the next
 * are, from their beginning, and their time goes on where the others stood. So rows of one key keep their order, and time
 * never goes back.
 */
import type { ShardId } from '../base/ids.ts'
import type { Timestamp } from '../base/time.ts'
import type { Schema } from '../records/schema.ts'
import type { IncomingRecord, LogReader, MailboxLog } from './log.ts'

/** A shard that sends, and its number among all shards: what comes later has a larger one. */
export interface InboxSender {
  readonly id: ShardId
  readonly cell: number
}

export interface InboxEdge {
  readonly edge: number
  readonly schema: Schema
  /** The senders, generation by generation. */
  readonly senders: readonly (readonly InboxSender[])[]
}

/** Positions and watermarks of every sender. Senders that were not known then have none. */
export interface SendersState {
  readonly positions: readonly number[]
  /** By sender, then by that sender's edges, in the order of the inbox's edges. */
  readonly watermarks: readonly (readonly number[])[]
  /** Numbers of the senders that have handed over to the next generation. */
  readonly retired: readonly number[]
}

export interface Sender extends InboxSender {
  readonly edges: readonly number[]
  reader: LogReader
  readonly watermarks: Map<number, Timestamp>
  isRetired: boolean
  /** Its next record is cut for the shards that come after this inbox's. */
  hasSwitched: boolean
}

/** The senders of one stage, generation by generation. */
type Feed = Sender[][]

const hasEnded = ({ watermarks }: Sender): boolean =>
  [...watermarks.values()].every((watermark) => watermark === Number.POSITIVE_INFINITY)

const isOver = (sender: Sender): boolean => sender.isRetired || hasEnded(sender)

export class Senders {
  readonly #log: MailboxLog
  readonly #partition: number
  #edges: readonly InboxEdge[] = []
  #all: Sender[] = []
  #feeds: Feed[] = []

  constructor(log: MailboxLog, partition: number, edges: readonly InboxEdge[]) {
    this.#log = log
    this.#partition = partition
    this.learn(edges)
  }

  /** In the order in which they came to be: a number in it is a sender's for good. */
  get all(): readonly Sender[] {
    return this.#all
  }

  /** Takes over who there is: the same as before, and perhaps more. */
  learn(edges: readonly InboxEdge[]): void {
    this.#edges = edges
    const known = new Map(this.#all.map((sender) => [sender.id, sender]))
    const senderOf = (one: InboxSender): Sender => {
      const sender = known.get(one.id) ?? this.#make(one)
      known.set(one.id, sender)
      return sender
    }
    const feeds = new Map(edges.map(({ senders }) => [senders[0]!.map(({ id }) => id).join(), senders]))
    this.#feeds = [...feeds.values()].map((feed) => feed.map((generation) => generation.map(senderOf)))
    this.#all = [...known.values()].sort((a, b) => a.cell - b.cell)
    this.#succeed()
  }

  state(): SendersState {
    return {
      positions: this.#all.map((sender) => sender.reader.position),
      watermarks: this.#all.map((sender) => sender.edges.map((edge) => sender.watermarks.get(edge)!)),
      retired: this.#all.flatMap((sender, s) => (sender.isRetired ? [s] : [])),
    }
  }

  /** Goes to stored positions and watermarks. */
  restore(state: SendersState): void {
    this.#all.forEach((sender, s) => {
      this.seek(sender, state.positions[s] ?? 0)
      const watermarks = state.watermarks[s]
      sender.edges.forEach((edge, e) => sender.watermarks.set(edge, watermarks?.[e] ?? Number.NEGATIVE_INFINITY))
      sender.isRetired = state.retired.includes(s)
      sender.hasSwitched = false
    })
    this.#succeed()
  }

  /** Reads on from behind a position. */
  seek(sender: Sender, position: number): void {
    sender.reader.close()
    sender.reader = this.#log.reader(sender.id, sender.edges, this.#partition, position)
  }

  /** Whether there may be more of it now. */
  isRead(sender: Sender): boolean {
    return !sender.isRetired && !sender.hasSwitched && this.#current(sender).includes(sender)
  }

  /** A record was read: time goes on, and perhaps it was the sender's last. */
  hear(sender: Sender, { watermarks, isRetired }: Pick<IncomingRecord, 'watermarks' | 'isRetired'>): void {
    for (const { edge, watermark } of watermarks) {
      if (watermark > sender.watermarks.get(edge)!) sender.watermarks.set(edge, watermark)
    }
    sender.isRetired = isRetired
    if (isOver(sender)) this.#succeed()
  }

  /** True when every sender has come to its end, or to where it turns to the shards that come after this inbox's. */
  get haveAllTurned(): boolean {
    return this.#feeds.every((feed) => currentOf(feed).every((sender) => sender.hasSwitched || isOver(sender)))
  }

  /** The watermark of each edge, in the order of the inbox's edges. */
  watermarks(): Timestamp[] {
    return this.#edges.map(({ edge }) => {
      const feed = this.#feeds.find(([first]) => first![0]!.edges.includes(edge))!
      return leastOf(currentOf(feed), edge)
    })
  }

  close(): void {
    for (const sender of this.#all) sender.reader.close()
  }

  #make({ id, cell }: InboxSender): Sender {
    const edges = this.#edges
      .filter(({ senders }) => senders.some((generation) => generation.some((sender) => sender.id === id)))
      .map(({ edge }) => edge)
    return {
      id,
      cell,
      edges,
      reader: this.#log.reader(id, edges, this.#partition, 0),
      watermarks: new Map(edges.map((edge) => [edge, Number.NEGATIVE_INFINITY])),
      isRetired: false,
      hasSwitched: false,
    }
  }

  #current(sender: Sender): readonly Sender[] {
    return currentOf(this.#feeds.find((feed) => feed.some((generation) => generation.includes(sender)))!)
  }

  /** Where all of a generation have gone, time goes on with the next. */
  #succeed(): void {
    for (const feed of this.#feeds) {
      feed.forEach((generation, g) => {
        const before = feed[g - 1]
        if (before === undefined || !before.every(isOver)) return
        for (const { edges, watermarks } of generation) {
          for (const edge of edges) watermarks.set(edge, Math.max(watermarks.get(edge)!, leastOf(before, edge)))
        }
      })
    }
  }
}

/** The generation that is read: the first of which not all have gone, or the last. */
const currentOf = (feed: Feed): readonly Sender[] =>
  feed.find((generation) => !generation.every(isOver)) ?? feed.at(-1)!

const leastOf = (senders: readonly Sender[], edge: number): Timestamp =>
  senders.reduce((least, { watermarks }) => Math.min(least, watermarks.get(edge)!), Number.POSITIVE_INFINITY)
