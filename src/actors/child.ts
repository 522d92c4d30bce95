/** Something that a supervisor has started and starts again: its state, and what its restarts may cost. */
import { createActor } from 'xstate'
import type { Seam } from '../base/seam.ts'
import { type ChildEvent, childMachine } from './child.machine.ts'
import { RestartBudget } from './restart-budget.ts'
import type { ShardStatus } from './shard-actor.ts'

export class Child {
  readonly what: string
  readonly #machine = createActor(childMachine)
  readonly #budget: RestartBudget

  constructor(what: string, { clock, random }: Seam) {
    this.what = what
    this.#budget = new RestartBudget(clock, random)
    this.#machine.start()
  }

  get state(): string {
    return String(this.#machine.getSnapshot().value)
  }

  send(event: ChildEvent['type']): void {
    this.#machine.send({ type: event })
  }

  see(shards: readonly ShardStatus[]): void {
    this.#budget.see(shards)
  }

  /** It is dead. @returns milliseconds until it may start again @throws invariant `restarts` when it died too often */
  died(reason: string): number {
    this.send('DIED')
    try {
      return this.#budget.next(this.what, reason)
    } catch (error) {
      this.send('GIVEN_UP')
      throw error
    }
  }
}
