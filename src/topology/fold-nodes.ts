/** Nodes that make tables of keyed streams, with what is checked where they are declared. */

import { userError } from '../base/errors.ts'
import { aDuration, aText, check, eachOf, maybe, oneOf, only } from '../base/given.ts'
import { type Duration, micros } from '../base/time.ts'
import { foldedSchema } from '../operators/fold/folded-schema.ts'
import type { Ranking } from '../operators/fold/ranked.ts'
import { leavingSchema, SPAN_ENTERED, SPAN_LEFT } from '../operators/leaving.ts'
import { spansOf } from '../operators/spans.ts'
import type { Emission } from '../operators/window.ts'
import { type Fields, fieldOf, int, makeSchema, type Schema } from '../records/schema.ts'
import { emptyResults, refuseDecayed, refuseRows, withConditions, withDefaults } from './aggregate-nodes.ts'
import type { Aggregates } from './aggregates.ts'
import { someAggregates } from './given.ts'
import { type FoldNode, type LeavingNode, type Node, newNode } from './graph.ts'
import type { PlainName } from './stream-fields.ts'

const pickOptions = only({ by: maybe(aText), within: maybe(aDuration), emit: maybe(aText) })
const topOptions = only({
  by: eachOf(oneOf(['ascending', 'descending'])),
  within: maybe(aDuration),
  emit: maybe(aText),
})
const totalsOptions = only({ every: maybe(aDuration), emit: maybe(aText) })

/** When a table speaks of its rows; see `Emission`. The default is `eager`: at once, whatever the disorder of the source. */
export interface FoldOptions {
  readonly emit?: Emission | undefined
}

/** See `FoldOptions`. */
export interface RankOptions extends FoldOptions {
  /** How long a row counts after its event time. With it rows are said when the watermark has passed them (`final`). */
  readonly within?: Duration
}

/** Which row is the latest or the first; see `FoldOptions`. */
export interface PickOptions<F extends Fields> extends RankOptions {
  /** The row with the greatest or the least value there; of several by event time. Without it by event time alone. */
  readonly by?: PlainName<F>
}

/** See `FoldOptions`. */
export interface TotalsOptions extends FoldOptions {
  /**
   * Versions at multiples of this alone, each of the rows before it: a window that hops, over spans or from the beginning. They are
   * said when the watermark has passed them (`final`). Without it there is one at each event time.
   */
  readonly every?: Duration
}

type Order = 'ascending' | 'descending'

/** What rows are ordered by; see `FoldOptions`. */
export interface TopOptions<F extends Fields> extends RankOptions {
  /** Columns in their order. */
  readonly by: { readonly [N in PlainName<F>]?: Order }
}

/** @throws user error `emit` */
export function checkEmission(emit: string): void {
  if (emit !== 'final' && emit !== 'eager') throw userError('emit', `emit is 'final' or 'eager', not '${emit}'`)
}

interface Folded {
  readonly input: Node
  readonly keys: readonly string[]
  readonly schema: Schema
  readonly fold: FoldNode['fold']
}

function foldNode({ input, keys, schema, fold }: Folded, { emit = 'eager' }: FoldOptions): FoldNode {
  checkEmission(emit)
  return { ...newNode(schema), kind: 'fold', inputs: [input], keys, fold, emit }
}

export function pickNode<F extends Fields>(
  input: Node,
  keys: readonly string[],
  ties: 'first' | 'latest',
  options: PickOptions<F>,
): FoldNode {
  check(ties, pickOptions, options)
  const { schema } = input
  const { by } = options
  if (by !== undefined) fieldOf(schema, by)
  const order = ties === 'first' ? 'ascending' : 'descending'
  const ranking = { limit: 1, by: by === undefined ? [] : [{ column: by, order } as const], ties, rank: null }
  return rankingNode({ input, keys, schema, ranking }, options)
}

function rankingNode(
  { ranking, ...of }: Omit<Folded, 'fold'> & { readonly ranking: Ranking },
  { within, ...options }: RankOptions,
): FoldNode {
  if (within === undefined) return foldNode({ ...of, fold: { kind: 'ranking', ranking, within: null } }, options)
  const span = lengthOf(within, 'rows that count for a while')
  const input = leavingNode(of.input, [span], null)
  return foldNode({ ...of, input, fold: { kind: 'ranking', ranking, within: span } }, onlyFinal(options))
}

/** @throws user error `emit` where it is eager */
function onlyFinal({ emit = 'final' }: FoldOptions): FoldOptions {
  if (emit === 'eager')
    throw userError('emit', 'where rows leave with time, it is said when the watermark has passed: leave out emit')
  return { emit }
}

/** @throws user error `rank` when nothing is ranked by, the limit is none, or a field is called so already */
export function topNode<F extends Fields>(
  input: Node,
  keys: readonly string[],
  limit: number,
  options: TopOptions<F>,
): FoldNode {
  check('top', topOptions, options)
  const schema = makeSchema({ ...input.schema.fields, rank: int() })
  const ranking = rankingOf(input.schema, limit, options.by as Readonly<Record<string, Order>>)
  return rankingNode({ input, keys, schema, ranking }, options)
}

function rankingOf(schema: Schema, limit: number, by: Readonly<Record<string, Order>>): Ranking {
  for (const name of Object.keys(by)) fieldOf(schema, name)
  if (Object.keys(by).length === 0) throw userError('rank', `top needs columns to rank by: ${schema.names.join(', ')}`)
  if (!Number.isInteger(limit) || limit < 1) throw userError('rank', `top needs a limit of 1 or more, not ${limit}`)
  if (Object.hasOwn(schema.fields, 'rank')) throw userError('rank', "there is a field 'rank' already: rename it")
  return { limit, by: Object.entries(by).map(([column, order]) => ({ column, order })), ties: 'first', rank: 'rank' }
}

/** @throws user error `aggregation` when a field has one of the names that it needs */
function leavingNode(input: Node, spans: readonly number[], every: number | null): LeavingNode {
  const taken = [SPAN_LEFT, SPAN_ENTERED].find((name) => Object.hasOwn(input.schema.fields, name))
  if (taken !== undefined) throw userError('aggregation', `there is a field '${taken}': rename it, spans need the name`)
  return { ...newNode(leavingSchema(input.schema)), kind: 'leaving', inputs: [input], spans, every }
}

/** @throws user error `duration` where there is none */
function lengthOf(duration: Duration, what: string): number {
  const length = micros(duration)
  if (length === 0) throw userError('duration', `${what}: give a duration above 0`)
  return length
}

/** Aggregates over all rows so far, or over those of spans. */
export function totalsNode<F extends Fields>(
  input: Node,
  keys: readonly string[],
  aggregates: Aggregates<F>,
  given: TotalsOptions,
): Node {
  check('aggregate', someAggregates, aggregates, 'its aggregates')
  check('aggregate', totalsOptions, given)
  const { every, ...options } = given
  refuseRows(aggregates)
  refuseDecayed(aggregates)
  const { node, aggregates: plain } = withConditions(input, aggregates)
  const fold = { kind: 'aggregates', aggregates: plain } as const
  const schema = foldedSchema(node.schema, keys, plain)
  const spans = spansOf(plain)
  const empty = emptyResults(schema, aggregates)
  if (spans.length === 0 && every === undefined)
    return { ...withDefaults(foldNode({ input: node, keys, schema, fold }, options), aggregates), empty }
  const leaving = leavingNode(node, spans, every === undefined ? null : lengthOf(every, 'what is said every so often'))
  return { ...withDefaults(foldNode({ input: leaving, keys, schema, fold }, onlyFinal(options)), aggregates), empty }
}
