/** How the fields of a stream follow from those before: names that do not fit do not compile. */
import type { EventTimeType, Fields, FieldType, Row } from '../records/schema.ts'
import type { AggregateFields, Aggregates } from './aggregates.ts'

/** Names of fields other than the event time. */
export type PlainName<F extends Fields> = { [K in keyof F]: F[K] extends EventTimeType ? never : K }[keyof F] & string
export type EventTimeName<F extends Fields> = { [K in keyof F]: F[K] extends EventTimeType ? K : never }[keyof F] &
  string
export type Simplify<T> = { [K in keyof T]: T[K] }

/** Fields of a windowed aggregation: keys, bounds of the window, aggregates. The event time is the window's end. */
export type WindowFields<F extends Fields, K extends keyof F, A extends Aggregates<F>> = Simplify<
  Pick<F, K> & { window_start: FieldType<number>; window_end: EventTimeType } & AggregateFields<F, A>
>
export type Renamed<F extends Fields, M> = {
  [K in keyof F & string as K extends keyof M ? (M[K] extends string ? M[K] : K) : K]: F[K]
}
type AsOptional<T> = T extends FieldType<infer V> ? FieldType<V | null> : never
export type JoinedFields<F extends Fields, R extends Fields, S extends keyof R, H> = Simplify<
  F & { [K in S]: H extends 'left' ? AsOptional<R[K]> : FieldType<R[K] extends FieldType<infer V> ? V : never> }
>

/** Fields of which these have no nulls. */
export type NotNull<F extends Fields, K extends keyof F> = Simplify<{
  [N in keyof F]: N extends K ? (F[N] extends FieldType<infer V> ? FieldType<Exclude<V, null>> : never) : F[N]
}>

/** Fields of a table of aggregates: keys, the event time from which on they hold, aggregates. */
export type FoldedFields<F extends Fields, K extends keyof F, A extends Aggregates<F>> = Simplify<
  Pick<F, K | EventTimeName<F>> & AggregateFields<F, A>
>

/** Names of lists. */
export type ListName<F extends Fields> = {
  [K in keyof F]: F[K] extends FieldType<infer V> ? (Exclude<V, null> extends readonly unknown[] ? K : never) : never
}[keyof F] &
  string

/** Fields of which these lists are single elements. */
export type ExplodedFields<F extends Fields, K extends keyof F> = Simplify<{
  [N in keyof F]: N extends K
    ? F[N] extends FieldType<infer V>
      ? FieldType<(Exclude<V, null> extends readonly (infer E)[] ? E : never) | null>
      : never
    : F[N]
}>

/** A row but for its event time. */
export type Made<G extends Fields> = Omit<Row<G>, EventTimeName<G>>

/** A name that no field has. */
export type NewName<F extends Fields, N> = N extends keyof F ? 'there is a field of this name' : N

/** Fields of two tables that are joined; what may have no match is nullable. */
export type TableJoinFields<F extends Fields, K extends keyof F, R extends Fields, S extends keyof R, H> = Simplify<
  (H extends 'full' | 'rightOnly'
    ? { [N in keyof F]: N extends K | EventTimeName<F> ? F[N] : AsOptional<F[N]> }
    : F) & {
    [N in S]: H extends 'inner' | 'rightOnly'
      ? FieldType<R[N] extends FieldType<infer V> ? V : never>
      : AsOptional<R[N]>
  }
>

/** Fields of two streams that are joined near each other in time; what may have no match is nullable. */
export type NearFields<F extends Fields, K extends keyof F, R extends Fields, S extends keyof R, H> = TableJoinFields<
  F,
  K,
  R,
  S,
  H extends 'right' ? 'rightOnly' : H
>
