/** The last marker of a shard, read from outside: what is committed, whoever runs. */
import { type Epoch, type ShardId, shardFolder } from '../base/ids.ts'
import type { Files } from '../base/seam.ts'
import { EmbeddedLog } from '../mailbox/embedded-log.ts'
import { findEnd, listSegments } from '../mailbox/segment-chain.ts'
import { decodeMarker, type Marker } from './marker.ts'

/**
 * @param directory of the logs
 * @returns null before its first epoch
 */
export async function readLastMarker(
  files: Files,
  directory: string,
  shard: ShardId,
): Promise<{ epoch: Epoch; marker: Marker } | null> {
  const log = new EmbeddedLog({ files, directory, announced: () => -1, announce: () => {} })
  const epoch = findEnd(files, listSegments(files, `${directory}/${shardFolder(shard)}`))
  if (epoch === 0) return null
  for await (const { marker } of log.markers(shard, epoch, epoch)) return { epoch, marker: decodeMarker(marker) }
  return null
}
