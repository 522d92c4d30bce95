/** The aggregations that users name, typed: numeric ones take only numeric columns, and nullable columns give nullable results. */
import type { Aggregation, AggregationKind } from '../operators/aggregation.ts'
import type { Fields, FieldType } from '../records/schema.ts'

/** An aggregation of a column whose name is `C`. */
export interface Aggregate<Kind extends AggregationKind, C extends string> extends Aggregation {
  readonly kind: Kind
  readonly column?: C
}

type NumericName<F extends Fields> = {
  [N in keyof F]: F[N] extends FieldType<infer V> ? (Exclude<V, null> extends number | boolean ? N : never) : never
}[keyof F] &
  string

/** The aggregates that rows with fields `F` can have. */
export type Aggregates<F extends Fields> = Record<
  string,
  Aggregate<'count', never> | Aggregate<Exclude<AggregationKind, 'count'>, NumericName<F>>
>

type ResultOf<F extends Fields, A> =
  A extends Aggregate<'count', never>
    ? FieldType<number>
    : A extends Aggregate<AggregationKind, infer C>
      ? F[C & keyof F] extends FieldType<infer V>
        ? FieldType<number | (null extends V ? null : never)>
        : never
      : never

export type AggregateFields<F extends Fields, A> = { [N in keyof A]: ResultOf<F, A[N]> }

/** Number of rows. */
export const count = (): Aggregate<'count', never> => ({ kind: 'count' })
/** Exact sum of the values that are not null, rounded once. */
export const sum = <C extends string>(column: C): Aggregate<'sum', C> => ({ kind: 'sum', column })
/** Mean of the values that are not null, from the exact sum. Of a bool: the share of true. */
export const mean = <C extends string>(column: C): Aggregate<'mean', C> => ({ kind: 'mean', column })
export const min = <C extends string>(column: C): Aggregate<'min', C> => ({ kind: 'min', column })
export const max = <C extends string>(column: C): Aggregate<'max', C> => ({ kind: 'max', column })
/** Population variance of the values that are not null, from exact sums. */
export const variance = <C extends string>(column: C): Aggregate<'variance', C> => ({ kind: 'variance', column })
/** Population standard deviation of the values that are not null, from exact sums. */
export const stddev = <C extends string>(column: C): Aggregate<'stddev', C> => ({ kind: 'stddev', column })
