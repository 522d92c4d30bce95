/** Which operator aggregates a window: over panes where a few numbers hold what is asked for, else row by row. */
import { isCollected } from '../operators/aggregation.ts'
import { openAggregates } from '../operators/fold/aggregate-group.ts'
import { aggregatedColumns } from '../operators/fold/cell-rows.ts'
import type { Operator, OperatorContext } from '../operators/operator.ts'
import { SESSION_FOLD_TABLES, SessionFold } from '../operators/session-fold.ts'
import { type TakeOver, takeOverSessionFold, takeOverWindowFold, takeOverWindows } from '../operators/take-over.ts'
import { isSession, type Window } from '../operators/window.ts'
import { WindowAggregate } from '../operators/window-aggregate.ts'
import { WINDOW_FOLD_TABLES, WindowFold } from '../operators/window-fold.ts'
import type { WindowNode } from '../topology/graph.ts'
import type { PlannedNode } from '../topology/plan.ts'
import { originHead } from './origin-head.ts'

/** The node's windows where panes can hold what is aggregated over them; null where they cannot. */
function panesOf({ window, aggregates }: WindowNode, retracts: boolean): Window | null {
  if (isSession(window) || window.step !== null || window.lookback > 0) return null
  const all = Object.values(aggregates)
  const takesBack = retracts && all.some(({ kind }) => kind === 'min' || kind === 'max')
  return takesBack || all.some(isCollected) ? null : window
}

export const windowTables = (node: WindowNode, retracts: boolean): readonly string[] =>
  panesOf(node, retracts) !== null
    ? ['panes', 'firing']
    : isSession(node.window)
      ? SESSION_FOLD_TABLES
      : WINDOW_FOLD_TABLES

export function makeWindow(planned: PlannedNode, node: WindowNode, context: OperatorContext): Operator {
  const { inputSchemas, schema, facts, inputFacts } = planned
  const input = inputSchemas[0]!
  const { keys, window, emit } = node
  const { bound, retracts } = inputFacts[0]!
  const aggregations = Object.values(node.aggregates)
  const plan = {
    ...{ input, output: schema, keys, emit, bound },
    origin: facts.needsOrigins ? originHead(node.id) : null,
  }
  const panes = panesOf(node, retracts)
  if (panes !== null) return new WindowAggregate({ ...plan, window: panes, aggregations }, context)
  const columns = aggregatedColumns(aggregations)
  const open = openAggregates(input, aggregations, false)
  return isSession(window)
    ? new SessionFold({ ...plan, columns, open, window }, context)
    : new WindowFold({ ...plan, columns, open, window }, context)
}

export function takeOverWindow(take: TakeOver, { inputSchemas, inputFacts }: PlannedNode, node: WindowNode) {
  const input = inputSchemas[0]!
  const { keys, window } = node
  if (panesOf(node, inputFacts[0]!.retracts) !== null)
    return takeOverWindows(take, { input, keys, aggregations: Object.values(node.aggregates) })
  return isSession(window) ? takeOverSessionFold(take, input, keys) : takeOverWindowFold(take, input, keys)
}
