/** Where tables are kept for look-ups. */

import { userError } from '../base/errors.ts'
import { aDuration, aText, check, maybe, only } from '../base/given.ts'
import { type Duration, micros } from '../base/time.ts'
import type { SpanAggregate } from '../operators/index/tile-plan.ts'
import { spanResultType } from '../operators/spans.ts'
import type { Fields, Row } from '../records/schema.ts'
import { type Conditioned, checkDefault, refuseRows, withConditions } from './aggregate-nodes.ts'
import type { SpanFields } from './aggregates.ts'
import { someAggregates } from './given.ts'
import { type AggregateIndexNode, type IndexNode, type Node, newNode } from './graph.ts'
import type { Simplify } from './stream-fields.ts'

/** What an index keeps. */
export interface IndexOptions {
  /** How far back look-ups may go, behind the watermark. Default: to the beginning. */
  readonly history?: Duration
}

/** An index by the keys `K` of rows with the fields `F`: a topology takes it, and `openIndex`, for its types. */
export interface IndexOutput<F extends Fields, K extends keyof F> {
  readonly node: IndexNode
  /** Only for inference; never set. */
  readonly of?: { readonly keys: Row<Pick<F, K>>; readonly row: Row<F> }
}

/** An index of aggregates: a look-up gives the keys and a field an aggregate. */
export interface AggregateIndexOutput<F extends Fields, K extends keyof F, A> {
  readonly node: AggregateIndexNode
  /** Only for inference; never set. */
  readonly of?: { readonly keys: Row<Pick<F, K>>; readonly row: Row<Simplify<Pick<F, K> & SpanFields<F, A>>> }
}

const indexOptions = only({ history: maybe(aDuration) })

const spanOf = (history: Duration | undefined): number =>
  history === undefined ? Number.POSITIVE_INFINITY : micros(history)

/** @throws user error `aggregation` for what cannot be looked up, or of a column that it cannot take */
export function aggregateIndexNode(
  input: Node,
  keys: readonly string[],
  name: string,
  aggregates: Readonly<Record<string, Conditioned>>,
  options: IndexOptions,
): AggregateIndexNode {
  check('indexAggregates', aText, name, 'its name')
  check('indexAggregates', someAggregates, aggregates, 'its aggregates')
  check('indexAggregates', indexOptions, options)
  if (Object.keys(aggregates).length === 0) throw userError('aggregation', `index '${name}' has no aggregates`)
  refuseRows(aggregates)
  const { node, aggregates: plain } = withConditions(input, aggregates)
  const all = Object.entries(plain).map(([column, aggregate]): [string, SpanAggregate] => {
    if (aggregate.kind === 'custom')
      throw userError('aggregation', `'${column}' is a custom aggregate: make a table of it, and index that`)
    if (keys.includes(column)) throw userError('aggregation', `'${column}' is a key: give the aggregate another name`)
    const { over = null, default: otherwise } = aggregates[column]!
    const of = { ...aggregate, over, ...(otherwise === undefined ? {} : { default: otherwise }) }
    const type = spanResultType(node.schema, of)
    if (otherwise !== undefined) checkDefault(column, type, otherwise)
    return [column, of]
  })
  const span = spanOf(options.history)
  return {
    ...newNode(node.schema),
    kind: 'aggregate-index',
    inputs: [node],
    ...{ keys, name, aggregates: Object.fromEntries(all), history: span },
  }
}

/** Of aggregates by the same keys: all that a row has beside them and the event time. */
function defaultsOf(input: Node, keys: readonly string[]): IndexNode['defaults'] {
  const { schema, empty } = input.kind === 'key-by' ? input.inputs[0] : input
  const isWhole = schema.names.every((name) => name === schema.time || keys.includes(name) || name in (empty ?? {}))
  return isWhole && empty !== undefined ? empty : null
}

export function tableIndexNode(input: Node, keys: readonly string[], name: string, options: IndexOptions): IndexNode {
  check('index', aText, name, 'its name')
  check('index', indexOptions, options)
  return {
    ...newNode(input.schema),
    kind: 'index',
    inputs: [input],
    keys,
    name,
    defaults: defaultsOf(input, keys),
    history: spanOf(options.history),
  }
}
