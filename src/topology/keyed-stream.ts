/** Streams whose rows are brought together by keys: windows, tables, joins, actors. */

import { userError } from '../base/errors.ts'
import { aText, check, maybe, only, such } from '../base/given.ts'
import { type Duration, micros } from '../base/time.ts'
import type { IntervalJoinKind } from '../operators/join-span.ts'
import type { TableJoinKind } from '../operators/table-join/join-delta.ts'
import type { AnyWindow, Emission, SessionWindow } from '../operators/window.ts'
import type { Fields, FieldType } from '../records/schema.ts'
import { type ActorOptions, actorNode } from './actor-options.ts'
import type { Aggregates, RowFields } from './aggregates.ts'
import {
  checkEmission,
  type PickOptions,
  pickNode,
  type TopOptions,
  type TotalsOptions,
  topNode,
  totalsNode,
} from './fold-nodes.ts'
import { aWindow } from './given.ts'
import { type Node, newNode } from './graph.ts'
import {
  type AggregateIndexOutput,
  aggregateIndexNode,
  type IndexOptions,
  type IndexOutput,
  tableIndexNode,
} from './index-nodes.ts'
import {
  type AsOfOptions,
  asOfNode,
  type IntervalJoinOptions,
  intervalJoinNode,
  type TableJoinOptions,
  tableJoinNode,
} from './join-nodes.ts'
import { type OverOptions, overRowsNode } from './over-nodes.ts'
import { Stream } from './plain-stream.ts'
import * as rows from './row-nodes.ts'
import type {
  FoldedFields,
  JoinedFields,
  NearFields,
  NewName,
  PlainName,
  Simplify,
  TableJoinFields,
} from './stream-fields.ts'
import { WindowedStream } from './windowed-stream.ts'

const windowOptions = only({ emit: maybe(aText) })
const aSpan = such(
  "a duration, or session('30m')",
  (given) =>
    typeof given === 'string' ||
    typeof given === 'number' ||
    (typeof given === 'object' && given !== null && 'gap' in given),
)
const dedupOptions = only({ within: maybe(aSpan), emit: maybe(aText) })

/** A stream whose rows are brought together by the keys `K`. */
export class KeyedStream<F extends Fields, K extends PlainName<F>> extends Stream<F> {
  readonly keys: readonly K[]

  constructor(node: Node, keys: readonly K[]) {
    super(node)
    this.keys = keys
  }

  /** Finer keys within the same partition: no rows move. @example byOrigin.thenBy('destination') */
  thenBy<L extends PlainName<F>>(...more: L[]): KeyedStream<F, K | L> {
    return new KeyedStream<F, K | L>(this.node, rows.checkKeys('thenBy', this.node.schema, [...this.keys, ...more]))
  }

  /**
   * Cuts time into windows.
   * @throws user error `emit` when it is neither 'final' nor 'eager'
   * @example byOrigin.window(tumbling('1h')).aggregate({ departures: count() })
   */
  window(window: AnyWindow, options: { emit?: Emission } = {}): WindowedStream<F, K> {
    check('window', aWindow, window, 'its window')
    check('window', windowOptions, options)
    const { emit = 'final' } = options
    checkEmission(emit)
    return new WindowedStream(this.node, this.keys, window, emit)
  }

  /**
   * Joins each row with the version of a keyed table that held at the row's event time. Keys pair up in order.
   * `left` keeps rows without a match, with nulls; `inner` drops them. The version is the latest up to the row's time; with
   * `within` up to so much newer than the row, and it counts only if it is not more than so much older.
   * With `on` other columns than the keys are looked up: rows stay where they are, and each shard holds the whole table.
   * @example byOrigin.joinAsOf(airports.keyBy('iata'), { how: 'left', fields: ['state'] })
   * @example byUser.joinAsOf(rates.keyBy('currency'), { on: ['currency'], how: 'inner', fields: ['rate'] })
   */
  joinAsOf<
    R extends Fields,
    RK extends PlainName<R>,
    S extends Exclude<keyof R & string, keyof F>,
    H extends 'inner' | 'left',
  >(table: KeyedStream<R, RK>, options: AsOfOptions<H, S, PlainName<F>>): Stream<JoinedFields<F, R, S, H>> {
    return new Stream(asOfNode(this, table, options))
  }

  /**
   * Joins two tables by key: what holds at the same time in both, as a table. `inner` has rows that match, `left` also left
   * rows without a match and `full` right ones too, with nulls; `semi` has the left rows that have a match, `anti` those that
   * have none. Keys pair up in order; one with a null matches nothing.
   * @throws user error `table` where a side is a stream
   * @example users.keyBy('city').join(mayors.keyBy('city'), { how: 'left', fields: ['mayor'] })
   */
  join<
    R extends Fields,
    RK extends PlainName<R>,
    H extends TableJoinKind,
    S extends Exclude<PlainName<R>, keyof F> = never,
  >(table: KeyedStream<R, RK>, options: TableJoinOptions<H, S>): Stream<TableJoinFields<F, K, R, S, H>> {
    return new Stream(tableJoinNode(this, table, options))
  }

  /**
   * Joins rows of two streams that have the same key and are near each other in time: right rows up to so much `older` and
   * `newer` than the left one, or such as are in the same window. `left`, `right` and `full` keep rows of that side without a
   * match, with nulls, and take them back when one comes; with `emit: 'final'` they wait until none can. A pair has the left row's event time.
   * @example orders.keyBy('id').joinNear(payments.keyBy('order'), { how: 'left', fields: ['paid'], within: { newer: '1d' } })
   */
  joinNear<
    R extends Fields,
    RK extends PlainName<R>,
    H extends IntervalJoinKind,
    S extends Exclude<keyof R & string, keyof F>,
  >(other: KeyedStream<R, RK>, options: IntervalJoinOptions<H, S>): Stream<NearFields<F, K, R, S, H>> {
    return new Stream(intervalJoinNode(this, other, options))
  }

  /**
   * The latest row of each key, by (event time, origin), as a table: it holds from its event time on, until another comes.
   * @example const profiles = updates.keyBy('user').latest()
   */
  latest(options: PickOptions<F> = {}): Stream<F> {
    return new Stream(pickNode(this.node, this.keys, 'latest', options))
  }

  /** The first row of each key, as a table; see `latest`. */
  first(options: PickOptions<F> = {}): Stream<F> {
    return new Stream(pickNode(this.node, this.keys, 'first', options))
  }

  /**
   * The first `limit` rows of each key in the order of some columns, nulls last, as a table with their `rank`: a row that is
   * displaced is taken back. Of rows that are alike the earlier comes first.
   * @throws user error `rank` when there is a field of this name, or the limit is none
   * @example scores.keyBy('game').top(10, { by: { points: 'descending' } })
   */
  top(limit: number, options: TopOptions<F>): Stream<Simplify<F & { rank: FieldType<number> }>> {
    return new Stream(topNode(this.node, this.keys, limit, options))
  }

  /**
   * Keeps one of the rows of a key that are alike: the latest of each span of `within`, of each session, or, without, of each event time.
   * With `emit: 'eager'` it is said at once, and taken back when a better one comes.
   * @example payments.keyBy('id').dedup({ within: '1d' })
   * @example clicks.keyBy('user', 'page').dedup({ within: session('5m') })
   */
  dedup(options: { within?: Duration | SessionWindow; emit?: Emission } = {}): Stream<F> {
    check('dedup', dedupOptions, options)
    const { within, emit = 'final' } = options
    checkEmission(emit)
    const gap = typeof within === 'object' ? within.gap : null
    const span = typeof within === 'object' ? 0 : micros(within ?? 0)
    const node = {
      ...newNode(this.node.schema),
      kind: 'dedup',
      inputs: [this.node],
      keys: this.keys,
      span,
      gap,
      emit,
    } as const
    return new Stream(node)
  }

  /**
   * Makes a stream of a table: a row for each that begins to hold, and for each that ends, when it does. `{ insert: 'began' }`
   * adds a column that is true of those that begin, `{ delete: 'ended' }` one that is true of those that end.
   * @throws user error `table` where the input is a stream
   * @example profiles.keyBy('user').changelog({ delete: 'left' })
   */
  changelog<N extends string>(
    options: { readonly insert: N & NewName<F, N> } | { readonly delete: N & NewName<F, N> },
  ): Stream<Simplify<F & Record<N, FieldType<boolean>>>> {
    return new Stream(rows.changelogNode(this.node, this.keys, options))
  }

  /**
   * Aggregates over all rows of each key up to each event time, as a table; with `over`, over those of spans.
   * @example orders.keyBy('user').aggregate({ orders: count(), spent: sum('amount') })
   */
  aggregate<const A extends Aggregates<F>>(aggregates: A, options: TotalsOptions = {}): Stream<FoldedFields<F, K, A>> {
    return new Stream(totalsNode(this.node, this.keys, aggregates, options))
  }

  /**
   * Keeps a table for look-ups by these keys, as of any time; see `openIndex`.
   * @throws user error `table` where it is a stream
   * @example profiles.keyBy('user').index('profiles', { history: '90d' })
   */
  index(name: string, options: IndexOptions = {}): IndexOutput<F, K> {
    return { node: tableIndexNode(this.node, this.keys, name, options) }
  }

  /**
   * Keeps the rows of each key for look-ups of aggregates over spans up to any time, as of the time that is asked for: exact to the
   * microsecond, at a cost that does not grow with the spans. Aggregates that collect values (`distinct`, `lastK`, ...) go through
   * the rows of their span.
   * @throws user error `table` where the input is a table; `aggregation` for a custom aggregate
   * @example payments.keyBy('user').indexAggregates('spend', { spent: over('30d', sum('amount', { default: 0 })) })
   */
  indexAggregates<const A extends Aggregates<F>>(
    name: string,
    aggregates: A,
    options: IndexOptions = {},
  ): AggregateIndexOutput<F, K, A> {
    return { node: aggregateIndexNode(this.node, this.keys, name, aggregates, options) }
  }

  /**
   * Gives each row aggregates over the rows of its key up to it, as new columns: those of a span, rows of its own time among them
   * (`over`), the last so many by (event time, origin), itself among them (`overRows`), or all.
   * @throws user error `aggregation` when a field is called as an aggregate is; `table` where the input is a table
   * @example readings.keyBy('sensor').withAggregates({ usual: over('1d', mean('celsius')), last3: overRows(3, mean('celsius')) })
   */
  withAggregates<const A extends Aggregates<F>>(
    aggregates: A,
    options: OverOptions = {},
  ): Stream<Simplify<F & RowFields<F, A>>> {
    return new Stream(overRowsNode(this.node, this.keys, aggregates, options))
  }

  /** Runs the user's own actor over each key. See `ActorOptions`. */
  actor<O extends Fields>(name: string, options: ActorOptions<F, O>): Stream<O> {
    return new Stream(actorNode(this.node, this.keys, name, options))
  }
}

// What is asked of a stream that has no keys, or has lost them, says so: in a module that nobody has compiled it would be no function.
for (const name of Object.getOwnPropertyNames(KeyedStream.prototype)) {
  if (name in Stream.prototype) continue
  const value = (): never => {
    throw userError(
      'key',
      `${name} works by keys: call keyBy(...) just before it (filter, assign and others give a stream without)`,
    )
  }
  Object.defineProperty(Stream.prototype, name, { value, configurable: true })
}
