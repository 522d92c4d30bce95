/**
 * The supervisor of a node, the root of its tree of hosts and their workers: forks the hosts, says when what died starts
 * again, kills hosts that hang, has shards that keep dying looked into, passes the board's changes between the hosts, and
 * ends when all have. It runs no user code beyond loading the module, and writes no shard's
 * state. A host is replaced only when it was reaped, so that no shard ever has two lives at once (NZ-1).
 */
import { fromWireError, unreachable } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'
import type { Seam } from '../base/seam.ts'
import { Board, type BoardBuffers, makeBoardBuffers } from '../mailbox/board.ts'
import type { Rescale } from '../topology/generations.ts'
import { Child } from './child.ts'
import { type BoardChange, type FromHost, type HostConfig, LOADING_MS, type Place } from './protocol.ts'
import type { HostEvents, HostProcess } from './real/host-process.ts'
import type { ShardStatus } from './shard-actor.ts'
import { Suspects } from './suspects.ts'

/** A death that was mended, as it is shown to people. */
export interface Death {
  readonly what: string
  readonly reason: string
}

/** What the supervisor works with: the real machine's, or a simulated one's. */
export interface SupervisorServices {
  readonly seam: Seam
  /** Forks a host, noted so that a successor of this supervisor can kill it. */
  readonly fork: (events: HostEvents) => HostProcess
  /** A host that has said nothing for so long is killed. It speaks several times a second unless it is stopped or hangs. */
  readonly heartbeatMs: number
}

/** How long shards may take to store what they have, once the run has failed. */
const DRAIN_MS = 60_000

export class Supervisor {
  readonly ended: Promise<'finished' | 'drained'>
  readonly board: BoardBuffers
  readonly deaths: Death[] = []
  /** What was done about shards that kept dying. */
  readonly notes: string[] = []
  #config: Omit<HostConfig, 'host'>
  readonly #services: SupervisorServices
  readonly #hosts: (HostProcess | null)[]
  readonly #outcomes: ('finished' | 'drained' | null)[]
  readonly #children = new Map<string, Child>()
  readonly #statuses = new Map<string, ShardStatus>()
  readonly #suspects: Suspects
  /** By host: what it was killed for. */
  readonly #hangs = new Map<number, FromHost & { type: 'worker-hangs' }>()
  readonly #board: Board
  /** By host: until when it must have spoken, in milliseconds of the monotonic clock. */
  readonly #deadlines: number[]
  readonly #stopWatch: () => void
  #draining = false
  /** When what still drains after a failure is ended. */
  #endBy = Number.POSITIVE_INFINITY
  #resolve!: (outcome: 'finished' | 'drained') => void
  #reject!: (error: unknown) => void
  #failure: unknown

  constructor(config: Omit<HostConfig, 'host'>, services: SupervisorServices) {
    this.#config = config
    this.#services = services
    this.#deadlines = new Array(config.hosts).fill(Number.POSITIVE_INFINITY)
    this.#hosts = new Array(config.hosts).fill(null)
    this.#outcomes = new Array(config.hosts).fill(null)
    this.board = makeBoardBuffers(config.boardShards)
    this.#board = new Board(this.board, 0)
    this.#suspects = new Suspects(() => this.#config, services, {
      onQuarantined: (shard) => this.#child(`shard ${shard}`).send('SUSPECTED'),
      onNote: (note) => this.notes.push(note),
      onReleased: (shard, skips) => {
        this.#child(`shard ${shard}`).send('RELEASED')
        for (const host of this.#hosts) host?.send({ type: 'release', shard, skips })
        this.#endIfOver()
      },
    })
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

  /** Of the hosts, and of disposable ones. */
  pids(): number[] {
    return [...this.#hosts.flatMap((host) => host?.pid ?? []), ...this.#suspects.pids()]
  }

  /** Lets every shard come to an epoch boundary and store; `ended` resolves then. */
  drain(): void {
    this.#draining = true
    for (const child of this.#children.values()) child.send('DRAIN')
    for (const host of this.#hosts) host?.send({ type: 'drain' })
    this.#suspects.end()
  }

  /** Asks these shards for a snapshot. */
  snapshot(shards: readonly ShardId[]): void {
    for (const host of this.#hosts) host?.send({ type: 'snapshot', shards })
  }

  /** Dead letters were ordered to be taken once more. */
  retry(): void {
    for (const host of this.#hosts) host?.send({ type: 'retry' })
  }

  /** Stages have other numbers of shards from now on. Hosts that have ended already start again with what is theirs. */
  rescale(rescales: readonly Rescale[]): void {
    this.#config = { ...this.#config, rescales }
    this.#hosts.forEach((child, host) => {
      if (this.#outcomes[host] === null) return child?.send({ type: 'rescale', rescales })
      this.#outcomes[host] = null
      this.#children.delete(`host ${host}`)
      if (child === null) this.#start(host)
    })
  }

  #child(what: string): Child {
    const child = this.#children.get(what) ?? new Child(what, this.#services.seam)
    this.#children.set(what, child)
    return child
  }

  #start(host: number): void {
    // It may have waited since before that: the others were told to end then, and nobody would tell this one.
    if (this.#failure !== undefined) return
    const child = this.#services.fork({
      onMessage: (message) => this.#onMessage(host, message),
      onExit: (code, signal) => this.#onExit(host, code, signal),
    })
    this.#expect(host, LOADING_MS)
    this.#hosts[host] = child
    const { held, skips } = this.#suspects
    child.send({ type: 'start', config: { ...this.#config, host, held, skips } })
    const known = this.#board.changes(this.#board.nothingKnown())
    if (this.#config.hosts > 1) child.send({ type: 'board', changes: known })
    if (this.#draining) child.send({ type: 'drain' })
  }

  #expect(host: number, more = 0): void {
    this.#deadlines[host] = this.#services.seam.clock.monotonic() + this.#services.heartbeatMs + more
  }

  #watch(): void {
    const now = this.#services.seam.clock.monotonic()
    if (now > this.#endBy) for (const host of this.#hosts) host?.kill('SIGKILL')
    this.#hosts.forEach((_, host) => {
      if (now > this.#deadlines[host]!)
        this.#end(host, `host ${host}`, `no sign of life for ${this.#services.heartbeatMs} ms`)
    })
  }

  /** SIGKILL ends a stopped process too; what follows is the same as after any death. */
  #end(host: number, what: string, reason: string): void {
    if (this.#hosts[host] === null || this.#deadlines[host] === Number.POSITIVE_INFINITY) return
    this.deaths.push({ what, reason })
    this.#deadlines[host] = Number.POSITIVE_INFINITY
    this.#hosts[host]!.kill('SIGKILL')
  }

  #onMessage(host: number, message: FromHost): void {
    if (this.#deadlines[host] !== Number.POSITIVE_INFINITY) this.#expect(host)
    switch (message.type) {
      case 'board':
        this.#board.apply(message.changes)
        this.#hosts.forEach((other, h) => {
          if (h !== host) other?.send(message)
        })
        return
      case 'status':
        for (const child of this.#children.values()) child.see(message.shards)
        for (const status of message.shards) this.#statuses.set(status.shard, status)
        return
      case 'worker-died':
        return this.#onWorkerDied(host, message)
      case 'worker-hangs': {
        const { shard, operator, call } = message.at
        this.#hangs.set(host, message)
        const where = `${operator}, in call ${call} of epoch ${this.#epochOf(shard) + 1} of ${shard}`
        return this.#end(host, `worker ${message.worker} of host ${host}`, `blocked for ${message.ms} ms in ${where}`)
      }
      case 'ended':
        this.#outcomes[host] = message.outcome
        this.#child(`host ${host}`).send('ENDED')
        this.#hosts[host]?.kill('SIGKILL')
        return
      case 'failing':
        return this.#fail(fromWireError(message.error))
      case 'failed':
        this.#fail(fromWireError(message.error))
        this.#hosts[host]?.kill('SIGKILL')
        return
      case 'tried':
        return
      default:
        unreachable(message)
    }
  }

  #onWorkerDied(host: number, { worker, suspects, where, error, board }: FromHost & { type: 'worker-died' }): void {
    const what = `worker ${worker} of host ${host}`
    const reason = where === null ? error.message : `${error.message}, ${where}`
    this.deaths.push({ what, reason })
    if (this.#draining || this.#failure !== undefined) return
    for (const suspect of suspects) this.#suspect(suspect, board, false)
    const restart = () => this.#hosts[host]?.send({ type: 'restart', worker, held: this.#suspects.held })
    // Its host was told of the end too.
    this.#restart(this.#child(what), reason, restart, () => {})
  }

  #suspect(place: Place, board: readonly BoardChange[], hangs: boolean): void {
    this.#board.apply(board)
    this.#suspects.add(place, this.#epochOf(place.shard), this.#board.changes(this.#board.nothingKnown()), hangs)
  }

  #epochOf(shard: ShardId): number {
    return this.#statuses.get(shard)?.epoch ?? 0
  }

  #onExit(host: number, code: number | null, signal: string | null): void {
    this.#hosts[host] = null
    const hang = this.#hangs.get(host)
    this.#hangs.delete(host)
    const wasEnded = this.#deadlines[host] === Number.POSITIVE_INFINITY
    if (this.#outcomes[host] !== null || this.#failure !== undefined) return this.#endIfOver()
    const reason = signal === null ? `exit code ${code}` : `signal ${signal}`
    if (!wasEnded) this.deaths.push({ what: `host ${host}`, reason })
    // Somebody wants an end: what the host had not stored, the next start replays.
    if (this.#draining) {
      this.#outcomes[host] = 'drained'
      return this.#endIfOver()
    }
    const whenEnded = () => {
      this.#outcomes[host] = 'drained'
      this.#endIfOver()
    }
    // Only now is the shard's life certainly over.
    if (hang !== undefined) this.#suspect(hang.at, hang.board, true)
    this.#restart(this.#child(`host ${host}`), reason, () => this.#start(host), whenEnded)
  }

  /** @param whenEnded instead, where somebody has asked for an end meanwhile */
  #restart(child: Child, reason: string, start: () => void, whenEnded: () => void): void {
    try {
      const delay = child.died(reason)
      const { scheduler } = this.#services.seam
      const release = scheduler.hold()
      scheduler.after(delay).then(() => {
        release()
        child.send('ELAPSED')
        if (child.state === 'up') start()
        else whenEnded()
      })
    } catch (error) {
      this.#fail(error)
    }
  }

  /** All come to a boundary and store what they have marked; one that does not get there in time is ended. */
  #fail(error: unknown): void {
    if (this.#failure === undefined) this.#endBy = this.#services.seam.clock.monotonic() + DRAIN_MS
    this.#failure ??= error
    this.drain()
    this.#endIfOver()
  }

  /** Disposable hosts must be dead too: a shard has one life at a time, also when the next run starts. */
  #endIfOver(): void {
    if (this.#hosts.some((host) => host !== null) || this.#suspects.held.length > 0) return
    if (this.#failure === undefined && this.#outcomes.includes(null)) return
    this.#stopWatch()
    if (this.#failure !== undefined) this.#reject(this.#failure)
    else this.#resolve(this.#outcomes.every((outcome) => outcome === 'finished') ? 'finished' : 'drained')
  }
}
