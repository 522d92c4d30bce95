/**
 * A job: one run of a topology in a data directory, and the layout of that directory.
 *
 *   job.json          what runs here: definition, shards, state     supervisor.json   who runs it: see `supervisor-lock.ts`
 *   log/<shard>/      the shard's log                               state/<shard>/    its store
 *   dead-letters.jsonl                                              state/<shard>.opening   while it is being opened
 *   dead-letters.orders.json   which of them were retried or dropped
 *   indexes.json      what can be looked up, and where              snapshots/        where no other place was given
 */
import path from 'node:path'
import { userError } from '../base/errors.ts'
import { type ShardId, shardFolder } from '../base/ids.ts'
import type { Files } from '../base/seam.ts'
import type { Rescale } from '../topology/generations.ts'
import type { Topology } from '../topology/topology.ts'

export interface JobRecord {
  readonly topology: string
  readonly definition: string
  /** Of the definition, without its functions. */
  readonly shape: string
  readonly parallelism: number
  /** Stages whose number of shards was changed since, in order. */
  readonly rescales: readonly Rescale[]
  readonly module: string | null
  /** Name of the module's export. */
  readonly export: string
  /** Tells this job from earlier ones in the same directory. */
  readonly run: string
  /** The place that was given for its snapshots, from the root on; null where they are in the data directory, wherever that is. */
  readonly snapshots: string | null
  readonly state: 'running' | 'finished'
}

export const logDirectory = (directory: string): string => `${directory}/log`
export const storeDirectory = (directory: string, shard: ShardId): string => `${directory}/state/${shardFolder(shard)}`
/** Counts attempts to open the store. */
export const attemptsFile = (directory: string, shard: ShardId): string => `${storeDirectory(directory, shard)}.opening`
export const jobFile = (directory: string): string => `${directory}/job.json`
/** Where the snapshots of a job are. */
export const snapshotsOf = ({ snapshots }: Pick<JobRecord, 'snapshots'>, directory: string): string =>
  snapshots ?? `${directory}/snapshots`

export function readJob(files: Files, directory: string): JobRecord | null {
  const file = jobFile(directory)
  return files.exists(file) ? (JSON.parse(Buffer.from(files.read(file)).toString()) as JobRecord) : null
}

export function writeJob(files: Files, directory: string, job: JobRecord): void {
  files.replace(jobFile(directory), `${JSON.stringify(job, null, 2)}\n`)
}

/** Its input has ended. */
export function finishJob(files: Files, directory: string): void {
  writeJob(files, directory, { ...readJob(files, directory)!, state: 'finished' })
}

export interface PreparedJob {
  readonly job: JobRecord
  /** True when an interrupted run goes on. */
  readonly isContinued: boolean
}

/**
 * Makes the directory ready: an interrupted run of the same definition goes on, a finished one is cleared away.
 * @param wanted of a new job; what is unfinished keeps what it was started with, but for functions that have changed and
 *   were looked at (`changed-code.ts`)
 * @throws user error when unfinished state of another definition, size or place of snapshots is there
 */
export function prepareJob(
  files: Files,
  directory: string,
  topology: Topology,
  {
    fresh,
    changedCode,
    ...wanted
  }: Pick<JobRecord, 'parallelism' | 'module' | 'export' | 'run'> & {
    /** Undefined where none are taken. */
    snapshots: string | null | undefined
    fresh: boolean
    changedCode: boolean
  },
): PreparedJob {
  const found = readJob(files, directory)
  if (found === null && !fresh && ['log', 'state'].some((name) => files.exists(`${directory}/${name}`)))
    throw userError(
      'directory',
      `${directory} holds logs and stores, but no job.json, which says whose they are: restore it, run with --fresh to discard them, ` +
        'or with --dir to use another directory',
    )
  const goesOn = found !== null && found.state === 'running' && !fresh
  if (goesOn && found.definition !== topology.definition && !changedCode) {
    throw userError(
      'definition',
      `${directory} holds an unfinished run of another definition of topology '${found.topology}'; ` +
        (found.shape === topology.shape
          ? 'run with --changed-code to go on with it, since functions alone differ, '
          : 'run ') +
        'with --fresh to discard it, with --dir to use another directory, or with the former code to finish it',
    )
  }
  if (goesOn && found.parallelism !== wanted.parallelism) {
    throw userError(
      'parallelism',
      `${directory} holds an unfinished run with ${found.parallelism} shards a stage, not ${wanted.parallelism}; ` +
        `run with --shards ${found.parallelism}, or with --fresh to start over; 'umbel rescale' changes the shards of a stage`,
    )
  }
  if (goesOn) {
    const snapshots = wanted.snapshots === undefined ? found.snapshots : wanted.snapshots
    const isElsewhere = snapshots !== found.snapshots
    if (isElsewhere) checkMoved(files, directory, found, snapshots)
    if (wanted.snapshots !== undefined) files.makeDirectory(snapshotsOf({ snapshots }, directory))
    const job = { ...found, snapshots, definition: topology.definition }
    // Only once nothing refuses it any more: a run that does not begin leaves it to the former code.
    if (changedCode || isElsewhere) writeJob(files, directory, job)
    return { job, isContinued: true }
  }
  // What cannot be made is said before anything is changed.
  if (wanted.snapshots !== undefined) files.makeDirectory(snapshotsOf({ snapshots: wanted.snapshots }, directory))
  if (found !== null) files.remove(`${snapshotsOf(found, directory)}/${found.run}`)
  for (const name of [
    'log',
    'state',
    'dead-letters.jsonl',
    'dead-letters.jsonl.partial',
    'dead-letters.orders.json',
    'indexes.json',
  ])
    files.remove(`${directory}/${name}`)
  const job: JobRecord = {
    topology: topology.name,
    definition: topology.definition,
    shape: topology.shape,
    ...wanted,
    snapshots: wanted.snapshots ?? null,
    rescales: [],
    state: 'running',
  }
  writeJob(files, directory, job)
  return { job, isContinued: false }
}

/** Snapshots that were taken may have another place only if they are there: logs do not reach back behind them. */
function checkMoved(files: Files, directory: string, found: JobRecord, snapshots: string | null): void {
  const [before, now] = [snapshotsOf(found, directory), snapshotsOf({ snapshots }, directory)]
  const has = (place: string) => files.exists(`${place}/${found.run}`)
  if (has(now) || !has(before)) return
  const same = found.snapshots === null ? 'without --snapshots' : `with --snapshots ${path.dirname(before)}`
  throw userError(
    'snapshots',
    `the unfinished run in ${directory} has its snapshots in ${before}, and ${now} has none of it; run ${same}, ` +
      `move them (mkdir -p ${now} && mv ${before}/${found.run} ${now}/) and run again, or start over with --fresh`,
  )
}
