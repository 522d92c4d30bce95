/** Reads a job's directory from outside: markers from the logs, epochs from the stores. Writes nothing. */
import { UmbelError } from '../base/errors.ts'
import { shardFolder, shardOfFolder } from '../base/ids.ts'
import type { Files } from '../base/seam.ts'
import { embeddedLogs, readLastMarker } from '../recovery/last-marker.ts'
import type { Marker } from '../recovery/marker.ts'
import { readStoredState } from '../recovery/shard-store.ts'
import { ReplaceableReader } from '../storage/reader.ts'
import { type JobRecord, logDirectory, readJob, snapshotsOf, storeDirectory } from './job.ts'
import type { SourceMarkerState } from './source-program.ts'

export interface InspectedShard {
  readonly shard: string
  readonly markedEpoch: number
  /** Null where the whole state is in the marker, or the store is gone. */
  readonly storedEpoch: number | null
  /** There are snapshots of its store, and no store: the next start puts one back. */
  readonly isStoreGone: boolean
  /** Least of the input watermarks at the last marker; microseconds. */
  readonly watermark: number
  /** How far this is behind the furthest shard. */
  readonly lag: number
  readonly positions: readonly number[]
  readonly isFinished: boolean
  /** It has handed over to shards of the next generation. */
  readonly isRetired: boolean
  readonly logBytes: number
  readonly stateBytes: number
  /** Why its log or store cannot be read; null where they can. The other numbers say nothing then. */
  readonly problem: string | null
}

/** Null where the directory is not a job's. */
export async function inspectJob(
  files: Files,
  directory: string,
): Promise<{ job: JobRecord; shards: InspectedShard[] } | null> {
  const job = readJob(files, directory)
  if (job === null) return null
  const shards: InspectedShard[] = []
  for (const folder of files.list(logDirectory(directory))) {
    const shard = shardOfFolder(folder)
    if (shard !== null)
      shards.push(await inspectShard(files, directory, job, shard).catch((error) => unreadable(shard, error)))
  }
  const furthest = Math.max(...shards.map((shard) => shard.watermark).filter(Number.isFinite))
  return { job, shards: shards.map((shard) => ({ ...shard, lag: furthest - shard.watermark })) }
}

async function inspectShard(files: Files, directory: string, job: JobRecord, shard: string): Promise<InspectedShard> {
  const folder = `${logDirectory(directory)}/${shardFolder(shard)}`
  const last = await readLastMarker(embeddedLogs(files, logDirectory(directory)), shard)
  const marker = last?.marker ?? null
  const path = storeDirectory(directory, shard)
  const reader = new ReplaceableReader({ files, path, tables: [] })
  const store = await reader.current()
  const meta = store?.meta() ?? null
  const storedEpoch = meta === null ? null : readStoredState(meta.body).epoch
  await reader.close()
  const sizes = (at: string) => files.list(at).reduce((sum, name) => sum + files.size(`${at}/${name}`), 0)
  return {
    shard,
    markedEpoch: last?.epoch ?? 0,
    storedEpoch,
    isStoreGone: meta === null && files.exists(`${snapshotsOf(job, directory)}/${job.run}/${shardFolder(shard)}`),
    watermark: watermarkOf(marker),
    lag: 0,
    positions: marker?.inbox.positions ?? [],
    isFinished: marker?.isLast ?? false,
    isRetired: marker?.isRetired ?? false,
    logBytes: sizes(folder),
    stateBytes: sizes(path),
    problem: null,
  }
}

/** @throws what is no matter of that shard alone */
function unreadable(shard: string, error: unknown): InspectedShard {
  if (!(error instanceof UmbelError)) throw error
  return {
    ...{ shard, markedEpoch: 0, storedEpoch: null, watermark: Number.NEGATIVE_INFINITY, lag: 0, positions: [] },
    ...{ isStoreGone: false, isFinished: false, isRetired: false, logBytes: 0, stateBytes: 0, problem: error.message },
  }
}

function watermarkOf(marker: Marker | null): number {
  if (marker === null) return Number.NEGATIVE_INFINITY
  const { watermarks, retired } = marker.inbox
  // Time goes on without those that have handed over.
  const inputs = watermarks.flatMap((of, sender) => (retired.includes(sender) ? [] : of))
  if (watermarks.length > 0) return Math.min(...inputs)
  const { splits } = (marker.program ?? { splits: {} }) as Pick<SourceMarkerState, 'splits'>
  return Math.min(...Object.values(splits).map((split) => split.watermark))
}
