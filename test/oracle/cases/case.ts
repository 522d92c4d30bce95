/**
 * A case: sources with their rows, and steps that are made of them. Plain data, so that it can be printed, cut down and
 * told apart from what runs it.
 */

import type { NearSpan } from '../near.ts'
import type { OracleRanking } from '../ranks.ts'
import type { OracleAggregates } from '../windows.ts'

/** Microseconds of a case's unit of time. */
export const SECOND = 1_000_000

export interface Column {
  readonly name: string
  readonly kind: 'int' | 'float' | 'string' | 'time' | 'bool' | 'list'
  readonly nullable?: boolean
}

export type CaseRow = Readonly<Record<string, number | string | boolean | null>>

export interface SourceStep {
  readonly op: 'source'
  /** In the order in which they arrive. */
  readonly rows: readonly CaseRow[]
  readonly splits: number
  readonly disorder: number
  readonly lateness: number
}
export interface FilterStep {
  readonly op: 'filter'
  readonly inputs: readonly [number]
  readonly column: string
  /** Rows whose number leaves this when it is divided by 3 are dropped. */
  readonly rest: number
}
export interface AssignStep {
  readonly op: 'assign'
  readonly inputs: readonly [number]
  readonly name: string
  readonly column: string
  readonly times: number
}
export interface SelectStep {
  readonly op: 'select'
  readonly inputs: readonly [number]
  readonly names: readonly string[]
}
export interface RenameStep {
  readonly op: 'rename'
  readonly inputs: readonly [number]
  readonly names: Readonly<Record<string, string>>
}
export interface UnionStep {
  readonly op: 'union'
  readonly inputs: readonly [number, number]
}
export interface WindowStep {
  readonly op: 'window'
  readonly inputs: readonly [number]
  readonly keys: readonly string[]
  readonly size: number
  readonly hop: number
  readonly offset: number
  readonly step: number | null
  readonly lookback: number
  readonly emit: 'final' | 'eager'
  readonly aggregates: OracleAggregates
}
export interface SessionStep {
  readonly op: 'session'
  readonly inputs: readonly [number]
  readonly keys: readonly string[]
  readonly gap: number
  readonly emit: 'final' | 'eager'
  readonly aggregates: OracleAggregates
}
export interface FoldStep {
  readonly op: 'fold'
  readonly inputs: readonly [number]
  readonly keys: readonly string[]
  readonly fold: OracleRanking | { readonly aggregates: OracleAggregates }
  /** Versions at multiples of this alone. */
  readonly every?: number
  readonly emit: 'final' | 'eager'
}
export interface DedupStep {
  readonly op: 'dedup'
  readonly inputs: readonly [number]
  readonly keys: readonly string[]
  /** 0 for none. */
  readonly span: number
  /** Instead: of sessions. */
  readonly gap?: number
  readonly emit: 'final' | 'eager'
}
export interface DropNullStep {
  readonly op: 'drop-null'
  readonly inputs: readonly [number]
  readonly names: readonly string[]
}
/** A list is made of a column, then each of its elements gets a row. */
export interface ExplodeStep {
  readonly op: 'explode'
  readonly inputs: readonly [number]
  readonly name: string
  readonly column: string
}
/** Rows of these columns and a new one, as many as a column says. */
export interface TransformStep {
  readonly op: 'transform'
  readonly inputs: readonly [number]
  readonly names: readonly string[]
  readonly name: string
  readonly column: string
}
export interface ChangelogStep {
  readonly op: 'changelog'
  readonly inputs: readonly [number]
  readonly keys: readonly string[]
  readonly name: string
  readonly marks: 'insert' | 'delete'
}
export interface TableJoinStep {
  readonly op: 'join'
  readonly inputs: readonly [left: number, right: number]
  readonly leftKeys: readonly string[]
  readonly rightKeys: readonly string[]
  readonly fields: readonly string[]
  readonly how: 'inner' | 'left' | 'full' | 'semi' | 'anti'
  readonly emit: 'final' | 'eager'
}
export interface NearStep {
  readonly op: 'near'
  readonly inputs: readonly [left: number, right: number]
  readonly leftKeys: readonly string[]
  readonly rightKeys: readonly string[]
  readonly fields: readonly string[]
  readonly how: 'inner' | 'left' | 'right' | 'full'
  readonly span: NearSpan
  readonly emit: 'final' | 'eager'
}
export interface AsOfStep {
  readonly op: 'as-of'
  /** What the left rows are split by, where that is something else than what they are looked up by. */
  readonly by: readonly string[] | null
  readonly inputs: readonly [left: number, right: number]
  readonly leftKeys: readonly string[]
  readonly rightKeys: readonly string[]
  readonly fields: readonly string[]
  readonly how: 'inner' | 'left'
  /** Null for any age. */
  readonly older: number | null
  readonly newer: number
}

/** Rows with aggregates over those up to them. */
export interface OverStep {
  readonly op: 'over'
  readonly inputs: readonly [number]
  readonly keys: readonly string[]
  readonly aggregates: OracleAggregates
  readonly emit: 'final' | 'eager'
}
/** Keeps what it is made of for look-ups; nothing is made of it. */
export interface IndexStep {
  readonly op: 'index'
  readonly inputs: readonly [number]
  readonly keys: readonly string[]
  /** Null where whole rows are looked up. */
  readonly aggregates: OracleAggregates | null
  /** How far back; null for ever. */
  readonly history: number | null
}

export type Step =
  | SourceStep
  | FilterStep
  | AssignStep
  | SelectStep
  | RenameStep
  | UnionStep
  | WindowStep
  | SessionStep
  | FoldStep
  | DedupStep
  | DropNullStep
  | ExplodeStep
  | TransformStep
  | ChangelogStep
  | AsOfStep
  | TableJoinStep
  | NearStep
  | IndexStep
  | OverStep

export interface Case {
  readonly steps: readonly Step[]
  readonly shards: number
  readonly hosts: number
  readonly isOnKafka: boolean
  /** How many faults its run has. */
  readonly faults: number
}

export const inputsOf = (step: Step): readonly number[] => (step.op === 'source' ? [] : step.inputs)

/** Steps that nothing is made of: they are written to files. */
export function outputsOf(steps: readonly Step[]): number[] {
  const used = new Set(steps.flatMap(inputsOf))
  return steps.flatMap((_, s) => (used.has(s) ? [] : [s]))
}
