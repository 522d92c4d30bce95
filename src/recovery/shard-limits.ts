/** Every queue, batch and wait of a shard has its limit here. */
export interface ShardLimits {
  /** Rows after which an epoch closes, in and out. */
  readonly epochRowsMax: number
  /** Epochs whose records may be on their way to disk at once. */
  readonly appendsInFlightMax: number
  /** A store is due this long after the last one, if something changed. */
  readonly storeIntervalMs: number
  /** Bytes of unstored changes after which a store is due at once, and processing waits for the one under way. */
  readonly writeSetBytesMax: number
  /** Bytes in all logs that receivers have not consumed, at which sources pause. */
  readonly backlogBytesMax: number
  /** Bytes after which a log goes on in another file: what of it is not needed goes by whole files. */
  readonly segmentBytes: number
}

export const SHARD_LIMITS: ShardLimits = {
  epochRowsMax: 65_536,
  appendsInFlightMax: 3,
  storeIntervalMs: 500,
  writeSetBytesMax: 32 << 20,
  backlogBytesMax: 64 << 20,
  segmentBytes: 16 << 20,
}
