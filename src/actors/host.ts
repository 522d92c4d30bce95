/**
 * A host: a process with a pool of workers. It runs its part of a job's shards, and tells the supervisor what it sees: how
 * far they are, which worker died, which one hangs. It ends when its supervisor is gone.
 */
import { toWireError, unreachable } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'
import type { Seam } from '../base/seam.ts'
import { type Board, type BoardBuffers, type KnownBoard, makeBoardBuffers } from '../mailbox/board.ts'
import { type Plan, type PlannedShard, plan } from '../topology/plan.ts'
import { placeShards } from './placement.ts'
import type { BoardChange, FromHost, HostConfig, ToStartedHost, ToWorker } from './protocol.ts'
import type { ShardStatus } from './shard-actor.ts'
import type { ShardMachine } from './shard-machine.ts'
import { WorkerSlot } from './worker-slot.ts'
import type { Workers } from './workers.ts'

/** The bell of the host's own thread; workers have the ones behind it. */
const HOST_BELL = 0

const STATUS_MS = 200

const idsOf = (shards: readonly PlannedShard[]) => shards.map(({ id }) => id)

/** What the process around a host offers. */
export interface HostMachine extends ShardMachine {
  /** Starts workers, each with a heap limit in MB. */
  startWorkers(count: number, heapMb: number): Workers
}

export class Host {
  #config: HostConfig
  readonly #seam: Seam
  readonly #send: (message: FromHost) => void
  #plan: Plan
  #own: readonly PlannedShard[] = []
  readonly #ownCells = new Set<number>()
  readonly #buffers: BoardBuffers
  readonly #board: Board
  /** What the others know of it. */
  readonly #told: KnownBoard
  readonly #pool: Workers
  readonly #statuses = new Map<string, ShardStatus>()
  readonly #slots: readonly WorkerSlot[]
  /** Of the slots: more come, where a slot whose shards have ended gets others. */
  readonly #runs: Promise<'finished' | 'drained'>[] = []
  readonly #isRunning = new Set<WorkerSlot>()
  /** Rejects when one of them comes to nothing. */
  readonly #failed: Promise<never>
  #fail!: (error: unknown) => void

  static async start(
    config: HostConfig,
    seam: Seam,
    machine: HostMachine,
    send: (message: FromHost) => void,
  ): Promise<Host> {
    // The threads load their code while this one loads the user's.
    const pool = machine.startWorkers(config.workers, config.heapMb)
    const topology = await machine.load(config.module, config.export)
    const whole = plan(topology, config.parallelism, config.rescales)
    return new Host(config, whole, seam, machine, pool, send)
  }

  private constructor(
    config: HostConfig,
    whole: Plan,
    seam: Seam,
    machine: HostMachine,
    pool: Workers,
    send: (message: FromHost) => void,
  ) {
    this.#failed = new Promise((_, reject) => {
      this.#fail = reject
    })
    this.#failed.catch(() => {})
    this.#config = config
    this.#plan = whole
    this.#seam = seam
    this.#send = send
    this.#buffers = makeBoardBuffers(config.boardShards)
    this.#takePart()
    this.#board = machine.openBoard(this.#buffers, HOST_BELL, this.#ownCells)
    this.#told = this.#board.nothingKnown()
    this.#pool = pool
    this.#slots = this.#makeSlots()
  }

  /** A disposable host goes by what others say, of its shard too: it only tries. */
  #takePart(): void {
    const { trialOf, hosts, host } = this.#config
    if (trialOf === null) this.#own = placeShards(this.#plan, this.#plan.shards, hosts)[host]!
    for (const { cell } of this.#own) this.#ownCells.add(cell)
  }

  #places(): ShardId[][] {
    return placeShards(this.#plan, this.#own, this.#config.workers).map(idsOf)
  }

  #makeSlots(): WorkerSlot[] {
    const { held, skips, trialOf } = this.#config
    const places = trialOf === null ? this.#places() : [[trialOf]]
    return places.map(
      (shards, w) =>
        new WorkerSlot(w, shards, held, skips, {
          plan: () => this.#plan,
          run: (task, onMessage) =>
            this.#pool.run({ ...task, config: this.#config, board: this.#buffers, bell: w + 1 }, onMessage),
          send: this.#send,
          onStatus: ({ shards }) => this.#note(shards),
          boardNow: () => this.#board.changes(this.#board.nothingKnown()),
        }),
    )
  }

  /** Runs until every shard has ended, or one has failed beyond repair; for trials, until it is ended. */
  async run(): Promise<void> {
    const stopStatus = this.#seam.scheduler.every(STATUS_MS, () => this.#report())
    this.#relay().catch(() => {})
    if (this.#config.trialOf !== null) return
    try {
      for (const slot of this.#slots) this.#runSlot(slot)
      const ends = await Promise.race([this.#failed, this.#allEnded()])
      this.#report()
      // Others wait for what the last epochs said: it goes before the end does.
      this.#tellChanges()
      this.#send({ type: 'ended', outcome: ends.every((end) => end === 'finished') ? 'finished' : 'drained' })
    } catch (error) {
      this.#send({ type: 'failing', error: toWireError(error) })
      // What the others have marked is stored first: the run can go on from there, with other functions too.
      this.#sendToWorkers({ type: 'drain' })
      await Promise.allSettled(this.#runs)
      this.#send({ type: 'failed', error: toWireError(error) })
    } finally {
      stopStatus()
    }
  }

  #runSlot(slot: WorkerSlot): void {
    if (this.#isRunning.has(slot)) return
    this.#isRunning.add(slot)
    const run = slot.run().finally(() => this.#isRunning.delete(slot))
    run.catch((error) => this.#fail(error))
    this.#runs.push(run)
  }

  async #allEnded(): Promise<('finished' | 'drained')[]> {
    const ends: ('finished' | 'drained')[] = []
    while (ends.length < this.#runs.length) ends.push(await this.#runs[ends.length]!)
    return ends
  }

  /** Stages have other numbers of shards: those of this host are told, and new ones run. */
  #rescale(rescales: HostConfig['rescales']): void {
    if (rescales.length <= this.#plan.layout) return
    const before = new Set(idsOf(this.#own))
    this.#config = { ...this.#config, rescales }
    this.#plan = plan(this.#plan.topology, this.#config.parallelism, rescales)
    this.#takePart()
    this.#sendToWorkers({ type: 'rescale', rescales })
    this.#places().forEach((shards, w) => {
      const added = shards.filter((shard) => !before.has(shard))
      if (added.length === 0) return
      this.#slots[w]!.add(added)
      this.#runSlot(this.#slots[w]!)
    })
  }

  receive(message: ToStartedHost): void {
    switch (message.type) {
      case 'board':
        return this.#board.apply(message.changes)
      case 'restart':
        return this.#slots[message.worker]!.restart(message.held)
      case 'rescale':
        return this.#rescale(message.rescales)
      case 'release':
        for (const slot of this.#slots) slot.release(message.shard, message.skips)
        return
      case 'try':
        this.#slots[0]!.try(message.trial).catch((error) => this.#send({ type: 'failed', error: toWireError(error) }))
        return
      case 'drain':
      case 'snapshot':
      case 'retry':
        return this.#sendToWorkers(message)
      default:
        unreachable(message)
    }
  }

  /** How far shards are is told now and then; that one is live again, at once. */
  #note(shards: readonly ShardStatus[]): void {
    const isNews = shards.some(({ shard, state }) => this.#statuses.get(shard)?.state !== state)
    for (const status of shards) this.#statuses.set(status.shard, status)
    if (isNews) this.#send({ type: 'status', shards })
  }

  #sendToWorkers(message: ToWorker): void {
    for (const slot of this.#slots) slot.send(message)
  }

  #report(): void {
    this.#slots.forEach((slot, worker) => {
      const at = slot.watch(Math.ceil(this.#config.stallMs / STATUS_MS))
      if (at === null) return
      const board = this.#board.changes(this.#board.nothingKnown())
      this.#send({ type: 'worker-hangs', worker, at, ms: this.#config.stallMs, board })
    })
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
