/** The right side of an as-of join: what left rows find at their times. */
import type { Batch } from '../../records/batch.ts'
import type { Column } from '../../records/column.ts'
import type { Schema } from '../../records/schema.ts'
import type { KeyedTable } from '../../storage/table.ts'
import type { OperatorLimits } from '../operator.ts'

/** What left rows found; void when the side is asked for more, or changes. */
export interface Found {
  /** A number for what each row found, -1 where there is nothing. */
  readonly codes: Int32Array
  /** Bytes of what has this number. */
  bytes(code: number): number
  /** A field of the right side for each of these; null for -1. */
  column(field: number, codes: Int32Array): Column
}

export interface RightSide {
  /** How many rows to look up at a time. */
  readonly lookRows: number
  find(left: Batch): Found
  /** Takes rows in. @param horizon no look-up is before it */
  put(right: Batch, horizon: number): void
  readonly memoryBytes: number
  readonly isBehind: boolean
  flush(): void
}

export interface SidePlan {
  readonly left: Schema
  readonly right: Schema
  readonly leftKeys: readonly string[]
  readonly rightKeys: readonly string[]
  /** Of the right side, that are asked for. */
  readonly fields: readonly string[]
  /** How much older than the row what it finds may be, and how much newer, in microseconds; both inclusive. */
  readonly older: number
  readonly newer: number
}

/** What a side is made over. */
export interface SideContext {
  table(name: string): KeyedTable
  readonly limits: OperatorLimits
}
