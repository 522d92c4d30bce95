/**
 * Streams: what users chain. Each call adds a node and returns a new stream whose row type follows, so that a wrong
 * field name or type does not compile. Nothing runs until the topology is started.
 */
import { userError } from '../base/errors.ts'
import { aDuration, aFunction, aText, check, maybe, only } from '../base/given.ts'
import type { Duration } from '../base/time.ts'
import { type Fields, type FieldType, fieldOf, type Row, type Schema } from '../records/schema.ts'
import type { SinkConnector } from './connector.ts'
import { aStream } from './given.ts'
import { type AnyIndexNode, type Node, newNode, type SinkNode } from './graph.ts'
import { KeyedStream } from './keyed-stream.ts'
import * as rows from './row-nodes.ts'
import { fileNode, outputNode } from './sink-nodes.ts'
import type {
  EventTimeName,
  ExplodedFields,
  ListName,
  Made,
  NotNull,
  PlainName,
  Renamed,
  Simplify,
} from './stream-fields.ts'

/** A sink, an output or an index of a topology, made by `to`, `output` and `index`. */
export interface Output {
  readonly node: SinkNode | AnyIndexNode
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
    return new Stream(rows.assignNode(this.node, name, type, compute as never))
  }

  /** Keeps the rows for which the function is true. @example flights.filter((flight) => flight.distance > 500) */
  filter(keep: (row: Row<F>) => boolean): Stream<F> {
    return new Stream(rows.filterNode(this.node, keep as never))
  }

  /**
   * Drops rows with a null in one of these columns, which are not nullable any more; without names, in any.
   * @throws user error `null` where a column has no nulls, or none has any
   * @example visits.dropNull('user')
   */
  dropNull<K extends PlainName<F> = PlainName<F>>(...names: K[]): Stream<NotNull<F, K>> {
    return new Stream(rows.dropNullNode(this.node, names))
  }

  /** The rows for which the function is true, and the others. @example const [slow, fast] = calls.split(({ ms }) => ms > 100) */
  split(choose: (row: Row<F>) => boolean): [chosen: Stream<F>, others: Stream<F>] {
    check('split', aFunction, choose, 'its function')
    return [this.filter(choose), this.filter((row) => !choose(row))]
  }

  /**
   * Gives each element of a list a row of its own, at the same time; without elements there is one with null. Several lists
   * go in step: in each row they must be of one length.
   * @throws user error `explode` where a column is no list
   * @example orders.explode('items', 'prices')
   */
  explode<K extends ListName<F>>(...names: K[]): Stream<ExplodedFields<F, K>> {
    return new Stream(rows.explodeNode(this.node, names))
  }

  /**
   * Makes rows of another schema: of each row one, or a list of them, at its event time, which the function leaves out. It
   * must depend on the row alone. Keys are lost: `keyBy` them again.
   * @example calls.transform(schema({ at: eventTime(), who: string() }), ({ from, to }) => [{ who: from }, { who: to }])
   */
  transform<G extends Fields>(
    to: Schema<G>,
    compute: (row: Row<F>) => Made<NoInfer<G>> | readonly Made<NoInfer<G>>[],
  ): Stream<G> {
    return new Stream(rows.transformNode(this.node, to as unknown as Schema, compute as never))
  }

  /** Keeps these columns and the event time, in this order. */
  select<K extends PlainName<F>>(...names: K[]): Stream<Simplify<Pick<F, K | EventTimeName<F>>>> {
    const kept = [...names, ...(names.includes(this.schema.time as K) ? [] : [this.schema.time])]
    return this.#project(Object.fromEntries(kept.map((name) => [name, name])))
  }

  /** Drops these columns. */
  drop<K extends PlainName<F>>(...names: K[]): Stream<Simplify<Omit<F, K>>> {
    for (const name of names) {
      if (fieldOf(this.node.schema, name).eventTime)
        throw userError('drop', `the event time '${name}' cannot be dropped: rows are ordered by it`)
    }
    const kept = this.schema.names.filter((name) => !names.includes(name as K))
    return this.#project(Object.fromEntries(kept.map((name) => [name, name])))
  }

  /** Renames columns, the event time too. @example hourly.rename({ window_start: 'hour' }) */
  rename<const M extends { [K in keyof F]?: string }>(names: M): Stream<Renamed<F, M>> {
    return new Stream(rows.renameNode(this.node, names as Readonly<Record<string, string>>))
  }

  /** Puts the rows of streams with the same fields together. */
  union(...others: Stream<F>[]): Stream<F> {
    for (const other of others) check('union', aStream, other, 'what it is given')
    return new Stream(rows.unionNode([this.node, ...others.map((other) => other.node)]))
  }

  /** Brings rows with the same key together: what follows works key by key. */
  keyBy<K extends PlainName<F>>(...keys: K[]): KeyedStream<F, K> {
    rows.checkKeys('keyBy', this.node.schema, keys)
    return new KeyedStream({ ...newNode(this.node.schema), kind: 'key-by', inputs: [this.node], keys }, keys)
  }

  /** Writes the rows to a file. @example hourly.to(csvFile('hourly.csv')) */
  to(connector: SinkConnector): Output {
    return { node: fileNode(this.node, connector) }
  }

  /**
   * Lets the embedding program read the committed rows: `running.output(name)`. They are kept from the beginning, or, with
   * a `retention`, until the watermark has gone on by so much since they were put out: a run that never ends needs one.
   * @example alerts.output('alerts', { retention: '1h' })
   */
  output(name: string, options: { retention?: Duration } = {}): Output {
    check('output', aText, name, 'its name')
    check('output', only({ retention: maybe(aDuration) }), options)
    return { node: outputNode(this.node, name, options.retention) }
  }

  #project<G extends Fields>(sources: Record<string, string>): Stream<G> {
    return new Stream(rows.projectNode(this.node, sources))
  }
}
