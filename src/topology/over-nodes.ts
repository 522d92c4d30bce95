/** Nodes that give each row aggregates over the rows up to it. */

import { userError } from '../base/errors.ts'
import { aText, check, maybe, only } from '../base/given.ts'
import { resultType } from '../operators/aggregation.ts'
import { makeSchema } from '../records/schema.ts'
import { type Conditioned, withConditions, withDefaults } from './aggregate-nodes.ts'
import { checkEmission } from './fold-nodes.ts'
import { someAggregates } from './given.ts'
import { type Node, newNode, type OverRowsNode } from './graph.ts'
import { projectNode } from './row-nodes.ts'

/** When rows are said: `final` (the default) when the watermark has passed them, `eager` at once. */
export interface OverOptions {
  readonly emit?: 'final' | 'eager'
}

/** @throws user error `aggregation` when a field is called as an aggregate is */
export function overRowsNode(
  input: Node,
  keys: readonly string[],
  aggregates: Readonly<Record<string, Conditioned>>,
  options: OverOptions,
): Node {
  check('withAggregates', someAggregates, aggregates, 'its aggregates')
  check('withAggregates', only({ emit: maybe(aText) }), options)
  const { emit = 'final' } = options
  checkEmission(emit)
  const { node, aggregates: plain } = withConditions(input, aggregates)
  const counted = Object.entries(aggregates).find(([, { kind, rows }]) => kind === 'decayedSum' && rows !== undefined)
  if (counted !== undefined)
    throw userError(
      'aggregation',
      `'${counted[0]}' decays with time: give it a span, over('forever', ...) for all rows`,
    )
  // Of the fields there may be one more for each aggregate with a condition.
  const taken = Object.keys(aggregates).find((name) => node.schema.names.includes(name))
  if (taken !== undefined)
    throw userError('aggregation', `there is a field '${taken}': give the aggregate another name, or rename the field`)
  const results = Object.entries(plain).map(([name, aggregate]) => [name, resultType(node.schema, aggregate)])
  const schema = makeSchema({ ...node.schema.fields, ...Object.fromEntries(results) })
  const over: OverRowsNode = { ...newNode(schema), kind: 'over-rows', inputs: [node], keys, aggregates: plain, emit }
  const kept = [...input.schema.names, ...Object.keys(aggregates)].map((name) => [name, name])
  return projectNode(withDefaults(over, aggregates), Object.fromEntries(kept))
}
