/** A simulated node: the real supervisor, hosts and shards, in lives that a simulation can end. */
import { type DeadLetter, readDeadLetters } from '../actors/dead-letter-file.ts'
import { Host, type HostMachine } from '../actors/host.ts'
import { prepareJob, readJob } from '../actors/job.ts'
import { type LetterRequest, orderLetters, readOrders } from '../actors/letter-orders.ts'
import type { FromHost, FromWorker, HostConfig, ToHost, ToWorker } from '../actors/protocol.ts'
import type { HostEvents, HostProcess } from '../actors/real/host-process.ts'
import { orderRescale } from '../actors/rescale.ts'
import { runShards } from '../actors/run-shards.ts'
import type { ShardMachine } from '../actors/shard-machine.ts'
import { Supervisor } from '../actors/supervisor.ts'
import { type RunningWorker, WorkerDied, type Workers } from '../actors/workers.ts'
import { Activity } from '../base/activity.ts'
import { fromWireError, toWireError, type UmbelError } from '../base/errors.ts'
import { Board, boardShards } from '../mailbox/board.ts'
import type { SeenLogs } from '../recovery/last-marker.ts'
import type { ShardLimits } from '../recovery/shard-limits.ts'
import { type Plan, plan } from '../topology/plan.ts'
import type { Topology } from '../topology/topology.ts'
import { BrokerLog, brokerLogs } from './broker-log.ts'
import { SimulatedBoard } from './simulated-board.ts'
import { SimulatedEnvironment } from './simulated-environment.ts'
import { type SimulatedMachine, simulatedSeam } from './simulated-seam.ts'
import { Life } from './world.ts'

/** What is asked for of a dead letter; null for nothing. */
export type LetterChoice = (letter: DeadLetter) => Omit<LetterRequest, 'letters'> | null

export interface NodeOptions {
  readonly topology: Topology
  readonly config: Omit<
    HostConfig,
    'host' | 'limits' | 'definition' | 'snapshots' | 'relay' | 'module' | 'export' | 'rescales' | 'boardShards'
  >
  /** Of each start: whoever runs it may change them. */
  readonly limits: () => ShardLimits
  readonly snapshots: { readonly intervalMs: number; readonly keep: number }
}

const HEARTBEAT_MS = 1_000
const RUN = 'simulated-run'

export class SimulatedNode {
  #plan: Plan
  readonly #machine: SimulatedMachine
  readonly #options: NodeOptions
  #supervisor: Supervisor | null = null
  #supervisorLife: Life | null = null
  #hosts: Life[] = []
  #workers: Life[] = []
  #started = 0

  constructor(machine: SimulatedMachine, options: NodeOptions) {
    this.#machine = machine
    this.#options = options
    this.#plan = plan(options.topology, options.config.parallelism)
  }

  get plan(): Plan {
    return this.#plan
  }

  /** Those on the cluster, as a command sees them; undefined for files. */
  get logs(): SeenLogs | undefined {
    const { broker } = this.#machine
    return broker === null ? undefined : brokerLogs(broker)
  }

  /** Lives of hosts and workers that have not ended. */
  get hosts(): readonly Life[] {
    return this.#hosts.filter((life) => !life.isDead)
  }
  get workers(): readonly Life[] {
    return this.#workers.filter((life) => !life.isDead)
  }

  get isDown(): boolean {
    return this.#supervisorLife?.isDead ?? true
  }

  /** Starts a supervisor; what a dead one left is ended first, as its lock file has it. */
  start(): Promise<'finished' | 'drained'> {
    const { topology, config, snapshots } = this.#options
    this.endAll()
    const life = new Life(`supervisor ${++this.#started}`)
    this.#supervisorLife = life
    const seam = simulatedSeam(this.#machine, life)
    const directory = `${config.directory}/snapshots`
    const { job } = prepareJob(seam.files, config.directory, topology, {
      parallelism: config.parallelism,
      module: null,
      export: 'default',
      run: RUN,
      snapshots: directory,
      fresh: false,
      changedCode: false,
    })
    const { rescales } = job
    const { definition } = topology
    this.#plan = plan(topology, config.parallelism, rescales)
    const whole = {
      ...config,
      limits: this.#options.limits(),
      rescales,
      boardShards: boardShards(this.#plan.shards.length),
      definition,
      snapshots: { ...snapshots, directory, run: job.run },
      relay: true,
    }
    this.#supervisor = new Supervisor(
      { ...whole, module: 'simulated', export: 'default' },
      { seam, fork: (events) => this.#fork(events, life), heartbeatMs: HEARTBEAT_MS },
    )
    return this.#supervisor.ended
  }

  /** What everybody is at, for messages. */
  describe(): string {
    if (this.#supervisor === null) return 'nothing was started'
    const statuses = this.#supervisor.status()
    const board = new Board(this.#supervisor.board, 0)
    const shards = this.plan.shards.map(({ id, cell }) => {
      const status = statuses.find(({ shard }) => shard === id)
      return `${id} ${status?.state ?? 'unknown'} at ${board.announced(cell)}, backlog ${board.backlog(cell)}`
    })
    const lives = [...this.hosts, ...this.workers].map((life) => `${life.name}${life.isStopped ? ' (stopped)' : ''}`)
    const deaths = this.#supervisor.deaths.map(({ what, reason }) => `${what}: ${reason}`)
    return `${lives.join(', ')}; ${shards.join('; ')}; deaths: ${deaths.join(', ') || 'none'}`
  }

  snapshot(): void {
    if (!this.isDown) this.#supervisor!.snapshot(this.plan.shards.map(({ id }) => id))
  }

  /** Gives a stage (of those that can be rescaled, by number) another number of shards, where it can have that. */
  rescale(which: number, shards: number): void {
    const { topology, config } = this.#options
    const stages = this.#plan.stages.filter(({ kind }) => kind !== 'sink')
    const { files } = simulatedSeam(this.#machine, new Life('command'))
    try {
      const rescale = { stage: stages[which % stages.length]!.name, shards }
      const { parallelism, rescales } = orderRescale(files, config.directory, topology, rescale)
      this.#plan = plan(topology, parallelism, rescales)
      if (this.isDown) return
      if (this.#plan.shards.length <= this.#supervisor!.board.shards) this.#supervisor!.rescale(rescales)
      else this.endAll()
    } catch (error) {
      if ((error as UmbelError).code !== 'rescale') throw error
    }
  }

  /** Retries or drops the oldest dead letter of which that is asked for and was not done. */
  async actOnLetter(choose: LetterChoice): Promise<void> {
    const { files } = simulatedSeam(this.#machine, new Life('command'))
    const { directory } = this.#options.config
    if (readJob(files, directory)?.state !== 'running') return
    const letters = await readDeadLetters(files, directory, this.logs)
    const done = new Set(readOrders(files, directory).map(({ letter }) => letter))
    const letter = letters.find((one) => !done.has(one.number) && choose(one) !== null)
    if (letter === undefined) return
    await orderLetters(files, directory, { ...choose(letter)!, letters: [letter.number] }, this.logs)
    if (!this.isDown) this.#supervisor!.retry()
  }

  drain(): void {
    if (!this.isDown) this.#supervisor!.drain()
  }

  killSupervisor(): void {
    this.#supervisorLife?.end()
  }

  /** As by a loss of power. */
  endAll(): void {
    this.#supervisorLife?.end()
    for (const host of this.#hosts) host.end()
    this.#hosts = []
    this.#workers = []
  }

  #fork(events: HostEvents, parent: Life): HostProcess {
    const { world } = this.#machine
    const life = new Life(`host ${this.#hosts.length}`)
    this.#hosts.push(life)
    life.onEnd(() => world.schedule(1, parent, () => events.onExit(null, 'SIGKILL')))
    // Its channel is closed: a host without its supervisor ends, unless it is stopped.
    parent.onEnd(() => world.schedule(1, life, () => life.end()))
    const send = this.#channel<FromHost>(parent, (message) => events.onMessage(message))
    const toHost = this.#channel(life, this.#hostMain(life, send))
    return {
      pid: this.#hosts.length,
      send: toHost,
      kill: () => world.schedule(0.1, null, () => life.end()),
    }
  }

  /** What the main module of a host process does. */
  #hostMain(life: Life, send: (message: FromHost) => void): (message: ToHost) => void {
    const machine = this.#hostMachine(life)
    let host: Promise<Host> | null = null
    const begin = async (config: HostConfig) => {
      try {
        host = Host.start(config, simulatedSeam(this.#machine, life), machine, send)
        await (await host).run()
      } catch (error) {
        if (!life.isDead) send({ type: 'failed', error: toWireError(error) })
      }
    }
    return (message) => {
      if (message.type === 'start') void begin(message.config)
      // Nobody has to load anything here.
      else if (message.type !== 'prepare') host?.then((running) => running.receive(message))
    }
  }

  #shardMachine(life: Life): ShardMachine {
    const { broker } = this.#machine
    return {
      nodeVersion: 'simulated',
      openStore: (directory) => new SimulatedEnvironment(this.#machine, life, directory),
      openBoard: (buffers, bell, own) => new SimulatedBoard(this.#machine.world, life, buffers, bell, own ?? null),
      load: async () => this.#options.topology,
      ...(broker && {
        openLog: (announced, announce, ring) => {
          broker.onChange(life, ring)
          return new BrokerLog({ broker, life, announced, announce })
        },
      }),
    }
  }

  #hostMachine(host: Life): HostMachine {
    const startWorkers = (): Workers => ({
      run: (task, onMessage): RunningWorker => {
        const { world } = this.#machine
        const life = new Life(`worker ${task.bell} of ${host.name}`, host)
        this.#workers.push(life)
        let take: (message: ToWorker) => void = () => {}
        const tell = this.#channel<FromWorker>(host, onMessage)
        // Its host sees where a thread is, and of a dead one where it was: what unwinds it here runs nowhere else.
        let shown: { own: Activity; copy: Activity } | null = null
        const postMessage = (message: FromWorker): void => {
          if (message.type !== 'activity') return tell(message)
          shown = { own: new Activity(message.memory), copy: new Activity() }
          tell({ type: 'activity', memory: shown.copy.memory })
        }
        life.onEnd(() => {
          if (shown !== null) new Int32Array(shown.copy.memory).set(new Int32Array(shown.own.memory))
        })
        const port = { on: (_: 'message', taken: typeof take) => void (take = taken), postMessage }
        const ended = new Promise<Awaited<RunningWorker['ended']>>((resolve, reject) => {
          let hasEnded = false
          life.onEnd(() => {
            if (!hasEnded) world.schedule(1, host, () => reject(new WorkerDied('worker exited with code: 1')))
          })
          runShards({ ...task, port }, simulatedSeam(this.#machine, life), this.#shardMachine(life)).then((end) => {
            if (life.isDead) return
            hasEnded = true
            world.schedule(0.1, host, () => {
              if ('error' in end) return reject(fromWireError(end.error))
              if ('last' in end) onMessage(end.last)
              resolve(end)
            })
          })
        })
        return { ended, send: this.#channel<ToWorker>(life, (message) => take(message)) }
      },
    })
    return { ...this.#shardMachine(host), startWorkers }
  }

  /** Messages arrive after a while, in order, at the life that they are for. */
  #channel<M>(receiver: Life, take: (message: M) => void): (message: M) => void {
    const { world } = this.#machine
    const queue: M[] = []
    return (message) => {
      queue.push(structuredClone(message))
      world.schedule(world.random(), receiver, () => take(queue.shift()!))
    }
  }
}
