/** Which operator makes a table of updates: in columns where rows only come and the latest is asked for, else a fold. */
import { openAggregates } from '../operators/fold/aggregate-group.ts'
import { aggregatedColumns } from '../operators/fold/cell-rows.ts'
import { FOLD_TABLES, Fold, type FoldPlan } from '../operators/fold/fold.ts'
import { openRanking } from '../operators/fold/ranked.ts'
import { openSpans, spannedColumns } from '../operators/fold/span-group.ts'
import { whileWithin } from '../operators/fold/while-within.ts'
import { KEEP_LAST_TABLES, KeepLast } from '../operators/keep-last.ts'
import type { Operator, OperatorContext } from '../operators/operator.ts'
import { type TakeOver, takeOverFold, takeOverLast } from '../operators/take-over.ts'
import type { NodeFacts } from '../topology/analysis.ts'
import type { FoldNode } from '../topology/graph.ts'
import type { PlannedNode } from '../topology/plan.ts'
import { originHead } from './origin-head.ts'

function isKeepLast({ fold }: FoldNode, { isTable, retracts }: Pick<NodeFacts, 'isTable' | 'retracts'>): boolean {
  if (isTable || retracts || fold.kind !== 'ranking' || fold.within !== null) return false
  const { limit, by, ties, rank } = fold.ranking
  return limit === 1 && by.length === 0 && ties === 'latest' && rank === null
}

export const foldTables = (node: FoldNode, input: NodeFacts): readonly string[] =>
  isKeepLast(node, input) ? KEEP_LAST_TABLES : FOLD_TABLES

export function makeFold(planned: PlannedNode, node: FoldNode, context: OperatorContext): Operator {
  return isKeepLast(node, planned.inputFacts[0]!)
    ? new KeepLast(commonPlan(planned, node), context)
    : new Fold(foldPlan(planned, node), context)
}

export function takeOverFoldNode(take: TakeOver, planned: PlannedNode, node: FoldNode): Iterable<void> {
  return isKeepLast(node, planned.inputFacts[0]!)
    ? takeOverLast(take, commonPlan(planned, node))
    : takeOverFold(take, planned.inputSchemas[0]!, node.keys)
}

function commonPlan({ inputSchemas, schema, facts, inputFacts }: PlannedNode, { id, keys, emit }: FoldNode) {
  const results = schema.names.filter((name) => name !== schema.time && !keys.includes(name))
  const origin = facts.needsOrigins ? originHead(id) : null
  return { input: inputSchemas[0]!, output: schema, keys, results, emit, bound: inputFacts[0]!.bound, origin }
}

function foldPlan(planned: PlannedNode, node: FoldNode): FoldPlan {
  const common = commonPlan(planned, node)
  const { input, results } = common
  const { isTable } = planned.inputFacts[0]!
  const { fold } = node
  if (fold.kind === 'ranking') {
    const ranked = openRanking(input, results, fold.ranking, isTable)
    return { ...common, ...(fold.within === null ? ranked : whileWithin(ranked)) }
  }
  const aggregations = Object.values(fold.aggregates)
  const [leaving] = node.inputs
  if (leaving.kind === 'leaving')
    return {
      ...common,
      columns: spannedColumns(aggregations),
      open: openSpans(input, fold.aggregates, leaving.every === null),
    }
  return { ...common, columns: aggregatedColumns(aggregations), open: openAggregates(input, aggregations, isTable) }
}
