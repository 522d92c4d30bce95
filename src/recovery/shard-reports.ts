/** What a shard tells on the board of how far it is with the logs of others, so that they can let go of them. */
import type { Epoch } from '../base/ids.ts'
import type { ShardContext } from './shard-context.ts'

export class ShardReports {
  readonly #context: ShardContext

  constructor(context: ShardContext) {
    this.#context = context
  }

  /** Everything up to these positions is stored. */
  consumed(positions: readonly number[]): void {
    const { board, cell, inbox } = this.#context
    positions.forEach((position, s) => board.setConsumed(cell, inbox.senders[s]!.cell, position))
  }

  /** From now on nothing below these will be asked for: of the senders' logs, and of the shard's own. */
  retained(epoch: Epoch, positions: readonly number[]): void {
    const { board, cell, inbox } = this.#context
    positions.forEach((position, s) => board.setRetained(cell, inbox.senders[s]!.cell, position))
    board.setRetained(cell, cell, epoch)
  }

  /** The shard has ended: nothing more is consumed. A sender's last records may hold nothing for it. */
  consumedAll(): void {
    this.consumed(this.#everything)
  }

  /** Nothing will be asked for at all. */
  retainedNothing(epoch: Epoch): void {
    this.retained(epoch, this.#everything)
  }

  get #everything(): number[] {
    return this.#context.inbox.senders.map(() => Number.MAX_SAFE_INTEGER)
  }
}
