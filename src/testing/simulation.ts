/**
 * One simulated run: a topology on a simulated node, under a plan of faults, started again as often as it takes, and then
 * looked at. The same seed, scenario and plan give the same run, step by step.
 */
import { UmbelError } from '../base/errors.ts'
import { shardFolder } from '../base/ids.ts'
import type { ShardLimits } from '../recovery/shard-limits.ts'
import { checkLetters, withoutRetried } from './check-letters.ts'
import { checkReplay } from './check-replay.ts'
import { checkRun } from './checks.ts'
import type { Fault } from './faults.ts'
import { pick, type Random, seededRandom } from './random.ts'
import { differences, type Scenario, type SimulatedRun } from './scenario.ts'
import { SimulatedBroker } from './simulated-broker.ts'
import { SimulatedDisk } from './simulated-disk.ts'
import { SimulatedEnvironment } from './simulated-environment.ts'
import { simulatedIndexes } from './simulated-index.ts'
import { type LetterChoice, SimulatedNode } from './simulated-node.ts'
import { type SimulatedMachine, simulatedSeam } from './simulated-seam.ts'
import { Life, LifeEnded, World } from './world.ts'

const DATA = '/data'
const OUT = '/out'
/** Snapshots kept: no log is trimmed. */
const KEEPS_ALL = 1000
/** Between two orders of dead letters. */
const ORDER_MS = 15
/** A run that takes longer hangs. */
const MOST_MS = 600_000

/** Small ones, so that a short run has many epochs, stores, snapshots and segments; no result may depend on them, nor on their change. */
const limitsOf = (random: Random): ShardLimits => ({
  epochRowsMax: pick(random, [5, 12, 40]),
  epochBytesMax: pick(random, [300, 16 << 20]),
  batchBytesMax: pick(random, [200, 8 << 20]),
  fetchBytesMax: pick(random, [600, 16 << 20]),
  outboxBytesMax: pick(random, [250, 16 << 20]),
  cacheBytesMax: pick(random, [100, 8 << 20]),
  appendsInFlightMax: pick(random, [1, 3]),
  storeIntervalMs: pick(random, [1, 5, 20]),
  writeSetBytesMax: pick(random, [20_000, 1 << 20]),
  backlogBytesMax: pick(random, [3_000, 20_000, 1 << 20]),
  segmentBytes: pick(random, [2048, 16_384]),
})

class Simulation implements SimulatedMachine {
  readonly world: World
  readonly disk: SimulatedDisk
  readonly broker: SimulatedBroker | null
  readonly node: SimulatedNode
  readonly violations: string[] = []
  clockError = 0
  faultsDone = 0
  starts = 0
  readonly #pending: Fault[]
  readonly #seen = new Map<string, number>()
  readonly #letters: LetterChoice | null
  #hasHarmedSnapshots = false
  /** A store and its snapshots were lost: the run stopped and said so, as it should. */
  hasStopped = false

  constructor(seed: number, scenario: Scenario, faults: readonly Fault[]) {
    const random = seededRandom(seed)
    this.world = new World(random)
    this.disk = new SimulatedDisk(this.world)
    this.broker = scenario.isOnKafka ? new SimulatedBroker(this.world) : null
    this.#pending = [...faults]
    this.node = new SimulatedNode(this, {
      topology: scenario.topology(),
      snapshots: { intervalMs: pick(random, [5, 20, 100]), keep: pick(random, [1, 2, KEEPS_ALL]) },
      config: {
        parallelism: scenario.shards,
        directory: DATA,
        out: OUT,
        workers: scenario.workers,
        heapMb: 512,
        offHeapMb: 1024,
        hosts: scenario.hosts,
        stallMs: 10_000,
        held: [],
        skips: [],
        trialOf: null,
      },
      limits: () => limitsOf(random),
    })
    this.#letters = scenario.letters
    this.#actOnLetters()
    for (const fault of faults) if ('at' in fault) this.world.schedule(fault.at, null, () => this.#inflict(fault))
  }

  onCrashPoint = (name: string, shard: string, _epoch: number, life: Life): void => {
    const seen = (this.#seen.get(name) ?? 0) + 1
    this.#seen.set(name, seen)
    const at = this.#pending.findIndex((one) => one.kind === 'crash-point' && one.point === name && one.nth <= seen)
    if (at < 0) return
    const [fault] = this.#pending.splice(at, 1) as [Fault & { kind: 'crash-point' }]
    this.faultsDone++
    const victim = fault.victim === 'host' ? (life.parent ?? life) : life
    victim.end()
    if (fault.losesStore) this.disk.remove(`${DATA}/state/${shardFolder(shard)}`)
  }

  #actOnLetters(): void {
    const choose = this.#letters
    if (choose === null) return
    this.world.schedule(this.world.random() * ORDER_MS, null, () => {
      void this.node.actOnLetter(choose)
      this.#actOnLetters()
    })
  }

  async #actOnSome(count: number, choose: LetterChoice): Promise<void> {
    for (let i = 0; i < count; i++) await this.node.actOnLetter(choose)
  }

  #inflict(fault: Fault): void {
    const { node, world } = this
    const { random } = world
    const host = node.hosts.length === 0 ? undefined : pick(random, node.hosts)
    this.faultsDone++
    switch (fault.kind) {
      case 'kill-host':
        return host?.end()
      case 'kill-worker':
        return node.workers.length === 0 ? undefined : pick(random, node.workers).end()
      case 'kill-supervisor':
        return node.killSupervisor()
      case 'power-loss':
        return node.endAll()
      case 'snapshot':
        return node.snapshot()
      case 'drain':
        return node.drain()
      case 'stop-host':
        host?.stop()
        return world.schedule(fault.forMs, null, () => host !== undefined && !host.isDead && world.resume(host))
      case 'stop-host-kill-supervisor':
        host?.stop()
        return node.killSupervisor()
      case 'disk-full':
        this.disk.isFull = true
        return world.schedule(fault.forMs, null, () => {
          this.disk.isFull = false
        })
      case 'rescale':
        // What was ordered just before is still the business of the shards that hand over.
        if (this.#letters === null) return node.rescale(fault.which, fault.shards)
        void this.#actOnSome(3, this.#letters).then(() => node.rescale(fault.which, fault.shards))
        return
      case 'clock-jump':
        this.clockError += fault.byMs
        return
      case 'lose-store':
      case 'damage-store':
        node.endAll()
        return this.#harmStore(fault.kind, fault.which)
      case 'damage-snapshot':
        node.endAll()
        return this.#harmSnapshot(fault.which)
    }
  }

  #harmStore(kind: 'lose-store' | 'damage-store', which: number): void {
    const stores = this.disk.list(`${DATA}/state`).filter((name) => this.disk.has(`${DATA}/state/${name}/data.mdb`))
    if (stores.length === 0) return
    const store = `${DATA}/state/${stores[which % stores.length]}`
    if (kind === 'lose-store') return this.disk.remove(store)
    const file = this.disk.file(`${store}/data.mdb`)
    file.bytes = file.read()
    file.store = null
    if (file.bytes.length > 0) file.bytes[which % file.bytes.length]! ^= 0x55
  }

  #harmSnapshot(which: number): void {
    const files = this.disk.paths(`${DATA}/snapshots`)
    if (files.length === 0) return
    const file = this.disk.file(files[which % files.length]!)
    if (file.bytes.length === 0) return
    file.bytes[which % file.bytes.length]! ^= 0x55
    this.#hasHarmedSnapshots = true
  }

  /** Starts the system, again and again, until it has finished. */
  async run(): Promise<void> {
    for (;;) {
      let outcome: 'finished' | 'drained' | null = null
      let failure: unknown = null
      this.starts++
      this.node.start().then(
        (ended) => {
          outcome = ended
        },
        (error: unknown) => {
          failure = error
        },
      )
      const isOver = () => outcome !== null || failure !== null || this.node.isDown
      if (!(await this.world.run(isOver, MOST_MS))) {
        this.violations.push(`the run hangs at ${this.world.now.toFixed(0)} ms: ${this.node.describe()}`)
        return
      }
      if (outcome === 'finished') return
      if (this.#hasHarmedSnapshots && isBeyondRepair(failure)) {
        this.hasStopped = true
        return
      }
      if (isDiskFull(failure)) {
        this.disk.isFull = false
        continue
      }
      if (failure !== null && !(failure instanceof LifeEnded)) {
        this.violations.push(`the run failed: ${(failure as Error).message}`)
        return
      }
      if (this.starts > 200) {
        this.violations.push('the run was started 200 times')
        return
      }
    }
  }

  /** What must hold of what is left, once all that was decided is seen. @returns the rows that were turned away */
  async check(): Promise<readonly string[]> {
    const { node, broker, violations } = this
    const inspector = new Life('inspector')
    const { files } = simulatedSeam(this, inspector)
    violations.push(...(broker?.settle() ?? []))
    const openStore = (directory: string) => new SimulatedEnvironment(this, inspector, directory)
    const left = { files, plan: node.plan, directory: DATA, logs: node.logs, openStore }
    violations.push(...(await checkRun(files, node.plan, DATA, node.logs)))
    violations.push(...(await checkReplay(left)).problems)
    const { problems, refused } = await checkLetters(left, this.result())
    violations.push(...problems)
    return refused
  }

  result(): Record<string, string[]> {
    return Object.fromEntries(
      this.disk
        .paths(OUT)
        .map((path) => [path.slice(OUT.length + 1), this.disk.file(path).bytes.toString().split('\n').sort()]),
    )
  }
}

const isBeyondRepair = (error: unknown): boolean =>
  error instanceof UmbelError &&
  ((error.code === 'log' && error.message.includes('cannot be rebuilt')) ||
    (error.code === 'predecessor' && error.message.includes('whose state is gone')))

const isDiskFull = (error: unknown): boolean => error instanceof UmbelError && error.code === 'ENOSPC'

/** What does not depend on what was retried. */
const linesOf = ({ result, refused }: Pick<SimulatedRun, 'result' | 'refused'>): SimulatedRun['result'] => {
  return { ...withoutRetried(result), 'dead letters': refused }
}

/**
 * Runs a scenario under a seed.
 * @param expected what an unharmed run gave, to compare with
 */
export async function simulate(
  seed: number,
  scenario: Scenario,
  faults: readonly Fault[],
  expected: Pick<SimulatedRun, 'result' | 'refused'> | null,
): Promise<SimulatedRun> {
  const simulation = new Simulation(seed, scenario, faults)
  await simulation.run()
  simulation.node.endAll()
  const { violations, node, world } = simulation
  const result = simulation.result()
  const isWhole = violations.length === 0 && !simulation.hasStopped
  let refused: readonly string[] = []
  if (isWhole) {
    try {
      refused = await simulation.check()
    } catch (error) {
      violations.push(`what is left cannot be read: ${(error as Error).message}`)
    }
    if (expected !== null) violations.push(...differences(linesOf({ result, refused }), linesOf(expected)))
  }
  const { faultsDone, starts, disk } = simulation
  const indexes = isWhole ? simulatedIndexes(node.plan, disk, DATA) : {}
  return {
    violations,
    result,
    refused,
    indexes,
    faults: faultsDone,
    lastedMs: world.now,
    tasks: world.tasksRun,
    starts,
  }
}
