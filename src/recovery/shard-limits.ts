/** Every queue, batch, cache and wait of a shard has its limit here. What they come to: `docs/memory.md`. */
export interface ShardLimits {
  /** Rows after which an epoch closes, in and out. */
  readonly epochRowsMax: number
  /** Bytes of rows after which an epoch takes in no more. */
  readonly epochBytesMax: number
  /** Bytes of rows that are read of a source, held in one piece, or encoded for a file, at a time. */
  readonly batchBytesMax: number
  /** Bytes that an epoch fetches of logs. A record that alone is larger is an epoch of its own. */
  readonly fetchBytesMax: number
  /** Bytes of rows after which emission pauses until the next epoch; and of frames on their way to disk, at which epochs wait. */
  readonly outboxBytesMax: number
  /** Epochs whose records may be on their way to disk at once. */
  readonly appendsInFlightMax: number
  /** A store is due this long after the last one, if something changed. */
  readonly storeIntervalMs: number
  /** Bytes of unstored changes after which a store is due at once, and processing waits for the one under way. */
  readonly writeSetBytesMax: number
  /** Bytes that an operator keeps of what it has read or numbered, to spare doing it again. */
  readonly cacheBytesMax: number
  /** Bytes in all logs that receivers have not consumed, at which sources pause. */
  readonly backlogBytesMax: number
  /** Bytes after which a log goes on in another file: what of it is not needed goes by whole files. */
  readonly segmentBytes: number
}

export const SHARD_LIMITS: ShardLimits = {
  epochRowsMax: 65_536,
  epochBytesMax: 16 << 20,
  batchBytesMax: 8 << 20,
  fetchBytesMax: 16 << 20,
  outboxBytesMax: 16 << 20,
  appendsInFlightMax: 3,
  storeIntervalMs: 500,
  writeSetBytesMax: 32 << 20,
  cacheBytesMax: 8 << 20,
  backlogBytesMax: 64 << 20,
  segmentBytes: 16 << 20,
}

/** Limits that say what of its rows an epoch puts out: a replay goes by those of the first run. */
export type EpochShape = readonly [epochRowsMax: number, outboxBytesMax: number, batchBytesMax: number]

export const shapeOf = ({ epochRowsMax, outboxBytesMax, batchBytesMax }: ShardLimits): EpochShape => [
  epochRowsMax,
  outboxBytesMax,
  batchBytesMax,
]

/** The limits of one shard, of which some change: while it replays epochs of other starts, and where it dies of too much. Whoever holds them sees that. */
export class ChangingLimits implements ShardLimits {
  epochRowsMax!: number
  readonly epochBytesMax!: number
  batchBytesMax!: number
  readonly fetchBytesMax!: number
  outboxBytesMax!: number
  appendsInFlightMax!: number
  storeIntervalMs!: number
  readonly writeSetBytesMax!: number
  readonly cacheBytesMax!: number
  readonly backlogBytesMax!: number
  readonly segmentBytes!: number

  constructor(limits: ShardLimits) {
    Object.assign(this, limits)
  }

  /** Each epoch is stored, also in a replay. */
  storeEach(): void {
    this.storeIntervalMs = 0
  }

  /** So what ends a life is as little as can be, and what came before is not done again. */
  takeFew(rows: number): void {
    this.epochRowsMax = Math.min(this.epochRowsMax, rows)
    this.appendsInFlightMax = 1
    this.storeEach()
  }

  /** From now on epochs are cut like this. */
  shape([epochRowsMax, outboxBytesMax, batchBytesMax]: EpochShape): void {
    Object.assign(this, { epochRowsMax, outboxBytesMax, batchBytesMax })
  }
}
