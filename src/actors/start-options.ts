/** What a start can be told, with the limits and defaults of what is a number. */
import { userError } from '../base/errors.ts'
import { aFlag, anything, aText, check, maybe, oneOf, only } from '../base/given.ts'
import { SHARD_LIMITS, type ShardLimits } from '../recovery/shard-limits.ts'
import { defaultParallelism, defaultWorkers } from './real/machine.ts'
import type { SnapshotSettings } from './snapshot-settings.ts'

const HEARTBEAT_MS = 10_000
const STALL_MS = 10_000
/** Each worker listens to a bell of its own; the board has 64. */
const WORKERS_MAX = 60
/** With less, a worker dies before it takes a task. */
const HEAP_MB_MIN = 32
/** With less, the engine's own buffers may be too much. */
const OFF_HEAP_MB_MIN = 64

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
  /**
   * Whether a further host process stands by, with everything loaded but no shard, so that recovery from the death of a
   * host takes a fraction of the time; it takes some 90 MB. Default true.
   */
  readonly spareHost?: boolean
  /** Heap limit of each worker, in MB, at least 32. Default 512. */
  readonly heapMb?: number
  /**
   * What each worker may hold outside its heap, in MB, at least 64: buffers and typed arrays, the engine's own and those of
   * users' functions. One that holds more is ended, named, and started again. Default 1024.
   */
  readonly offHeapMb?: number
  /** A host that is silent for so many milliseconds is killed, and its shards start anew. Default 10,000. */
  readonly heartbeatMs?: number
  /**
   * A call of a user's function that takes longer, in milliseconds, is ended with its host, and named; if it does so in
   * a trial, too, the row goes to the dead letters. At least 200, default 10,000.
   */
  readonly stallMs?: number
  /**
   * Goes on with the state of an interrupted run whose functions have changed since, and nothing else. It must have been
   * stopped gracefully. Default false: such a run is refused.
   */
  readonly changedCode?: boolean
  /** Discards the state of an interrupted run. */
  readonly fresh?: boolean
  /** Copies of the stores, for the day when one is lost; `false` for none, and logs that are never trimmed. */
  readonly snapshots?: SnapshotSettings | false
  /** Limits of each shard, whole numbers above 0; see `ShardLimits`. */
  readonly limits?: Partial<ShardLimits>
}

export type Sizes = ReturnType<typeof checkSizes>

const startOptions = only({
  dir: maybe(aText),
  out: maybe(aText),
  host: maybe(oneOf(['process', 'inline'])),
  export: maybe(aText),
  ...{ shards: anything, workers: anything, hosts: anything, spareHost: maybe(aFlag) },
  ...{ heapMb: anything, offHeapMb: anything, heartbeatMs: anything, stallMs: anything },
  ...{ changedCode: maybe(aFlag), fresh: maybe(aFlag), snapshots: anything, limits: anything },
})

/** @throws user error `argument` for an option that there is not */
export const checkOptions = (options: StartOptions): void => check('start', startOptions, options)

/** Checked before the directory is touched: a wrong option leaves no unfinished run behind. */
export const checkSizes = (options: StartOptions) => ({
  parallelism: wholeNumber('shards', options.shards ?? defaultParallelism()),
  workers: wholeNumber('workers', options.workers ?? defaultWorkers(), 1, WORKERS_MAX),
  heapMb: wholeNumber('heapMb', options.heapMb ?? 512, HEAP_MB_MIN, 65_536),
  offHeapMb: wholeNumber('offHeapMb', options.offHeapMb ?? 1024, OFF_HEAP_MB_MIN, 1 << 20),
  hosts: wholeNumber('hosts', options.hosts ?? 1),
  spareHost: options.spareHost ?? true,
  heartbeatMs: wholeNumber('heartbeatMs', options.heartbeatMs ?? HEARTBEAT_MS, 1, 3_600_000),
  stallMs: wholeNumber('stallMs', options.stallMs ?? STALL_MS, 200, 3_600_000),
})

/** @throws user error `option` that names the limit */
export function checkLimits(given: Partial<ShardLimits> = {}): ShardLimits {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(SHARD_LIMITS, name)) {
      throw userError('option', `there is no limit '${name}'; the limits are ${Object.keys(SHARD_LIMITS).join(', ')}`)
    }
    wholeNumber(`limits.${name}`, value, 1, Number.MAX_SAFE_INTEGER)
  }
  return { ...SHARD_LIMITS, ...given }
}

function wholeNumber(name: string, value: number, least = 1, most = 256): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw userError('option', `${name} must be a whole number from ${least} to ${most}, got ${value}`)
}
