/**
 * Aggregates that no fixed number of cells can hold. Like accumulators they take each row in and out again exactly; what is
 * large stands in the group's members.
 */
import type { Value } from '../../../records/column.ts'
import type { FieldType } from '../../../records/schema.ts'
import type { KeyedTable } from '../../../storage/table.ts'
import type { FoldRow } from '../fold-row.ts'

export interface Collector {
  /** Takes a row in; with the opposite `diff` out again. */
  apply(row: FoldRow, diff: number): void
  /** Nothing takes this row, which is in, out any more. Rows are settled in order. */
  settle(row: FoldRow): void
  /** In its packed form; null where there is none. */
  value(): Value
  /** To be stored, in a form that msgpackr takes; null where nothing is left. */
  save(): unknown
}

/** What a collector of one group is opened over. */
export interface CollectorStore {
  /** What `save` gave; null for a new group. */
  readonly saved: unknown
  readonly members: KeyedTable
  /** Of all its keys in the table. */
  readonly prefix: Uint8Array
}

/** Of one aggregate: which of a row's values it takes, and their types. */
export interface Collected {
  readonly sources: readonly number[]
  readonly types: readonly FieldType[]
}
