/**
 * Streams: what users chain. Each call adds a node and returns a new stream whose row type follows, so that a wrong
 * field name or type does not compile. Nothing runs until the topology is started.
 */
import { userError } from '../base/errors.ts'
import { type Duration, micros } from '../base/time.ts'
import { resultType } from '../operators/aggregation.ts'
import type { Emission, Window } from '../operators/window.ts'
import { windowSchema } from '../operators/window-output.ts'
import type { Value } from '../records/column.ts'
import {
  type EventTimeType,
  type Fields,
  type FieldType,
  fieldOf,
  makeSchema,
  type Row,
  type Schema,
  sameType,
  typeName,
} from '../records/schema.ts'
import type { ActorOptions } from './actor-options.ts'
import type { AggregateFields, Aggregates } from './aggregates.ts'
import type { SinkConnector } from './connector.ts'
import type { Node, SinkNode } from './graph.ts'

/** Names of fields other than the event time. */
export type PlainName<F extends Fields> = { [K in keyof F]: F[K] extends EventTimeType ? never : K }[keyof F] & string
type EventTimeName<F extends Fields> = { [K in keyof F]: F[K] extends EventTimeType ? K : never }[keyof F] & string
type Simplify<T> = { [K in keyof T]: T[K] }

/** Fields of a windowed aggregation: keys, bounds of the window, aggregates. The event time is the window's end. */
export type WindowFields<F extends Fields, K extends keyof F, A extends Aggregates<F>> = Simplify<
  Pick<F, K> & { window_start: FieldType<number>; window_end: EventTimeType } & AggregateFields<F, A>
>
type Renamed<F extends Fields, M> = {
  [K in keyof F & string as K extends keyof M ? (M[K] extends string ? M[K] : K) : K]: F[K]
}
type AsOptional<T> = T extends FieldType<infer V> ? FieldType<V | null> : never
export type JoinedFields<F extends Fields, R extends Fields, S extends keyof R, H> = Simplify<
  F & { [K in S]: H extends 'left' ? AsOptional<R[K]> : FieldType<R[K] extends FieldType<infer V> ? V : never> }
>

/** A sink or output of a topology, made by `to` and `output`. */
export interface Output {
  readonly node: SinkNode
}

/** A stream of rows with the fields `F`. */
export class Stream<F extends Fields> {
  readonly node: Node
  readonly schema: Schema<F>

  constructor(node: Node) {
    this.node = node
    this.schema = node.schema as unknown as Schema<F>
  }

  /**
   * Adds a column, or replaces one, by a function of the row. The function must depend on the row alone.
   * @example flights.assign('late', bool(), (flight) => (flight.delay ?? 0) > 15)
   */
  assign<N extends string, T>(
    name: N & (N extends EventTimeName<F> ? 'the event time cannot be assigned' : N),
    type: FieldType<T>,
    compute: (row: Row<F>) => NoInfer<T>,
  ): Stream<Simplify<Omit<F, N> & Record<N, FieldType<T>>>> {
    const schema = makeSchema({ ...this.schema.fields, [name]: type })
    return new Stream({
      ...base(schema),
      kind: 'assign',
      inputs: [this.node],
      name,
      type,
      compute: compute as unknown as (row: Row<Fields>) => Value,
    })
  }

  /** Keeps the rows for which the function is true. @example flights.filter((flight) => flight.distance > 500) */
  filter(keep: (row: Row<F>) => boolean): Stream<F> {
    const node = { ...base(this.node.schema), kind: 'filter', inputs: [this.node], keep: keep as never } as const
    return new Stream(node)
  }

  /** Keeps these columns and the event time, in this order. */
  select<K extends PlainName<F>>(...names: K[]): Stream<Simplify<Pick<F, K | EventTimeName<F>>>> {
    const kept = [...names, ...(names.includes(this.schema.time as K) ? [] : [this.schema.time])]
    return this.#project(Object.fromEntries(kept.map((name) => [name, name])))
  }

  /** Drops these columns. */
  drop<K extends PlainName<F>>(...names: K[]): Stream<Simplify<Omit<F, K>>> {
    for (const name of names) fieldOf(this.node.schema, name)
    const kept = this.schema.names.filter((name) => !names.includes(name as K))
    return this.#project(Object.fromEntries(kept.map((name) => [name, name])))
  }

  /** Renames columns, the event time too. @example hourly.rename({ window_start: 'hour' }) */
  rename<const M extends { [K in keyof F]?: string }>(names: M): Stream<Renamed<F, M>> {
    for (const name of Object.keys(names)) fieldOf(this.node.schema, name)
    const target = (name: string) => (names as Record<string, string>)[name] ?? name
    const sources = Object.fromEntries(this.schema.names.map((name) => [target(name), name]))
    if (Object.keys(sources).length < this.schema.names.length) {
      throw userError('rename', `rename gives two columns one name: ${this.schema.names.map(target).join(', ')}`)
    }
    return this.#project(sources)
  }

  /** Puts the rows of streams with the same fields together. */
  union(...others: Stream<F>[]): Stream<F> {
    for (const other of others) {
      const same =
        other.schema.names.join() === this.schema.names.join() &&
        other.schema.time === this.schema.time &&
        this.schema.names.every((name) => sameType(fieldOf(other.node.schema, name), fieldOf(this.node.schema, name)))
      if (!same) throw userError('union', 'union needs streams with the same fields in the same order')
    }
    return new Stream({
      ...base(this.node.schema),
      kind: 'union',
      inputs: [this.node, ...others.map((other) => other.node)],
    })
  }

  /** Brings rows with the same key together: what follows works key by key. */
  keyBy<K extends PlainName<F>>(...keys: K[]): KeyedStream<F, K> {
    if (keys.length === 0) throw userError('key', 'keyBy needs at least one field')
    for (const key of keys) {
      const type = fieldOf(this.node.schema, key)
      if (type.eventTime) throw userError('key', `the event time '${key}' cannot be a key`)
    }
    return new KeyedStream({ ...base(this.node.schema), kind: 'key-by', inputs: [this.node], keys }, keys)
  }

  /** Writes the rows to a file. @example hourly.to(csvFile('hourly.csv')) */
  to(connector: SinkConnector): Output {
    return {
      node: {
        ...base(this.node.schema),
        kind: 'sink',
        inputs: [this.node],
        name: connector.path,
        connector,
        retention: null,
      },
    }
  }

  /**
   * Lets the embedding program read the committed rows: `running.output(name)`. They are kept from the beginning, or, with
   * a `retention`, until the watermark has gone on by so much since they were put out: a run that never ends needs one.
   * @example alerts.output('alerts', { retention: '1h' })
   */
  output(name: string, { retention }: { retention?: Duration } = {}): Output {
    const kept = retention === undefined ? null : micros(retention)
    return {
      node: { ...base(this.node.schema), kind: 'sink', inputs: [this.node], name, connector: null, retention: kept },
    }
  }

  #project<G extends Fields>(sources: Record<string, string>): Stream<G> {
    const fields: Fields = {}
    for (const [name, source] of Object.entries(sources)) fields[name] = fieldOf(this.node.schema, source)
    return new Stream({ ...base(makeSchema(fields)), kind: 'project', inputs: [this.node], sources })
  }
}

/** A stream whose rows are brought together by the keys `K`. */
export class KeyedStream<F extends Fields, K extends PlainName<F>> extends Stream<F> {
  readonly keys: readonly K[]

  constructor(node: Node, keys: readonly K[]) {
    super(node)
    this.keys = keys
  }

  /** Finer keys within the same partition: no rows move. @example byOrigin.thenBy('destination') */
  thenBy<L extends PlainName<F>>(...more: L[]): KeyedStream<F, K | L> {
    for (const key of more) fieldOf(this.node.schema, key)
    return new KeyedStream<F, K | L>(this.node, [...this.keys, ...more])
  }

  /**
   * Cuts time into windows.
   * @throws user error `window` on an unknown `emit`
   * @example byOrigin.window(tumbling('1h')).aggregate({ departures: count() })
   * @example byOrigin.window(tumbling('1h'), { emit: 'eager' }).aggregate({ departures: count() })
   */
  window(window: Window, { emit = 'final' }: { emit?: Emission } = {}): WindowedStream<F, K> {
    if (emit !== 'final' && emit !== 'eager') {
      throw userError('window', `a window emits 'final' or 'eager', not '${emit}'`)
    }
    return new WindowedStream(this.node, this.keys, window, emit)
  }

  /**
   * Joins each row with the version of a keyed table that held at the row's event time. Keys pair up in order.
   * `left` keeps rows without a match, with nulls; `inner` drops them.
   * @example byOrigin.joinAsOf(airports.keyBy('iata'), { how: 'left', fields: ['state'] })
   */
  joinAsOf<
    R extends Fields,
    RK extends PlainName<R>,
    S extends Exclude<PlainName<R>, keyof F>,
    H extends 'inner' | 'left',
  >(table: KeyedStream<R, RK>, options: { how: H; fields: readonly S[] }): Stream<JoinedFields<F, R, S, H>> {
    const [left, right] = [this.node.schema, table.node.schema]
    if (this.keys.length !== table.keys.length) {
      throw userError('join', `the join has ${this.keys.length} keys on the left and ${table.keys.length} on the right`)
    }
    this.keys.forEach((key, i) => {
      const [a, b] = [fieldOf(left, key), fieldOf(right, table.keys[i]!)]
      if (a.kind !== b.kind) {
        throw userError('join', `key '${key}' is ${typeName(a)}, but '${table.keys[i]}' of the table is ${typeName(b)}`)
      }
    })
    const fields: Fields = { ...left.fields }
    for (const name of options.fields) {
      if (name in fields) throw userError('join', `both sides have a field '${name}': rename one of them`)
      const type = fieldOf(right, name)
      fields[name] = { ...type, eventTime: false, nullable: options.how === 'left' || type.nullable }
    }
    return new Stream({
      ...base(makeSchema(fields)),
      kind: 'as-of-join',
      inputs: [this.node, table.node],
      leftKeys: this.keys,
      rightKeys: table.keys,
      fields: options.fields,
      how: options.how,
    })
  }

  /** Runs the user's own actor over each key. See `ActorOptions`. */
  actor<O extends Fields>(name: string, options: ActorOptions<F, O>): Stream<O> {
    const { output, order = 'event-time', bound = 0, onRow, onTimer, onWatermark } = options
    return new Stream({
      ...base(output as unknown as Schema),
      kind: 'actor',
      inputs: [this.node],
      keys: this.keys,
      name,
      definition: {
        output: output as unknown as Schema,
        order,
        bound: micros(bound),
        onRow: onRow as never,
        onTimer: onTimer as never,
        onWatermark,
      },
    })
  }
}

/** A keyed stream cut into windows. */
export class WindowedStream<F extends Fields, K extends PlainName<F>> {
  readonly #input: Node
  readonly #keys: readonly K[]
  readonly #window: Window
  readonly #emit: Emission

  constructor(input: Node, keys: readonly K[], window: Window, emit: Emission) {
    this.#input = input
    this.#keys = keys
    this.#window = window
    this.#emit = emit
  }

  /**
   * One row per key and window that has rows, emitted when the watermark passes the window's end (with `emit: 'eager'`
   * as soon as it has rows), and again, with the old row taken back, for each correction. Its event time is `window_end`.
   * @example .aggregate({ departures: count(), delay_mean: mean('delay') })
   */
  aggregate<const A extends Aggregates<F>>(aggregates: A): Stream<WindowFields<F, K, A>> {
    const { schema } = this.#input
    for (const aggregate of Object.values(aggregates)) resultType(schema, aggregate)
    return new Stream({
      ...base(windowSchema(schema, this.#keys, aggregates)),
      kind: 'window',
      inputs: [this.#input],
      keys: this.#keys,
      window: this.#window,
      emit: this.#emit,
      aggregates,
    })
  }
}

const base = (schema: Schema) => ({ id: -1, schema })
