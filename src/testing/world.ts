/**
 * Simulated time and lives. Everything that takes time is a task at a moment of virtual time; tasks run one by one, and
 * between two of them all that follows by promises alone comes to rest. So a run follows from its seed.
 *
 * A life is a process or a thread: what belongs to it happens only while it lives, and waits while it is stopped.
 */
import type { Random } from './random.ts'

/** A run has some thousands. */
const TASKS_MAX = 1_000_000

/** Thrown where a life ends in the middle of its own code. */
export class LifeEnded extends Error {}

export class Life {
  readonly name: string
  readonly #parent: Life | null
  readonly #onEnd: (() => void)[] = []
  #isDead = false
  #isStopped = false
  readonly #held: HeldTask[] = []

  constructor(name: string, parent: Life | null = null) {
    this.name = name
    this.#parent = parent
    parent?.onEnd(() => this.end())
  }

  get parent(): Life | null {
    return this.#parent
  }

  get isDead(): boolean {
    return this.#isDead
  }

  get isStopped(): boolean {
    return this.#isStopped || (this.#parent?.isStopped ?? false)
  }

  /** Called once, when the life ends. */
  onEnd(run: () => void): void {
    this.#onEnd.push(run)
  }

  end(): void {
    if (this.#isDead) return
    this.#isDead = true
    for (const run of this.#onEnd) run()
  }

  /** As by SIGSTOP: its tasks wait, and are lost if it is killed before it goes on. */
  stop(): void {
    this.#isStopped = true
  }

  /** As by SIGCONT. @returns what waited, in order */
  resume(): HeldTask[] {
    this.#isStopped = false
    return this.#held.splice(0)
  }

  /** Keeps a task of this life, or of one below it, until it is resumed. */
  hold(task: HeldTask): void {
    if (this.#isStopped || this.#parent === null) this.#held.push(task)
    else this.#parent.hold(task)
  }

  /** For code of this life: goes on only while it lives. */
  check(): void {
    if (this.#isDead) throw new LifeEnded(this.name)
  }
}

/** Whose task runs, with all that follows from it by promises. */
const running: { life: Life | null } = { life: null }

/** What a user's function may know: the thread that it is called in, by which it can keep what goes with that. */
export const ownThread = (): Life | null => running.life

/** What a user's function may do: end the thread that it is called in. */
export function endOwnThread(): never {
  running.life?.end()
  throw new LifeEnded('by its own code')
}

/** A task whose life is stopped. */
export interface HeldTask {
  readonly life: Life
  readonly run: () => void
}

interface Task {
  readonly at: number
  readonly order: number
  readonly life: Life | null
  readonly run: () => void
}

export class World {
  readonly random: Random
  /** Virtual milliseconds since the start. */
  now = 0
  tasksRun = 0
  /** Binary heap by (at, order). */
  readonly #tasks: Task[] = []

  constructor(random: Random) {
    this.random = random
  }

  /** Runs a task of a life (or of nobody) after a delay; tasks of one moment run in random order. */
  schedule(delayMs: number, life: Life | null, run: () => void): void {
    this.#push({ at: this.now + delayMs, order: this.random(), life, run })
  }

  /** Wakes a stopped life: what waited happens now, in order. */
  resume(life: Life): void {
    life.resume().forEach((task, i) => this.schedule(i * 1e-6, task.life, task.run))
  }

  /** Resolves after a delay of up to `mostMs`, in the given life: never, if that ends before. */
  delay(mostMs: number, life: Life): Promise<void> {
    return new Promise((resolve) => this.schedule(this.random() * mostMs, life, resolve))
  }

  /** Runs until `isOver`, or until nothing is left, the time is up, or too much has happened: false then. */
  async run(isOver: () => boolean, untilMs: number): Promise<boolean> {
    try {
      return await this.#run(isOver, untilMs)
    } finally {
      running.life = null
    }
  }

  async #run(isOver: () => boolean, untilMs: number): Promise<boolean> {
    await rest()
    while (!isOver()) {
      const task = this.#tasks[0]
      if (task === undefined || task.at > untilMs || this.tasksRun > TASKS_MAX) {
        this.now = Math.max(this.now, Math.min(untilMs, task?.at ?? this.now))
        return false
      }
      this.#pop()
      this.now = Math.max(this.now, task.at)
      if (task.life?.isDead) continue
      if (task.life?.isStopped) {
        task.life.hold({ life: task.life, run: task.run })
        continue
      }
      this.tasksRun++
      running.life = task.life
      try {
        task.run()
      } catch (error) {
        if (!(error instanceof LifeEnded)) throw error
      }
      await rest()
    }
    return true
  }

  #push(task: Task): void {
    const heap = this.#tasks
    let at = heap.push(task) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(heap[at]!, heap[parent]!)) return
      ;[heap[parent], heap[at]] = [heap[at]!, heap[parent]!]
      at = parent
    }
  }

  #pop(): Task | undefined {
    const heap = this.#tasks
    const first = heap[0]
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return first
    heap[0] = last
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      if (left >= heap.length) return first
      const child = left + 1 < heap.length && isBefore(heap[left + 1]!, heap[left]!) ? left + 1 : left
      if (!isBefore(heap[child]!, heap[at]!)) return first
      ;[heap[at], heap[child]] = [heap[child]!, heap[at]!]
      at = child
    }
  }
}

const isBefore = (a: Task, b: Task): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

/** Every promise that is settled has been followed up when this resolves. */
const rest = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
