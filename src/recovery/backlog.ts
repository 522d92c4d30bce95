/**
 * What a shard's receivers have not stored yet, in bytes of its log: sources look at the sum over all shards and pause.
 */
import type { Board } from '../mailbox/board.ts'
import type { ShardLayout } from './shard-layout.ts'

export class Backlog {
  readonly #board: Board
  readonly #cell: number
  readonly #layout: ShardLayout
  #records: { epoch: number; bytes: number }[] = []
  #bytes = 0

  constructor(board: Board, cell: number, layout: ShardLayout) {
    this.#board = board
    this.#cell = cell
    this.#layout = layout
  }

  /** True when every receiver has stored all of it. */
  get isEmpty(): boolean {
    return this.#bytes === 0
  }

  /** A record is visible. */
  add(epoch: number, bytes: number): void {
    if (this.#layout.receivers.length === 0) return
    this.#records.push({ epoch, bytes })
    this.#bytes += bytes
  }

  /** Forgets what every receiver has stored, and tells the sources how much is left. */
  settle(): void {
    if (this.#layout.receivers.length === 0) return
    // One that has ended reads nothing more.
    const receivers = this.#layout.receivers.filter((receiver) => this.#board.ended(receiver) === 0)
    const consumed = Math.min(...receivers.map((receiver) => this.#board.consumed(receiver, this.#cell)))
    const left = this.#records.findIndex(({ epoch }) => epoch > consumed)
    const gone = this.#records.splice(0, left < 0 ? this.#records.length : left)
    for (const { bytes } of gone) this.#bytes -= bytes
    this.#board.setBacklog(this.#cell, this.#bytes)
  }
}
