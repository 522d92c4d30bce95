/**
 * The contract of operators: synchronous, deterministic in their inputs, all state in their tables, time only from rows
 * and watermarks. So a replay equals the first run.
 *
 * The stage calls `open` first, where there is stored state, and then epoch by epoch: `onBatch` any number of times,
 * `advance` once, and perhaps `flush`. After an `advance` that left something due the next epoch brings no batch, until
 * nothing is left. `emit` may be called only from within `onBatch` and `advance`. Watermarks never go back (WM-1).
 */
import type { Budget } from '../base/budget.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import type { KeyedTable } from '../storage/table.ts'
import type { Guard } from './user-code.ts'

/** Where an operator's output goes: the next operators of the stage, or the outbox. */
export type Emit = (batch: Batch) => void

/** Budgets in bytes: those of the shard (`ShardLimits`) that an operator keeps to. */
export interface OperatorLimits {
  readonly batchBytesMax: number
  readonly outboxBytesMax: number
  readonly cacheBytesMax: number
  readonly writeSetBytesMax: number
}

export interface OperatorContext {
  /** A table of this operator; names are layout on disk. */
  table(name: string): KeyedTable
  emit: Emit
  /** Runs `ask` (a clock, randomness, a call outside) once and journals its answer in the marker; replay gets the journal. */
  journal<T>(ask: () => T): T
  readonly guard: Guard
  readonly limits: OperatorLimits
}

export interface Operator {
  /** The stored watermarks of the inputs, after a restart; called once, before anything else. */
  open?(watermarks: readonly Timestamp[]): void
  /** @param port which of the operator's inputs the batch comes from */
  onBatch(batch: Batch, port: number): void
  /**
   * The epoch's rows are in and time has come to `watermarks` (one an input): do what is due, within the budget.
   * @returns true when nothing due is left; the output watermark moves only then
   */
  advance?(watermarks: readonly Timestamp[], budget: Budget): boolean
  /** Puts what is held in memory alone into the tables. Called at an epoch boundary, before a store. */
  flush?(): void
  /** True while stored state is in more pieces than it should be: each epoch is followed by a flush then, which joins some. */
  isBehind?(): boolean
  /** A hash of the logical changes of state since the last call, for comparison in replay. */
  digest?(): number
  /** Approximate bytes held in memory beyond the write set. */
  memoryBytes?(): number
}
