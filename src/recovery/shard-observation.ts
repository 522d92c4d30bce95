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

/** What is seen of a shard that has done nothing yet. */
export const observe = (known: Partial<ShardObservation> = {}): ShardObservation => ({
  epoch: 0,
  storedEpoch: 0,
  rowsIn: 0,
  rowsOut: 0,
  logBytes: 0,
  watermark: Number.NEGATIVE_INFINITY,
  stores: 0,
  busyMs: 0,
  snapshots: null,
  ...known,
})
