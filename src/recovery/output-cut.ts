/**
 * How a shard's output is cut for its receivers, epoch by epoch, as their number changes; and whether somebody waits to
 * hear of it.
 */
import type { ShardContext } from './shard-context.ts'

export class OutputCut {
  readonly #context: ShardContext
  /** The layout of the last epoch, which others know, and the next one's. */
  #said: number
  #next: number

  /** @param last the layout of the last marker; null before the first */
  constructor(context: ShardContext, last: number | null) {
    this.#context = context
    this.#said = last ?? context.layout.since
    this.#next = last ?? context.layout.current
    context.outbox.reroute(context.layout.routes(this.#next))
  }

  /** Goes over to the newest layout. Between epochs: a source puts rows out as soon as it reads them. */
  renew(): void {
    const { layout, outbox } = this.#context
    if (this.#next === layout.current) return
    this.#next = layout.current
    outbox.reroute(layout.routes(this.#next))
  }

  /** An epoch goes out: returns the layout that it is cut for. */
  say(): number {
    this.#said = this.#next
    return this.#said
  }

  /** All that was meant for the shard is read; the rest is for those of the next generation. */
  get isHandedOver(): boolean {
    const { program, inbox, layout } = this.#context
    return program.read === undefined ? inbox.isHandedOver : layout.until < Number.POSITIVE_INFINITY
  }

  /** Others wait for an epoch, even one without rows: it is cut in another way, or it is the last. */
  get mustSpeak(): boolean {
    const { program, inbox, layout } = this.#context
    const isOver = program.read === undefined && inbox.isFinished
    return isOver || this.isHandedOver || layout.differ(this.#said, layout.current)
  }
}
