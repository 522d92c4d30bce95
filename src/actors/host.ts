/**
 * A host: a process with a pool of workers. It runs its part of a job's shards, places them again when a worker dies,
 * and tells the supervisor what it sees. It ends when its supervisor is gone.
 */
import { toWireError } from '../base/errors.ts'
import type { Seam } from '../base/seam.ts'
import { type Board, type BoardBuffers, makeBoardBuffers } from '../mailbox/board.ts'
import { type Plan, type PlannedShard, plan } from '../topology/plan.ts'
import { explainFileError } from './file-error.ts'
import { placeShards } from './placement.ts'
import type { BoardChange, FromHost, HostConfig, ToHost } from './protocol.ts'
import { isFatal, RestartBudget } from './restart-budget.ts'
import type { ShardStatus } from './shard-actor.ts'
import type { ShardMachine } from './shard-machine.ts'
import type { RunningWorker, Workers } from './workers.ts'

/** The bell of the host's own thread; workers have the ones behind it. */
const HOST_BELL = 0

/** What the process around a host offers. */
export interface HostMachine extends ShardMachine {
  /** Starts workers, each with a heap limit in MB. */
  startWorkers(count: number, heapMb: number): Workers
}

export class Host {
  readonly #config: HostConfig
  readonly #seam: Seam
  readonly #send: (message: FromHost) => void
  readonly #plan: Plan
  readonly #own: readonly PlannedShard[]
  readonly #buffers: BoardBuffers
  readonly #board: Board
  /** What the others know of it. */
  readonly #told: number[]
  readonly #pool: Workers
  readonly #statuses = new Map<string, ShardStatus>()
  readonly #budget: RestartBudget
  #workers: (RunningWorker | null)[] = []
  #draining = false

  static async start(
    config: HostConfig,
    seam: Seam,
    machine: HostMachine,
    send: (message: FromHost) => void,
  ): Promise<Host> {
    // The threads load their code while this one loads the user's.
    const pool = machine.startWorkers(config.workers, config.heapMb)
    const topology = await machine.load(config.module, config.export)
    return new Host(config, plan(topology, config.parallelism), seam, machine, pool, send)
  }

  private constructor(
    config: HostConfig,
    whole: Plan,
    seam: Seam,
    machine: HostMachine,
    pool: Workers,
    send: (message: FromHost) => void,
  ) {
    this.#config = config
    this.#plan = whole
    this.#seam = seam
    this.#send = send
    this.#buffers = makeBoardBuffers(whole.shards.length)
    this.#own = placeShards(whole, whole.shards, config.hosts)[config.host]!
    this.#board = machine.openBoard(this.#buffers, HOST_BELL, new Set(this.#own.map((shard) => shard.cell)))
    this.#told = this.#board.nothingKnown()
    this.#pool = pool
    this.#budget = new RestartBudget(seam.clock)
  }

  /** Runs until every shard has ended, or one has failed beyond repair. */
  async run(): Promise<void> {
    const { workers } = this.#config
    const stopStatus = this.#seam.scheduler.every(200, () => this.#report())
    this.#relay().catch(() => {})
    try {
      const ends = await Promise.all(
        placeShards(this.#plan, this.#own, workers).map((shards, w) => this.#runWorker(w, shards)),
      )
      this.#report()
      // Others wait for what the last epochs said: it goes before the end does.
      this.#tellChanges()
      this.#send({ type: 'ended', outcome: ends.every((end) => end === 'finished') ? 'finished' : 'drained' })
    } catch (error) {
      this.#drain()
      this.#send({ type: 'failed', error: toWireError(error) })
    } finally {
      stopStatus()
    }
  }

  receive(message: ToHost): void {
    if (message.type === 'drain') this.#drain()
    else if (message.type === 'board') this.#board.apply(message.changes)
    else if (message.type === 'snapshot') for (const worker of this.#workers) worker?.send(message)
  }

  /** Runs one worker's shards, again and again while it dies of what a restart can mend. */
  async #runWorker(worker: number, shards: readonly PlannedShard[]): Promise<'finished' | 'drained'> {
    if (shards.length === 0) return 'finished'
    const ids = shards.map((shard) => shard.id)
    for (;;) {
      const running = this.#pool.run(
        { config: this.#config, board: this.#buffers, bell: worker + 1, shards: ids },
        (message) => {
          this.#budget.see(message.shards)
          for (const status of message.shards) this.#statuses.set(status.shard, status)
        },
      )
      this.#workers[worker] = running
      if (this.#draining) running.send({ type: 'drain' })
      try {
        return await running.ended
      } catch (thrown) {
        const error = explainFileError(thrown)
        this.#workers[worker] = null
        if (isFatal(error)) throw error
        this.#send({ type: 'worker-died', worker, shards: ids, error: toWireError(error) })
        // Somebody wants an end: what was not stored, the next start replays.
        if (this.#draining) return 'drained'
        await this.#seam.scheduler.after(this.#budget.next(`worker ${worker}`, (error as Error).message))
      }
    }
  }

  #drain(): void {
    this.#draining = true
    for (const worker of this.#workers) worker?.send({ type: 'drain' })
  }

  #report(): void {
    this.#send({ type: 'status', shards: [...this.#statuses.values()] })
  }

  #tellChanges(): void {
    if (!this.#config.relay) return
    const changes: BoardChange[] = this.#board.changes(this.#told)
    if (changes.length > 0) this.#send({ type: 'board', changes })
  }

  /** Tells the other processes what changed on the board, some hundred times a second at the most. */
  async #relay(): Promise<void> {
    if (!this.#config.relay) return
    for (;;) {
      const { moment } = this.#board
      this.#tellChanges()
      await this.#board.changedSince(moment)
      await this.#seam.scheduler.turn()
    }
  }
}
