/**
 * A shard that keeps dying in user code, on its own: in a disposable host it goes through trials of the epoch that it
 * dies of, until the calls are found that end it. Nobody else is held up, and nothing it does there is kept.
 */
import type { ShardId } from '../base/ids.ts'
import { PoisonSearch, type TrialOutcome, type Verdict } from './poison-search.ts'
import { type BoardChange, type FromHost, type HostConfig, LOADING_MS } from './protocol.ts'
import type { HostProcess } from './real/host-process.ts'
import type { SupervisorServices } from './supervisor.ts'
import { WORKER_DIED } from './workers.ts'

/** Deaths of the whole host that nobody can explain. */
const ABORTS_MAX = 5

export class Quarantine {
  readonly #config: HostConfig
  readonly #services: SupervisorServices
  readonly #board: readonly BoardChange[]
  readonly #search: PoisonSearch
  readonly #stopWatch: () => void
  #host: HostProcess | null = null
  #deadline = Number.POSITIVE_INFINITY
  /** What came of the trial for which its host was killed. */
  #end: TrialOutcome | null = null
  #verdict: Verdict | null = null
  #aborts = 0
  #resolve!: (verdict: Verdict) => void
  /** Resolves when the search is over and its host is certainly dead. */
  readonly verdict: Promise<Verdict>

  constructor(
    { shard, call }: { shard: ShardId; call: number },
    config: Omit<HostConfig, 'host'>,
    board: readonly BoardChange[],
    services: SupervisorServices,
  ) {
    this.#config = { ...config, host: 0, workers: 1, relay: false, held: [], trialOf: shard }
    this.#services = services
    const skips = config.skips.find(([id]) => id === shard)?.[1]
    this.#search = new PoisonSearch(skips?.fewRows === 1, call)
    this.#board = board
    this.verdict = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#stopWatch = services.seam.scheduler.every(services.heartbeatMs / 4, () => this.#watch())
    this.#start()
  }

  get pid(): number | null {
    return this.#host?.pid ?? null
  }

  /** Ends it, whatever came of it. */
  end(): void {
    this.#over({ kind: 'ended' })
  }

  #start(): void {
    const host = this.#services.fork({
      onMessage: (message) => this.#onMessage(message),
      onExit: (code, signal) => this.#onExit(code, signal),
    })
    this.#host = host
    this.#expect(LOADING_MS)
    host.send({ type: 'start', config: this.#config })
    host.send({ type: 'board', changes: this.#board })
    this.#try()
  }

  #try(): void {
    this.#host?.send({ type: 'try', trial: this.#search.next() })
  }

  #onMessage(message: FromHost): void {
    this.#expect()
    switch (message.type) {
      case 'tried':
        // What it holds of this trial must not count against the next one.
        this.#end = { lived: true, ...message }
        this.#host?.kill('SIGKILL')
        return
      case 'worker-died': {
        const { suspects, error } = message
        // Somebody ended it from outside, or what it asked for failed.
        if (error.code !== WORKER_DIED || suspects.length === 0) return this.#abort(error.message)
        // Its thread has gone with all it held.
        this.#take({ lived: false, call: suspects[0]!.call, reason: error.message, stack: error.stack ?? null })
        if (this.#verdict === null) this.#try()
        return
      }
      case 'worker-hangs': {
        const { call, operator } = message.at
        const reason = `blocked for ${message.ms} ms in ${operator}`
        this.#end = { lived: false, call, reason, stack: null }
        this.#host?.kill('SIGKILL')
        return
      }
      case 'failed':
        return this.#over({ kind: 'hopeless', reason: message.error.message })
    }
  }

  #take(outcome: TrialOutcome): void {
    if (this.#verdict !== null) return
    const verdict = this.#search.take(outcome)
    if (verdict !== null) this.#over(verdict)
  }

  #over(verdict: Verdict): void {
    if (this.#verdict !== null) return
    this.#verdict = verdict
    this.#stopWatch()
    if (this.#host === null) this.#resolve(verdict)
    else this.#host.kill('SIGKILL')
  }

  #onExit(code: number | null, signal: string | null): void {
    this.#host = null
    const end = this.#end
    this.#end = null
    if (end !== null) this.#take(end)
    else if (this.#verdict === null) this.#abort(signal === null ? `exit code ${code}` : `signal ${signal}`)
    if (this.#verdict !== null) this.#resolve(this.#verdict)
    else this.#start()
  }

  /** A trial came to nothing, by no fault of the shard's: it is made again. */
  #abort(reason: string): void {
    if (++this.#aborts > ABORTS_MAX) this.#over({ kind: 'hopeless', reason })
    else this.#try()
  }

  #expect(more = 0): void {
    const { seam, heartbeatMs } = this.#services
    this.#deadline = seam.clock.monotonic() + heartbeatMs + more
  }

  #watch(): void {
    if (this.#host === null || this.#services.seam.clock.monotonic() <= this.#deadline) return
    this.#deadline = Number.POSITIVE_INFINITY
    this.#host.kill('SIGKILL')
  }
}
