/**
 * The supervisor of a node: forks the hosts, starts them again when they die, passes the board's changes between them,
 * and ends when all have. It runs no user code beyond loading the module, and writes no shard's state.
 */
import { fromWireError, unreachable } from '../base/errors.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import { Board, type BoardBuffers, makeBoardBuffers } from '../mailbox/board.ts'
import type { Plan } from '../topology/plan.ts'
import type { FromHost, HostConfig } from './protocol.ts'
import { forkHost, type HostProcess } from './real/host-process.ts'
import type { SupervisorLock } from './real/supervisor-lock.ts'
import { RestartBudget } from './restart-budget.ts'
import type { ShardStatus } from './shard-actor.ts'

/** A death that was mended, as it is shown to people. */
export interface Death {
  readonly what: string
  readonly reason: string
}

export class Supervisor {
  readonly ended: Promise<'finished' | 'drained'>
  readonly board: BoardBuffers
  readonly deaths: Death[] = []
  readonly #config: Omit<HostConfig, 'host'>
  readonly #lock: SupervisorLock
  readonly #budget = new RestartBudget(nodeSeam.clock)
  readonly #hosts: (HostProcess | null)[]
  readonly #outcomes: ('finished' | 'drained' | null)[]
  readonly #statuses = new Map<string, ShardStatus>()
  readonly #board: Board
  #draining = false
  #resolve!: (outcome: 'finished' | 'drained') => void
  #reject!: (error: unknown) => void
  #failure: unknown

  constructor(plan: Plan, config: Omit<HostConfig, 'host'>, lock: SupervisorLock) {
    this.#config = config
    this.#lock = lock
    this.#hosts = new Array(config.hosts).fill(null)
    this.#outcomes = new Array(config.hosts).fill(null)
    this.board = makeBoardBuffers(plan.shards.length)
    this.#board = new Board(this.board, 0)
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    for (let host = 0; host < config.hosts; host++) this.#start(host)
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

  #start(host: number): void {
    const child = forkHost({
      onMessage: (message) => this.#onMessage(host, message),
      onExit: (code, signal) => this.#onExit(host, code, signal),
    })
    this.#lock.addHost(child.pid)
    this.#hosts[host] = child
    child.send({ type: 'start', config: { ...this.#config, host } })
    const known = this.#board.changes(this.#board.snapshot())
    if (this.#config.hosts > 1) child.send({ type: 'board', changes: known })
    if (this.#draining) child.send({ type: 'drain' })
  }

  #onMessage(host: number, message: FromHost): void {
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
        this.#failure ??= fromWireError(message.error)
        for (const child of this.#hosts) child?.kill('SIGKILL')
        return
      default:
        unreachable(message)
    }
  }

  #onExit(host: number, code: number | null, signal: NodeJS.Signals | null): void {
    this.#hosts[host] = null
    if (this.#outcomes[host] !== null || this.#failure !== undefined) return this.#endIfOver()
    const reason = signal === null ? `exit code ${code}` : `signal ${signal}`
    this.deaths.push({ what: `host ${host}`, reason })
    try {
      const delay = this.#budget.next(`host ${host}`, reason)
      const release = nodeSeam.scheduler.hold()
      nodeSeam.scheduler.after(delay).then(() => {
        release()
        this.#start(host)
      })
    } catch (error) {
      this.#failure = error
      this.#endIfOver()
    }
  }

  #endIfOver(): void {
    if (this.#hosts.some((host) => host !== null)) return
    if (this.#failure !== undefined) this.#reject(this.#failure)
    else this.#resolve(this.#outcomes.every((outcome) => outcome === 'finished') ? 'finished' : 'drained')
  }
}
