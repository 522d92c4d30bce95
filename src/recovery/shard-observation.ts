/** What can be seen of a live shard. */
import type { SnapshotObservation } from './snapshot-cycle.ts'

/** Numbers about a shard for progress, `inspect` and tests. */
export interface ShardObservation {
  epoch: number
  storedEpoch: number
  rowsIn: number
  rowsOut: number
  logBytes: number
  watermark: number
  stores: number
  /** Milliseconds in which the shard had its thread: reading, processing, encoding. Waits are not counted. */
  busyMs: number
  /** Null where the whole state is in the markers, or snapshots are off. */
  snapshots: SnapshotObservation | null
}
