/** Which operator joins: in columns where both sides take nothing back, else row by row. */
import { AsOfJoin, type AsOfJoinPlan, asOfTables } from '../operators/as-of-join.ts'
import { INTERVAL_JOIN_TABLES, IntervalJoin, type IntervalJoinPlan } from '../operators/interval-join.ts'
import { NEAR_JOIN_TABLES, NearJoin } from '../operators/near-join.ts'
import type { Operator, OperatorContext } from '../operators/operator.ts'
import { TABLE_JOIN_TABLES, TableJoin, type TableJoinPlan } from '../operators/table-join/table-join.ts'
import { type TakeOver, takeOverJoin, takeOverNear, takeOverSides, takeOverTables } from '../operators/take-over.ts'
import type { NodeFacts } from '../topology/analysis.ts'
import type { AnyJoinNode, IntervalJoinNode, JoinNode, TableJoinNode } from '../topology/graph.ts'
import type { PlannedNode } from '../topology/plan.ts'
import { originHead } from './origin-head.ts'

/** Whether rows of the sides are kept in columns. */
const isNear = ({ inputFacts }: Pick<PlannedNode, 'inputFacts'>): boolean =>
  inputFacts.every(({ retracts }) => !retracts)

export function joinTables(planned: PlannedNode, node: AnyJoinNode): readonly string[] {
  if (node.kind === 'table-join') return TABLE_JOIN_TABLES
  if (node.kind === 'as-of-join') return asOfTables(planned.inputFacts[1]!)
  return isNear(planned) ? NEAR_JOIN_TABLES : INTERVAL_JOIN_TABLES
}

export function makeJoin(planned: PlannedNode, node: AnyJoinNode, context: OperatorContext): Operator {
  if (node.kind === 'as-of-join') return new AsOfJoin(asOfPlan(planned, node), context)
  if (node.kind === 'table-join') return new TableJoin(tablesPlan(planned, node), context)
  const plan = intervalPlan(planned, node)
  return isNear(planned) ? new NearJoin(plan, context) : new IntervalJoin(plan, context)
}

export function takeOverAnyJoin(take: TakeOver, planned: PlannedNode, node: AnyJoinNode): Iterable<void> {
  const [left] = planned.inputSchemas
  if (node.kind === 'as-of-join') return takeOverJoin(take, asOfPlan(planned, node))
  if (node.kind === 'table-join') return takeOverTables(take, tablesPlan(planned, node))
  return isNear(planned) ? takeOverNear(take, intervalPlan(planned, node)) : takeOverSides(take, left!, node.leftKeys)
}

const tablesPlan = (planned: PlannedNode, node: TableJoinNode): TableJoinPlan => ({
  ...joinPlan(planned, node),
  emit: node.emit,
  how: node.how,
})

const intervalPlan = (planned: PlannedNode, node: IntervalJoinNode): IntervalJoinPlan => ({
  ...joinPlan(planned, node),
  span: node.span,
  how: node.how,
})

function joinPlan({ inputSchemas, schema, facts, inputFacts }: PlannedNode, node: AnyJoinNode) {
  const { leftKeys, rightKeys, fields } = node
  return {
    ...{ left: inputSchemas[0]!, right: inputSchemas[1]!, output: schema, leftKeys, rightKeys, fields },
    bound: Math.max(...inputFacts.map(({ bound }) => bound)),
    origin: facts.needsOrigins ? originHead(node.id) : null,
  }
}

function asOfPlan({ inputSchemas, schema, inputFacts }: PlannedNode, node: JoinNode): AsOfJoinPlan {
  const { leftKeys, rightKeys, fields, how, older, newer } = node
  const [{ bound: leftBound }, { bound: rightBound, isTable, retracts }] = inputFacts as [NodeFacts, NodeFacts]
  return {
    ...{ left: inputSchemas[0]!, right: inputSchemas[1]!, output: schema, leftKeys, rightKeys, fields },
    ...{ how, older, newer, leftBound, rightBound, isTable, retracts },
  }
}
