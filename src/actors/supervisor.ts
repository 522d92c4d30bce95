/**
 * The supervisor of a node: forks the hosts, starts them again when they die, kills those that hang, passes the board's
 * changes between them, and ends when all have. It runs no user code beyond loading the module, and writes no shard's
 * state. A host is replaced only when it was reaped, so that no shard ever has two lives at once (NZ-1).
 */
import { fromWireError, unreachable } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'
import type { Seam } from '../base/seam.ts'
import { Board, type BoardBuffers, makeBoardBuffers } from '../mailbox/board.ts'
import type { Plan } from '../topology/plan.ts'
import type { FromHost, HostConfig } from './protocol.ts'
import type { HostEvents, HostProcess } from './real/host-process.ts'
import { RestartBudget } from './restart-budget.ts'
import type { ShardStatus } from './shard-actor.ts'

/** A death that was mended, as it is shown to people. */
export interface Death {
  readonly what: string
  readonly reason: string
}

/** What the supervisor works with: the real machine's, or a simulated one's. */
export interface SupervisorServices {
  readonly seam: Seam
  readonly fork: (events: HostEvents) => HostProcess
  /** Notes a host, so that a successor of this supervisor can kill it, before it is told to do anything. */
  readonly register: (pid: number) => void
  /** A host that has said nothing for so long is killed. It speaks several times a second unless it is stopped or hangs. */
  readonly heartbeatMs: number
}

/** While a host loads the user's module it may be silent for this much longer. */
const LOADING_MS = 60_000

export class Supervisor {
  readonly ended: Promise<'finished' | 'drained'>
  readonly board: BoardBuffers
  readonly deaths: Death[] = []
  readonly #config: Omit<HostConfig, 'host'>
  readonly #services: SupervisorServices
  readonly #budget: RestartBudget
  readonly #hosts: (HostProcess | null)[]
  readonly #outcomes: ('finished' | 'drained' | null)[]
  readonly #statuses = new Map<string, ShardStatus>()
  readonly #board: Board
  /** By host: until when it must have spoken, in milliseconds of the monotonic clock. */
  readonly #deadlines: number[]
  readonly #stopWatch: () => void
  #draining = false
  #resolve!: (outcome: 'finished' | 'drained') => void
  #reject!: (error: unknown) => void
  #failure: unknown

  constructor(plan: Plan, config: Omit<HostConfig, 'host'>, services: SupervisorServices) {
    this.#config = config
    this.#services = services
    this.#budget = new RestartBudget(services.seam.clock)
    this.#deadlines = new Array(config.hosts).fill(Number.POSITIVE_INFINITY)
    this.#hosts = new Array(config.hosts).fill(null)
    this.#outcomes = new Array(config.hosts).fill(null)
    this.board = makeBoardBuffers(plan.shards.length)
    this.#board = new Board(this.board, 0)
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    for (let host = 0; host < config.hosts; host++) this.#start(host)
    this.#stopWatch = services.seam.scheduler.every(services.heartbeatMs / 4, () => this.#watch())
  }

  status(): ShardStatus[] {
    return [...this.#statuses.values()]
  }

  pids(): number[] {
    return this.#hosts.flatMap((host) => host?.pid ?? [])
  }

  /** Lets every shard come to an epoch boundary and store; `ended` resolves then. */
  drain(): void {
    this.#draining = true
    for (const host of this.#hosts) host?.send({ type: 'drain' })
  }

  /** Asks these shards for a snapshot. */
  snapshot(shards: readonly ShardId[]): void {
    for (const host of this.#hosts) host?.send({ type: 'snapshot', shards })
  }

  #start(host: number): void {
    const child = this.#services.fork({
      onMessage: (message) => this.#onMessage(host, message),
      onExit: (code, signal) => this.#onExit(host, code, signal),
    })
    this.#services.register(child.pid)
    this.#expect(host, LOADING_MS)
    this.#hosts[host] = child
    child.send({ type: 'start', config: { ...this.#config, host } })
    const known = this.#board.changes(this.#board.nothingKnown())
    if (this.#config.hosts > 1) child.send({ type: 'board', changes: known })
    if (this.#draining) child.send({ type: 'drain' })
  }

  #expect(host: number, more = 0): void {
    this.#deadlines[host] = this.#services.seam.clock.monotonic() + this.#services.heartbeatMs + more
  }

  /** SIGKILL ends a stopped process too; what follows is the same as after any death. */
  #watch(): void {
    const now = this.#services.seam.clock.monotonic()
    this.#hosts.forEach((child, host) => {
      if (child === null || now <= this.#deadlines[host]!) return
      this.deaths.push({ what: `host ${host}`, reason: `no sign of life for ${this.#services.heartbeatMs} ms` })
      this.#deadlines[host] = Number.POSITIVE_INFINITY
      child.kill('SIGKILL')
    })
  }

  #onMessage(host: number, message: FromHost): void {
    this.#expect(host)
    switch (message.type) {
      case 'board':
        this.#board.apply(message.changes)
        this.#hosts.forEach((other, h) => {
          if (h !== host) other?.send(message)
        })
        return
      case 'status':
        this.#budget.see(message.shards)
        for (const status of message.shards) this.#statuses.set(status.shard, status)
        return
      case 'worker-died':
        this.deaths.push({ what: `worker ${message.worker} of host ${host}`, reason: message.error.message })
        return
      case 'ended':
        this.#outcomes[host] = message.outcome
        this.#hosts[host]?.kill('SIGKILL')
        return
      case 'failed':
        return this.#fail(fromWireError(message.error))
      default:
        unreachable(message)
    }
  }

  #onExit(host: number, code: number | null, signal: string | null): void {
    this.#hosts[host] = null
    const wasHung = this.#deadlines[host] === Number.POSITIVE_INFINITY
    if (this.#outcomes[host] !== null || this.#failure !== undefined) return this.#endIfOver()
    const reason = signal === null ? `exit code ${code}` : `signal ${signal}`
    if (!wasHung) this.deaths.push({ what: `host ${host}`, reason })
    // Somebody wants an end: what the host had not stored, the next start replays.
    if (this.#draining) {
      this.#outcomes[host] = 'drained'
      return this.#endIfOver()
    }
    try {
      const delay = this.#budget.next(`host ${host}`, reason)
      const { scheduler } = this.#services.seam
      const release = scheduler.hold()
      scheduler.after(delay).then(() => {
        release()
        this.#start(host)
      })
    } catch (error) {
      this.#fail(error)
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    for (const child of this.#hosts) child?.kill('SIGKILL')
    this.#endIfOver()
  }

  #endIfOver(): void {
    if (this.#hosts.some((host) => host !== null)) return
    this.#stopWatch()
    if (this.#failure !== undefined) this.#reject(this.#failure)
    else this.#resolve(this.#outcomes.every((outcome) => outcome === 'finished') ? 'finished' : 'drained')
  }
}
