/** The last marker of a shard, read from outside: what is committed, whoever runs. */
import { type Epoch, type ShardId, shardFolder } from '../base/ids.ts'
import type { Files } from '../base/seam.ts'
import { EmbeddedLog } from '../mailbox/embedded-log.ts'
import type { MailboxLog } from '../mailbox/log.ts'
import { findEnd, listSegments } from '../mailbox/segment-chain.ts'
import { decodeMarker, type Marker } from './marker.ts'

/** The logs of a job, as somebody outside sees them. */
export interface SeenLogs {
  readonly log: MailboxLog
  /** The last epoch that is seen of a shard; 0 where there is none. */
  readonly end: (shard: ShardId) => Epoch
}

/** @param directory of the logs */
export const embeddedLogs = (files: Files, directory: string): SeenLogs => ({
  log: new EmbeddedLog({ files, directory, announced: () => -1, announce: () => {} }),
  end: (shard) => findEnd(files, listSegments(files, `${directory}/${shardFolder(shard)}`)),
})

/** @returns null before its first epoch */
export async function readLastMarker(
  { log, end }: SeenLogs,
  shard: ShardId,
): Promise<{ epoch: Epoch; marker: Marker } | null> {
  const epoch = end(shard)
  if (epoch === 0) return null
  for await (const { marker } of log.markers(shard, epoch, epoch)) return { epoch, marker: decodeMarker(marker) }
  return null
}
