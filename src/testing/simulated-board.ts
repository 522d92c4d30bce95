/** A board whose bells ring in virtual time: who waits is woken after a random while, if it still lives. */
import { Board, type BoardBuffers } from '../mailbox/board.ts'
import type { Life, World } from './world.ts'

type Waiter = () => void

/** Who waits for which board. */
const waiting = new WeakMap<SharedArrayBuffer, Set<Waiter>>()

function waitersOf({ bells }: BoardBuffers): Set<Waiter> {
  let waiters = waiting.get(bells)
  if (waiters === undefined) waiting.set(bells, (waiters = new Set()))
  return waiters
}

export class SimulatedBoard extends Board {
  readonly #world: World
  readonly #life: Life
  readonly #waiters: Set<Waiter>

  constructor(world: World, life: Life, buffers: BoardBuffers, bell: number, own: ReadonlySet<number> | null) {
    super(buffers, bell, own)
    this.#world = world
    this.#life = life
    this.#waiters = waitersOf(buffers)
  }

  override ring(): void {
    this.#life.check()
    super.ring()
    const woken = [...this.#waiters]
    this.#waiters.clear()
    for (const wake of woken) wake()
  }

  override changedSince(moment: number): Promise<void> {
    if (this.moment !== moment) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiters.add(() => this.#world.schedule(this.#world.random() * 0.5, this.#life, resolve))
    })
  }
}
