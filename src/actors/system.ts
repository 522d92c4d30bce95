/** Starting a topology: in processes of its own (the default), or inline on the caller's thread. */
import { UmbelError, userError } from '../base/errors.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import { type BoardBuffers, makeBoardBuffers } from '../mailbox/board.ts'
import type { Batch } from '../records/batch.ts'
import { SHARD_LIMITS, type ShardLimits } from '../recovery/shard-limits.ts'
import { type Plan, plan, sourceNodeOf } from '../topology/plan.ts'
import { isTopology, type Topology } from '../topology/topology.ts'
import { readOutput } from './committed-output.ts'
import { prepareJob, writeJob } from './job.ts'
import { importing, loadTopology } from './load-topology.ts'
import { forkHost } from './real/host-process.ts'
import { defaultParallelism, defaultWorkers, nodeVersion } from './real/machine.ts'
import { SupervisorLock } from './real/supervisor-lock.ts'
import type { ShardStatus } from './shard-actor.ts'
import { ShardGroup } from './shard-group.ts'
import { type Death, Supervisor } from './supervisor.ts'

const HEARTBEAT_MS = 10_000
/** Each worker listens to a bell of its own; the board has 64. */
const WORKERS_MAX = 60
/** With less, a worker dies before it takes a task. */
const HEAP_MB_MIN = 32

export interface StartOptions {
  /** Where state and logs live. Default `.umbel`; each topology has a folder of its own in it. */
  readonly dir?: string
  /** Where sinks write relative paths. Default `out/<topology>`. */
  readonly out?: string
  /** `process` (default): a supervisor with host processes. `inline`: on this thread, for tests and small embeddings. */
  readonly host?: 'process' | 'inline'
  /** Name of the module's export. Default `default`. */
  readonly export?: string
  /** Shards of each keyed stage. Default: the number of processors, at most 8. */
  readonly shards?: number
  /** Worker threads a host. Default: one more than there are processors (at most 9), so that reading a source is no bar to the rest. */
  readonly workers?: number
  /** Host processes. Default 1. */
  readonly hosts?: number
  /** Heap limit of each worker, in MB, at least 32. Default 512. */
  readonly heapMb?: number
  /** A host that is silent for so many milliseconds is killed, and its shards start anew. Default 10,000. */
  readonly heartbeatMs?: number
  /** Discards the state of an interrupted run. */
  readonly fresh?: boolean
  readonly limits?: Partial<ShardLimits>
}

/** A row of a committed output: +1 holds, -1 takes an earlier one back. */
export interface OutputRow {
  readonly row: Readonly<Record<string, unknown>>
  readonly diff: number
}

export interface Running {
  readonly plan: Plan
  /** True when an interrupted run goes on. */
  readonly isContinued: boolean
  /** Resolves when the input has ended (`finished`) or after `stop` (`drained`); rejects with what ended it. */
  readonly ended: Promise<'finished' | 'drained'>
  status(): ShardStatus[]
  /** Workers and hosts that died and were started again. */
  deaths(): readonly Death[]
  /** Process ids of the hosts. */
  pids(): number[]
  /** The committed rows of `.output(name)`, from the beginning, as they come. */
  output(name: string): AsyncIterable<OutputRow>
  /** The same, batch by batch. */
  outputBatches(name: string): AsyncIterable<Batch>
  /** Comes to a graceful end: everything is stored, a later start goes on. */
  stop(): Promise<void>
}

/**
 * Starts a topology.
 * @param what a module's URL (or path) that exports a topology; or the topology itself with `host: 'inline'`
 * @throws user error when the module, a source, the definition over old state, or the directory does not allow it
 * @example
 * const running = await start(new URL('./flights.ts', import.meta.url))
 * await running.ended
 */
export function start(what: Topology | URL | string, options: StartOptions = {}): Promise<Running> {
  return importing.depth > 0 ? refuse() : startSystem(what, options)
}

const startsOnImport = () =>
  userError(
    'starts-on-import',
    'this module starts a system when it is imported, and workers import it too: export the topology ' +
      "('export default topology(...)') and start it from another module",
  )

/** The promise counts as handled: who loads the module sees the refusal, whether or not the module waits for it. */
function refuse(): Promise<never> {
  importing.refusal = startsOnImport()
  const refused = Promise.reject(importing.refusal)
  refused.catch(() => {})
  return refused
}

async function startSystem(what: Topology | URL | string, options: StartOptions): Promise<Running> {
  const inline = options.host === 'inline'
  if (isTopology(what) && !inline) {
    throw userError('module', "workers need the topology's module: give start() its URL, or run it with host: 'inline'")
  }
  const module = isTopology(what) ? null : moduleUrl(what)
  // A program that waits while it imports itself waits for ever, and Node then ends without a word.
  if (module !== null && module === nodeSeam.files.url(process.argv[1] ?? '').href) throw startsOnImport()
  const topology = isTopology(what) ? what : await loadTopology(module!, options.export ?? 'default')
  const sizes = checkSizes(options)
  const { parallelism } = sizes
  const whole = plan(topology, parallelism)
  await checkSources(whole)
  const directory = `${options.dir ?? '.umbel'}/${topology.name}`
  const lock = await SupervisorLock.take(directory)
  try {
    const prepared = prepareJob(nodeSeam.files, directory, topology, {
      parallelism,
      module,
      fresh: options.fresh ?? false,
    })
    const started = {
      plan: whole,
      directory,
      out: options.out ?? `out/${topology.name}`,
      limits: { ...SHARD_LIMITS, ...options.limits },
    }
    const engine = inline
      ? startInline(started)
      : startProcesses(started, module!, options.export ?? 'default', sizes, lock)
    return running(
      started,
      engine,
      prepared.isContinued,
      () => {
        writeJob(nodeSeam.files, directory, { ...prepared.job, state: 'finished' })
      },
      lock,
    )
  } catch (error) {
    lock.release()
    throw error
  }
}

interface Started {
  readonly plan: Plan
  readonly directory: string
  readonly out: string
  readonly limits: ShardLimits
}

interface Engine {
  readonly ended: Promise<'finished' | 'drained'>
  readonly board: BoardBuffers
  drain(): void
  status(): ShardStatus[]
  deaths(): readonly Death[]
  pids(): number[]
}

function startInline({ plan: whole, directory, out, limits }: Started): Engine {
  const board = makeBoardBuffers(whole.shards.length)
  const group = new ShardGroup({
    plan: whole,
    shards: whole.shards,
    seam: nodeSeam,
    board,
    bell: 1,
    directory,
    out,
    limits,
    nodeVersion,
  })
  const release = nodeSeam.scheduler.hold()
  return {
    board,
    ended: group.run().finally(release),
    drain: () => group.drain(),
    status: () => group.status(),
    deaths: () => [],
    pids: () => [],
  }
}

function startProcesses(
  { plan: whole, directory, out, limits }: Started,
  module: string,
  exportName: string,
  { heartbeatMs, ...sizes }: Sizes,
  lock: SupervisorLock,
): Engine {
  const supervisor = new Supervisor(
    whole,
    {
      module,
      export: exportName,
      definition: whole.topology.definition,
      directory,
      out,
      limits,
      ...sizes,
      relay: sizes.hosts > 1 || whole.edges.some((edge) => edge.to === null),
    },
    {
      seam: nodeSeam,
      fork: forkHost,
      register: (pid) => lock.addHost(pid),
      heartbeatMs,
    },
  )
  return {
    board: supervisor.board,
    ended: supervisor.ended,
    drain: () => supervisor.drain(),
    status: () => supervisor.status(),
    deaths: () => supervisor.deaths,
    pids: () => supervisor.pids(),
  }
}

function running(
  started: Started,
  engine: Engine,
  isContinued: boolean,
  finish: () => void,
  lock: SupervisorLock,
): Running {
  let isOver = false
  const ended = engine.ended
    .then((outcome) => {
      if (outcome === 'finished') finish()
      return outcome
    })
    .finally(() => {
      isOver = true
      lock.release()
    })
  ended.catch(() => {})
  const options = { plan: started.plan, seam: nodeSeam, board: engine.board, bell: 2, directory: started.directory }
  const outputBatches = (name: string) => readOutput(options, name, () => isOver)
  return {
    plan: started.plan,
    isContinued,
    ended,
    status: () => engine.status(),
    deaths: () => engine.deaths(),
    pids: () => engine.pids(),
    outputBatches,
    async *output(name) {
      for await (const batch of outputBatches(name)) {
        for (let i = 0; i < batch.length; i++) yield { row: batch.row(i), diff: batch.diff(i) }
      }
    },
    async stop() {
      engine.drain()
      await ended
    },
  }
}

function moduleUrl(what: URL | string): string {
  const url = what instanceof URL || what.startsWith('file:') ? new URL(what) : nodeSeam.files.url(what)
  if (!nodeSeam.files.exists(nodeSeam.files.path(url))) {
    throw userError('module', `there is no module ${nodeSeam.files.path(url)}: check the path`)
  }
  if (!/\.[cm]?[jt]sx?$/.test(url.pathname) || nodeSeam.files.isDirectory(nodeSeam.files.path(url))) {
    throw userError(
      'module',
      `${nodeSeam.files.path(url)} is no module: give a .ts, .js or .mjs file that exports a topology`,
    )
  }
  return url.href
}

type Sizes = ReturnType<typeof checkSizes>

/** Checked before the directory is touched: a wrong option leaves no unfinished run behind. */
const checkSizes = (options: StartOptions) => ({
  parallelism: wholeNumber('shards', options.shards ?? defaultParallelism()),
  workers: wholeNumber('workers', options.workers ?? defaultWorkers(), 1, WORKERS_MAX),
  heapMb: wholeNumber('heapMb', options.heapMb ?? 512, HEAP_MB_MIN, 65_536),
  hosts: wholeNumber('hosts', options.hosts ?? 1),
  heartbeatMs: wholeNumber('heartbeatMs', options.heartbeatMs ?? HEARTBEAT_MS, 1, 3_600_000),
})

function wholeNumber(name: string, value: number, least = 1, most = 256): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw userError('option', `${name} must be a whole number from ${least} to ${most}, got ${value}`)
}

async function checkSources(whole: Plan): Promise<void> {
  for (const stage of whole.stages) {
    if (stage.kind !== 'source') continue
    const { connector, name } = sourceNodeOf(stage)
    try {
      await connector.check?.({ seam: nodeSeam, schema: stage.nodes[0]!.schema })
    } catch (error) {
      if (!(error instanceof UmbelError)) throw error
      throw new UmbelError(error.kind, error.code, `source '${name}': ${error.message}`, error)
    }
  }
}
