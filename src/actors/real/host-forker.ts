/**
 * Forks the hosts of a node, one of them before it is needed: a spare host has loaded the code, the user's module and its
 * threads when another dies, which is most of what a recovery would take. It has no shards and no state, and comes some
 * time after the last fork, so that it takes nothing from a run that is short or recovers.
 */
import type { SpareConfig } from '../protocol.ts'
import { forkHost, type HostEvents, type HostProcess } from './host-process.ts'

/** After the last fork. */
const SPARE_MS = 10_000

class SpareHost {
  readonly process: HostProcess
  /** Resolves when it is certainly dead. */
  readonly ended: Promise<void>
  isDead = false
  #events: HostEvents | null = null

  constructor(config: SpareConfig) {
    let resolve = () => {}
    this.ended = new Promise((ended) => {
      resolve = ended
    })
    this.process = forkHost({
      // Before it is taken it only says that it cannot get ready: why, the host that is needed will say.
      onMessage: (message) => (this.#events === null ? this.process.kill('SIGKILL') : this.#events.onMessage(message)),
      onExit: (code, signal) => {
        this.isDead = true
        resolve()
        this.#events?.onExit(code, signal)
      },
    })
    this.process.send({ type: 'prepare', config })
  }

  take(events: HostEvents): HostProcess {
    this.#events = events
    return this.process
  }
}

export class HostForker {
  readonly #config: SpareConfig | null
  readonly #register: (pid: number) => void
  #spare: SpareHost | null = null
  #timer: NodeJS.Timeout | undefined

  /**
   * @param config of spare hosts; null for none
   * @param register notes a host, so that whoever takes over from a killed supervisor can end it
   */
  constructor(config: SpareConfig | null, register: (pid: number) => void) {
    this.#config = config
    this.#register = register
  }

  fork(events: HostEvents): HostProcess {
    const spare = this.#spare
    this.#spare = null
    clearTimeout(this.#timer)
    if (this.#config !== null) this.#timer = setTimeout(this.#prepare, SPARE_MS, this.#config).unref()
    if (spare !== null && !spare.isDead) return spare.take(events)
    const host = forkHost(events)
    this.#register(host.pid)
    return host
  }

  /** Ends the spare host. No other comes. */
  async end(): Promise<void> {
    clearTimeout(this.#timer)
    this.#spare?.process.kill('SIGKILL')
    await this.#spare?.ended
  }

  readonly #prepare = (config: SpareConfig): void => {
    this.#spare = new SpareHost(config)
    this.#register(this.#spare.process.pid)
  }
}
