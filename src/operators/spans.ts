/** Aggregates over spans: lengths of time up to a time, which move on with it. A span of length d up to t is (t - d, t]. */
import type { FieldType, Schema } from '../records/schema.ts'
import { type Aggregation, resultType } from './aggregation.ts'

/** An aggregate over a span, in microseconds; null, or none, for one that has no beginning. */
export interface Spanned extends Aggregation {
  readonly over?: number | null
}

/** The spans that rows leave, each once. */
export const spansOf = (aggregates: Readonly<Record<string, Spanned>>): number[] => [
  ...new Set(Object.values(aggregates).flatMap(({ over }) => over ?? [])),
]

/** The type of a result where a span may be empty: null then, but for counts and lists. */
export function spanResultType(input: Schema, aggregate: Aggregation): FieldType {
  const type = resultType(input, aggregate)
  return { ...type, nullable: !(aggregate.kind.startsWith('count') || type.kind === 'list') }
}
