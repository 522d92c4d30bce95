/**
 * What a fold makes of a group's updates up to some time. It takes each in and out again exactly, so that the fold can go
 * back to before a late one. What is kept beside its tables is small, and saved with the group.
 */
import type { Value } from '../../records/column.ts'
import type { KeyedTable } from '../../storage/table.ts'
import type { FoldRow } from './fold-row.ts'

export interface Accumulator {
  /** Takes an update in; with the opposite `diff` out again. */
  apply(row: FoldRow, diff: number): void
  /** Nothing takes this update, which is in, out any more. Updates are settled in order. */
  settle(row: FoldRow): void
  /** The rows that hold now: values of the output's columns behind the keys. */
  rows(): readonly (readonly Value[])[]
  /** To be stored, in a form that msgpackr takes; null where nothing is left of the group. */
  save(): unknown
}

/** What an accumulator of one group is opened over. */
export interface GroupStore {
  /** The packed key. */
  readonly key: Uint8Array
  /** What `save` gave; null for a new group. */
  readonly saved: unknown
  /** Where what is large is kept, under keys that begin with the group's. */
  readonly members: KeyedTable
}

/** Of one operator: opens the accumulators of its groups. */
export type OpenAccumulator = (store: GroupStore) => Accumulator
