/** Which operator keeps one of the rows that are alike: in spans that are fixed, or in sessions. */
import { DEDUP_TABLES, Dedup } from '../operators/dedup.ts'
import type { Operator, OperatorContext } from '../operators/operator.ts'
import { SESSION_FOLD_TABLES, SessionFold } from '../operators/session-fold.ts'
import { openLatestRow, SessionRows } from '../operators/session-rows.ts'
import { type TakeOver, takeOverDedup, takeOverSessionFold } from '../operators/take-over.ts'
import type { Schema } from '../records/schema.ts'
import type { DedupNode } from '../topology/graph.ts'
import type { PlannedNode } from '../topology/plan.ts'

export const dedupTables = ({ gap }: DedupNode): readonly string[] =>
  gap === null ? DEDUP_TABLES : SESSION_FOLD_TABLES

export function makeDedup(
  { inputSchemas, inputFacts }: PlannedNode,
  node: DedupNode,
  context: OperatorContext,
): Operator {
  const schema = inputSchemas[0]!
  const { keys, span, gap, emit } = node
  const { bound, retracts } = inputFacts[0]!
  if (gap === null) return new Dedup({ schema, keys, span, emit, bound, retracts }, context)
  const plan = { input: schema, output: schema, keys, columns: schema.names, open: openLatestRow, emit, bound }
  return new SessionFold({ ...plan, window: { gap }, origin: null }, context, new SessionRows(schema, context.emit))
}

export const takeOverAnyDedup = (take: TakeOver, input: Schema, { keys, gap }: DedupNode): Iterable<void> =>
  (gap === null ? takeOverDedup : takeOverSessionFold)(take, input, keys)
