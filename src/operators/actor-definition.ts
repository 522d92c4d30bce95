/** A user's own actor, as it is declared, and what it is given. */
import type { Timestamp } from '../base/time.ts'
import type { UserValue } from '../records/column.ts'
import type { Fields, Row, Schema } from '../records/schema.ts'

/** What an actor can do while it handles a row or a timer; everything belongs to the current key. */
export interface ActorContext {
  /** The current key's values, in the order of `keyBy`. */
  readonly key: readonly UserValue[]
  /** Time of the row or timer at hand, in microseconds. */
  readonly time: Timestamp
  /** +1 for an insertion, -1 for a retraction; +1 in timers. */
  readonly diff: number
  /** Reads a named value of the current key. Values are plain data. */
  get<T>(name: string): T | undefined
  set(name: string, value: unknown): void
  delete(name: string): void
  /** Calls `onTimer` at an event time; the same time twice is one timer. */
  setTimer(at: Timestamp): void
  clearTimer(at: Timestamp): void
  /** Emits a row of the output schema; its event time must not lie behind what has passed. */
  emit(row: Readonly<Record<string, UserValue>>, diff?: 1 | -1): void
  /** Milliseconds since the epoch, journaled: a replay sees the same answer. */
  now(): number
  /** A number in [0, 1), journaled. */
  random(): number
}

export interface ActorDefinition {
  readonly output: Schema
  readonly order: 'event-time' | 'arrival'
  /** How far behind the watermark emitted rows may be, beyond the input's bound, in microseconds. */
  readonly bound: number
  readonly onRow: (row: Row<Fields>, context: ActorContext) => void
  readonly onTimer?: (at: Timestamp, context: ActorContext) => void
  /** Told when time has moved; may neither emit nor write. */
  readonly onWatermark?: (watermark: Timestamp) => void
}

/** What its operator is made of. */
export interface ActorPlan {
  readonly input: Schema
  readonly keys: readonly string[]
  readonly definition: ActorDefinition
  readonly inputBound: number
  /** Head of the origins of the output. */
  readonly origin: Uint8Array
  readonly clock: () => number
  readonly random: () => number
}
