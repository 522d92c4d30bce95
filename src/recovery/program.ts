/**
 * What a shard runs, as the epoch driver sees it: a stage's operators, a source's readers, or a sink's writer.
 *
 * A stateful program keeps its state in tables and is replayed from the slices in the markers. A program without tables
 * (sources, appending sinks) puts its whole state into each marker instead and goes on from the last one.
 */
import type { Budget } from '../base/budget.ts'
import type { Epoch } from '../base/ids.ts'
import type { Timestamp } from '../base/time.ts'
import type { InboxBatch } from '../mailbox/inbox.ts'
import type { Batch } from '../records/batch.ts'
import type { KeyedTable } from '../storage/table.ts'
import type { Retry } from './retries.ts'
import type { ShardLimits } from './shard-limits.ts'

export interface ProgramOutput {
  readonly edge: number
  readonly batch: Batch
}

/** The tables of a shard that has handed over, to read. */
export type PredecessorTables = (name: string) => KeyedTable

/** Whether a shard owns the rows with this routing hash. */
export type OwnsHash = (hash: number) => boolean
/** How much a source reads at once. */
export type ReadLimits = Pick<ShardLimits, 'epochRowsMax' | 'batchBytesMax' | 'outboxBytesMax'>

export interface Program {
  /** Names of the tables; none for a program whose state is in its marker. */
  readonly tables: readonly string[]
  /** Where output goes; set by the driver before anything else. */
  output: (output: ProgramOutput) => void
  /** Called once: with what the last marker holds of `markerState` (null at the first start), and the input watermarks. */
  open(markerState: unknown, watermarks: readonly Timestamp[]): Promise<void> | void
  onBatch(input: InboxBatch): void
  /** Takes a row that was turned away before; sinks turn none away. */
  retry?(retry: Retry): void
  /** Called before `open` of a shard that takes over from others, with their tables: takes what the shard owns. */
  inherit?(from: readonly PredecessorTables[], owns: OwnsHash, room: () => Promise<void>): Promise<void>
  /** The same for a program whose state is in its marker: from the last markers' states, a state to open with. */
  inheritState?(states: readonly unknown[]): unknown
  /** Moves time on; true when nothing due is left. */
  advance(watermarks: readonly Timestamp[], budget: Budget): boolean
  /** The watermark of an outgoing edge. */
  watermarkOf(edge: number): Timestamp
  /** What is held in memory alone goes to the tables: before a store. */
  flush(): void
  /** True while each epoch must be followed by a store, which brings what is stored into order. */
  isBehind?(): boolean
  /** Hash of the logical changes of state of this epoch. */
  digest(): number
  /** Bytes held in memory beyond the write set. */
  memoryBytes(): number
  /** A source reads instead of being given batches. Resolves false when nothing has come (yet). */
  read?(limits: ReadLimits): Promise<boolean>
  /** A source is not asked to read, since others are behind: its silence says nothing of what it has. */
  heldBack?(): void
  /** Of a source, in a trial: only these rows are passed on; nothing is said of the others. */
  choose?(isChosen: (split: number, offset: number) => boolean): void
  /** Of a source: what came last. */
  lastRead?(): { readonly split: number; readonly offsets: readonly number[] }
  /** True when a source has given all it has. */
  readonly isExhausted?: boolean
  /** Effects that must be durable before the marker, such as a sink's bytes. `isLast` at the end of the input. */
  prepare?(epoch: Epoch, isLast: boolean): Promise<void>
  /** The program's own state, for the marker. */
  markerState?(): unknown
  /** The marker is durable: make its effects visible. Repeated after a recovery, so it must be idempotent. */
  publish?(markerState: unknown): Promise<void> | void
  close?(): Promise<void> | void
}
