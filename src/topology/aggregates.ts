/** The aggregations that users name, typed: numeric ones take only numeric columns, and nullable columns give nullable results. */
import { userError } from '../base/errors.ts'
import { aDuration, aFlag, aFunction, aNumber, aText, check, maybe, only, someNames } from '../base/given.ts'
import { type Duration, micros } from '../base/time.ts'
import type { Aggregation, AggregationKind, CellAggregationKind } from '../operators/aggregation.ts'
import type { UserValue } from '../records/column.ts'
import type { Fields, FieldType, Row } from '../records/schema.ts'
import { aType } from './given.ts'

/** An aggregation of a column whose name is `C`. */
export interface Aggregate<Kind extends AggregationKind, C extends string> extends Aggregation {
  readonly kind: Kind
  readonly column?: C
}

/** Which rows count, and what the result is where none has a value. */
interface Conditions<D> {
  /** A column of bools: only rows in which it is true count. */
  readonly where?: string
  /** The result where there is no value, instead of null. */
  readonly default?: D
}

type NameOf<F extends Fields, V> = {
  [N in keyof F]: F[N] extends FieldType<infer T> ? (Exclude<T, null> extends V ? N : never) : never
}[keyof F] &
  string
type Numeric = Exclude<CellAggregationKind, 'count' | 'countValues'> | 'quantile'
type Listed = 'distinct' | 'firstK' | 'lastK'

/** The aggregates that rows with fields `F` can have. */
export type Aggregates<F extends Fields> = Record<
  string,
  (
    | Aggregate<'count', never>
    | Aggregate<Numeric, NameOf<F, number | boolean>>
    | Aggregate<'countDistinct' | Listed, keyof F & string>
    | CustomOf<Row<F>, UserValue>
  ) & {
    readonly where?: NameOf<F, boolean>
    readonly default?: number
    readonly over?: number | null
    readonly rows?: number
  }
>

/** A user's own aggregate over rows `R`, whose result is a `V`. */
export interface CustomOf<R, V> extends Aggregation {
  readonly kind: 'custom'
  /** Only for inference; never set. */
  readonly of?: (row: R) => V
}

type ValueOf<F extends Fields, C> = C extends keyof F ? (F[C] extends FieldType<infer V> ? V : never) : never

/** Null where the column has nulls, rows may be left out, or a span be empty, unless there is a default. */
type NumberOf<F extends Fields, A, C> = A extends { readonly default: number }
  ? number
  : A extends { readonly where: string } | { readonly over: number | null }
    ? number | null
    : number | (null extends ValueOf<F, C> ? null : never)

type ResultOf<F extends Fields, A> = A extends { readonly kind: 'custom'; readonly of?: (row: never) => infer V }
  ? FieldType<V>
  : A extends { readonly kind: 'count' | 'countDistinct' }
    ? FieldType<number>
    : A extends { readonly kind: Listed; readonly column?: infer C }
      ? FieldType<readonly (A extends { readonly dropsNull: true } ? NonNullable<ValueOf<F, C>> : ValueOf<F, C>)[]>
      : A extends { readonly kind: Numeric; readonly column?: infer C }
        ? FieldType<NumberOf<F, A, C>>
        : never

/** Results over spans: where a span is empty, numbers are null. */
export type SpanFields<F extends Fields, A> = {
  [N in keyof A]: ResultOf<F, A[N] extends { readonly over: unknown } ? A[N] : A[N] & { readonly over: null }>
}

/** Results over rows up to one, itself among them: no span is empty. */
export type RowFields<F extends Fields, A> = { [N in keyof A]: ResultOf<F, Omit<A[N], 'over'>> }

export type AggregateFields<F extends Fields, A> = { [N in keyof A]: ResultOf<F, A[N]> }

const conditions = { where: maybe(aText), default: maybe(aNumber) }
const rowConditions = maybe(only({ where: maybe(aText) }))
const ofList = { where: maybe(aText), dropsNull: maybe(aFlag) }
const listConditions = maybe(only(ofList))
const endConditions = maybe(only({ ...ofList, isDistinct: maybe(aFlag) }))
const decayedOptions = only({ halfLife: aDuration, ...conditions })
const customOptions = only({
  columns: someNames,
  type: aType,
  init: aFunction,
  add: aFunction,
  remove: maybe(aFunction),
  result: aFunction,
})

type None = Record<never, never>

/** An aggregate over the rows of a span of time. */
export type Over<A> = A & { readonly over: number | null }

/**
 * The aggregate over the rows of the last `span` up to each time, that time included, to the microsecond: a window that moves on
 * with time itself. `'forever'` has no beginning.
 * @example over('30d', sum('amount', { default: 0 }))
 */
export function over<A extends Aggregation>(span: Duration | 'forever', aggregate: A): Over<A> {
  const length = span === 'forever' ? null : micros(span)
  if (length === 0) throw userError('aggregation', 'a span has a length: give over() one above 0')
  return { ...aggregate, over: length }
}

/**
 * The aggregate over the last `count` rows up to each, in order of (event time, origin), itself among them.
 * @throws user error `aggregation` when the count is none
 * @example overRows(10, mean('temperature'))
 */
export function overRows<A extends Aggregation>(count: number, aggregate: A): A & { readonly rows: number } {
  if (!Number.isInteger(count) || count < 1)
    throw userError('aggregation', `overRows needs 1 row or more, not ${count}`)
  return { ...aggregate, rows: count }
}

/** Number of rows. @example count({ where: 'late' }) */
export const count = <const O extends Pick<Conditions<never>, 'where'> = None>(options?: O) => {
  check('count', rowConditions, options)
  return { kind: 'count', ...options } as Aggregate<'count', never> & NoInfer<O>
}

const numeric =
  <Kind extends Numeric>(kind: Kind) =>
  <C extends string, const O extends Conditions<number> = None>(column: C, options?: O) => {
    check(`${kind}('${column}')`, maybe(only(conditions)), options)
    return { kind, column, ...options } as Aggregate<Kind, C> & NoInfer<O>
  }

/** Exact sum of the values that are not null, rounded once. @example sum('amount', { where: 'paid', default: 0 }) */
export const sum = numeric('sum')
/** Mean of the values that are not null, from the exact sum. Of a bool: the share of true. */
export const mean = numeric('mean')
export const min = numeric('min')
export const max = numeric('max')
/** Population variance of the values that are not null, from exact sums. */
export const variance = numeric('variance')
/** Population standard deviation of the values that are not null, from exact sums. */
export const stddev = numeric('stddev')

/**
 * The least value of which at least a share `p` of all values are no greater, exactly: `quantile('ms', 0.5)` is a median that
 * is one of the values. Nulls are skipped.
 * @throws user error `aggregation` when `p` is not within 0 to 1
 */
export function quantile<C extends string, const O extends Conditions<number> = None>(
  column: C,
  p: number,
  options?: O,
): Aggregate<'quantile', C> & NoInfer<O> {
  check(`quantile('${column}')`, maybe(only(conditions)), options)
  if (!(p >= 0 && p <= 1)) throw userError('aggregation', `a quantile needs a share from 0 to 1, not ${p}`)
  return { kind: 'quantile', column, p, ...options } as Aggregate<'quantile', C> & NoInfer<O>
}

/**
 * The sum of the values that are not null, each halved with every half-life that has passed since its event time: a look-up's as of
 * the time that is asked for, a row's as of its own. It is a float, exact but for one rounding of each value and of the result.
 * Only `indexAggregates` and `withAggregates` take it: everywhere else a result stands for more than one time.
 * @throws user error `duration` when the half-life is none
 * @example decayedSum('clicks', { halfLife: '1d', default: 0 })
 */
export function decayedSum<C extends string, const O extends Conditions<number> = None>(
  column: C,
  given: O & { readonly halfLife: Duration },
): Aggregate<'decayedSum', C> & NoInfer<Omit<O, 'halfLife'>> {
  check(`decayedSum('${column}')`, decayedOptions, given)
  const { halfLife, ...options } = given
  const length = micros(halfLife)
  if (length === 0) throw userError('duration', `decayedSum('${column}') needs a half-life above 0`)
  return { kind: 'decayedSum', column, halfLife: length, ...options } as never
}

/** Number of different values that are not null, exactly. @example countDistinct('user') */
export const countDistinct = <C extends string, const O extends Pick<Conditions<never>, 'where'> = None>(
  column: C,
  options?: O,
) => {
  check(`countDistinct('${column}')`, rowConditions, options)
  return { kind: 'countDistinct', column, ...options } as Aggregate<'countDistinct', C> & NoInfer<O>
}

interface ListConditions {
  readonly where?: string
  /** Nulls are left out. */
  readonly dropsNull?: true
}

/** The different values, in their order, null first. @example distinct('category', { dropsNull: true }) */
export const distinct = <C extends string, const O extends ListConditions = None>(column: C, options?: O) => {
  check(`distinct('${column}')`, listConditions, options)
  return { kind: 'distinct', column, ...options } as Aggregate<'distinct', C> & NoInfer<O>
}

interface EndConditions extends ListConditions {
  /** Each value once, where it comes first. */
  readonly isDistinct?: true
}

function ends<Kind extends 'firstK' | 'lastK'>(kind: Kind) {
  return <C extends string, const O extends EndConditions = None>(column: C, limit: number, options?: O) => {
    check(`${kind}('${column}')`, endConditions, options)
    if (!Number.isInteger(limit) || limit < 1)
      throw userError('aggregation', `${kind}('${column}') needs a limit of 1 or more, not ${limit}`)
    return { kind, column, limit, ...options } as Aggregate<Kind, C> & NoInfer<O>
  }
}

/** The values of the first `limit` rows by (event time, origin), the oldest first. @example firstK('page', 3) */
export const firstK = ends('firstK')
/** The values of the last `limit` rows, the newest first. @example lastK('page', 3, { isDistinct: true }) */
export const lastK = ends('lastK')

/** What `custom` is made of: pure functions over a state that is plain data. */
export interface CustomOptions<R extends Readonly<Record<string, UserValue>>, S, V> {
  /** Columns of a row that the functions are given. */
  readonly columns: readonly (keyof R & string)[]
  /** Of the result. */
  readonly type: FieldType<V>
  readonly init: () => S
  /** @returns the state with the row in it */
  readonly add: (state: S, row: R) => S
  /** The opposite of `add`, exactly. Without it all rows are kept, and looked at again for each result. */
  readonly remove?: (state: S, row: R) => S
  readonly result: (state: S) => V
}

/**
 * Your own aggregate. It must not depend on the order of rows.
 * @example
 * const product = custom<{ factor: number }, number, number>({
 *   columns: ['factor'], type: float(), init: () => 1, add: (p, { factor }) => p * factor, result: (p) => p,
 * })
 */
export function custom<R extends Readonly<Record<string, UserValue>>, S, V>(
  options: CustomOptions<R, S, V>,
): CustomOf<R, V> {
  check('custom', customOptions, options)
  return { kind: 'custom', custom: { ...options, remove: options.remove ?? null } as never }
}
