/** Where a job's snapshots go and how often: what the user says, what hosts are told, and one shard's part of it. */
import path from 'node:path'
import { userError } from '../base/errors.ts'
import { aDuration, anything, aText, check, maybe, only } from '../base/given.ts'
import { type ShardId, shardFolder } from '../base/ids.ts'
import type { Files, Seam } from '../base/seam.ts'
import { type Duration, micros } from '../base/time.ts'
import { ShardSnapshots, type SnapshotBody } from '../recovery/shard-snapshots.ts'
import { DirectoryObjectStore } from '../storage/object-store.ts'
import { SnapshotStore } from '../storage/snapshot-store.ts'
import { storeDirectory } from './job.ts'
import type { ShardMachine } from './shard-machine.ts'

/** What `start` takes. @example { every: '1m', directory: '/mnt/backup', keep: 3 } */
export interface SnapshotSettings {
  /** How often each shard takes one. Default 5 minutes. */
  readonly every?: Duration
  /** Where they go; each topology has a folder of its own there. Default: `snapshots` in the data directory. */
  readonly directory?: string
  /** How many of each shard are kept. Logs reach back to the oldest. Default 2. */
  readonly keep?: number
}

/** The same, settled: plain data that travels to hosts. */
export interface SnapshotPlan {
  readonly directory: string
  /** The job's own id: snapshots of an earlier job are none of this one. */
  readonly run: string
  readonly intervalMs: number
  readonly keep: number
}

const EVERY = '5m'
const KEEP = 2
const KEEP_MAX = 1000

const snapshotSettings = maybe(only({ every: maybe(aDuration), directory: maybe(aText), keep: anything }))

/** @throws user error `option`, or `argument` for one that there is not */
export function checkSnapshots(
  given: SnapshotSettings | false | undefined,
): Omit<SnapshotPlan, 'run' | 'directory'> | null {
  if (given === false) return null
  check('snapshots', snapshotSettings, given)
  const { every = EVERY, keep = KEEP, directory } = given ?? {}
  if (directory === '') throw userError('option', 'snapshots.directory is empty: name a folder, or leave it out')
  if (!Number.isInteger(keep) || keep < 1 || keep > KEEP_MAX) {
    throw userError('option', `snapshots.keep must be a whole number from 1 to ${KEEP_MAX}, got ${keep}`)
  }
  const intervalMs = micros(every) / 1000
  if (intervalMs < 1) throw userError('option', `snapshots.every must be at least 1ms, got ${every}`)
  return { intervalMs, keep }
}

/** The place that is given for the snapshots of a topology: it holds wherever commands run from later. Undefined where none are taken. */
export function snapshotPlace(topology: string, given: SnapshotSettings | false = {}): string | null | undefined {
  if (given === false) return undefined
  return given.directory === undefined ? null : `${path.resolve(given.directory)}/${topology}`
}

/** The snapshots of one shard, as they are stored. */
export const snapshotStore = (
  files: Files,
  directory: string,
  run: string,
  shard: ShardId,
): SnapshotStore<SnapshotBody> =>
  new SnapshotStore(new DirectoryObjectStore(files, directory), `${run}/${shardFolder(shard)}`)

/** The snapshots of one shard, and where its store is. */
export function shardSnapshots(
  seam: Seam,
  { openStore }: Pick<ShardMachine, 'openStore'>,
  dataDirectory: string,
  { directory, run, keep }: Omit<SnapshotPlan, 'intervalMs'>,
  shard: ShardId,
  tables: readonly string[],
): ShardSnapshots {
  return new ShardSnapshots({
    shard,
    seam,
    store: snapshotStore(seam.files, directory, run, shard),
    directory: storeDirectory(dataDirectory, shard),
    open: (path, more = []) => openStore(path, [...new Set([...tables, ...more])]),
    keep,
  })
}
