/**
 * One worker of a host, and the shards that are placed there: run until all have ended, and again as often as the worker
 * dies of what a restart can mend. When, and without which shards, the supervisor says.
 */
import { Activity } from '../base/activity.ts'
import { toWireError } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'
import type { Skips } from '../recovery/fill-epoch.ts'
import type { Trial } from '../recovery/trial.ts'
import { isUserCode, placeOf } from '../topology/place.ts'
import type { Plan } from '../topology/plan.ts'
import { explainFileError } from './file-error.ts'
import { isOffHeap } from './off-heap.ts'
import type { FromHost, FromWorker, Place, ToWorker } from './protocol.ts'
import { isFatal } from './restart-budget.ts'
import { type RunningWorker, WorkerDied, type WorkerTask } from './workers.ts'

export interface SlotServices {
  readonly plan: () => Plan
  readonly run: (
    task: Pick<WorkerTask, 'shards' | 'skips' | 'trial'>,
    onMessage: (message: FromWorker) => void,
  ) => RunningWorker
  readonly send: (message: FromHost) => void
  readonly onStatus: (message: FromWorker & { type: 'status' }) => void
  /** What the board says now: a supervisor that is told of a death may have to start others with it. */
  readonly boardNow: () => (FromHost & { type: 'board' })['changes']
}

export class WorkerSlot {
  readonly #number: number
  readonly #services: SlotServices
  /** Shards that have not ended. */
  readonly #pending: Set<ShardId>
  readonly #held: Set<ShardId>
  readonly #skips = new Map<ShardId, Skips>()
  #running: RunningWorker | null = null
  #activity: Activity | null = null
  #isDraining = false
  #onRelease: () => void = () => {}
  /** The answer to a death, which nothing else may stand for: a shard that it holds may have begun another life. */
  #onRestart: () => void = () => {}
  /** How often in a row it was found in user code where it had been before. */
  #stalls = 0
  #seen = ''

  constructor(
    number: number,
    shards: readonly ShardId[],
    held: readonly ShardId[],
    skips: WorkerTask['skips'],
    services: SlotServices,
  ) {
    this.#number = number
    this.#services = services
    this.#pending = new Set(shards)
    this.#held = new Set(held)
    for (const [shard, skip] of skips) this.#skips.set(shard, skip)
  }

  /** More shards for this worker. Where all others have ended, it has to be run again. */
  add(shards: readonly ShardId[]): void {
    for (const shard of shards) {
      this.#pending.add(shard)
      if (!this.#held.has(shard)) this.#running?.send({ type: 'adopt', shard, skips: null })
    }
  }

  async run(): Promise<'finished' | 'drained'> {
    while (this.#pending.size > 0) {
      const shards = [...this.#pending].filter((shard) => !this.#held.has(shard))
      if (shards.length === 0) {
        if (this.#isDraining) return 'drained'
        await new Promise<void>((resolve) => {
          this.#onRelease = resolve
        })
        continue
      }
      const isOver = await this.#runOnce(shards)
      if (isOver) return 'drained'
    }
    return 'finished'
  }

  send(message: ToWorker): void {
    if (message.type === 'drain') {
      this.#isDraining = true
      this.#onRelease()
      this.#onRestart()
    }
    this.#running?.send(message)
  }

  /** The answer to a death. */
  restart(held: readonly ShardId[]): void {
    for (const shard of held) this.#held.add(shard)
    this.#onRestart()
  }

  release(shard: ShardId, skips: Skips | null): void {
    // Every slot is told; one of them has the shard.
    if (!this.#held.delete(shard) || !this.#pending.has(shard)) return
    if (skips !== null) this.#skips.set(shard, skips)
    // Where no worker runs, or this one ends before it hears of it, the shard is among those of the next.
    this.#running?.send({ type: 'adopt', shard, skips })
    this.#onRelease()
  }

  /** Runs one trial of the slot's shard, and tells what became of it. */
  async try(trial: Trial): Promise<void> {
    try {
      const end = await this.#start([...this.#pending], trial).ended
      if ('tried' in end) this.#services.send({ type: 'tried', ...end.tried })
    } catch (error) {
      this.#tellDeath([...this.#pending], error)
    }
  }

  /** Called every now and then. Returns where it hangs, once it has not moved in user code for so many calls. */
  watch(stallsMax: number): Place | null {
    const where = this.#activity?.now() ?? null
    // Our own operators may wait for a slow disk: nothing is won by ending them.
    const at = where !== null && isUserCode(this.#services.plan(), where) ? where : null
    const progress = this.#activity?.progress() ?? ''
    this.#stalls = at !== null && progress === this.#seen ? this.#stalls + 1 : 0
    this.#seen = progress
    return at !== null && this.#stalls === stallsMax ? placeOf(this.#services.plan(), at) : null
  }

  /** True when it was drained, or died while somebody wants an end: what was not stored, the next start replays. */
  async #runOnce(shards: readonly ShardId[]): Promise<boolean> {
    try {
      const end = await this.#start(shards, null).ended
      if (!('outcome' in end) || end.outcome === 'drained') return true
      this.#running = null
      for (const { shard, state } of end.last.shards) if (state === 'finished') this.#pending.delete(shard)
      return false
    } catch (error) {
      this.#tellDeath(shards, error)
      if (this.#isDraining) return true
      await new Promise<void>((resolve) => {
        this.#onRestart = resolve
      })
      return this.#isDraining
    }
  }

  #start(shards: readonly ShardId[], trial: Trial | null): RunningWorker {
    const skips = shards.flatMap((shard) => {
      const skip = this.#skips.get(shard)
      return skip === undefined ? [] : [[shard, skip] as const]
    })
    this.#running = this.#services.run({ shards, skips, trial }, (message) => {
      if (message.type === 'status') this.#services.onStatus(message)
      else this.#activity = new Activity(message.memory)
    })
    if (this.#isDraining) this.#running.send({ type: 'drain' })
    return this.#running
  }

  /** @throws what a restart cannot mend */
  #tellDeath(shards: readonly ShardId[], thrown: unknown): void {
    const error = explainFileError(thrown)
    if (isFatal(error)) throw error
    const { send, boardNow } = this.#services
    const suspects = this.#suspects(shards, error)
    // What a shard throws says itself of what it is.
    const where = error instanceof WorkerDied ? this.#where() : null
    this.#running = null
    this.#activity = null
    const told = { worker: this.#number, shards, suspects, where, error: toWireError(error), board: boardNow() }
    send({ type: 'worker-died', ...told })
  }

  #where(): string | null {
    const at = this.#activity?.now() ?? null
    const known = at ?? this.#activity?.last() ?? null
    if (known === null) return null
    const { operator, shard } = placeOf(this.#services.plan(), known)
    return `${at === null ? 'after' : 'in'} ${operator} of ${shard}`
  }

  /**
   * Only the end of a thread while user code had it counts against that. An error that nobody caught is what some user
   * code left behind: which, trials will tell.
   */
  #suspects(shards: readonly ShardId[], error: unknown): Place[] {
    if (!(error instanceof WorkerDied)) return []
    const plan = this.#services.plan()
    const at = this.#activity?.now() ?? null
    if (at !== null) return [placeOf(plan, at)]
    if (/exited with code/.test(error.message) || isOffHeap(error.message)) return []
    const running = plan.shards.filter(({ id, stage }) => shards.includes(id) && plan.stages[stage]!.kind !== 'sink')
    return running.map(({ id }) => ({ shard: id, operator: 'what it left behind', call: 0 }))
  }
}
