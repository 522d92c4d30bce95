/** Where a worker is, in terms of the plan. */
import type { WhereItIs } from '../base/activity.ts'
import type { ShardId } from '../base/ids.ts'
import type { Node } from './graph.ts'
import type { Plan } from './plan.ts'

/** Operators that call functions of the user. */
const CALLS_FUNCTIONS: ReadonlySet<Node['kind']> = new Set(['assign', 'filter', 'transform', 'actor'])

/**
 * Whether a function of the user may have the thread; the other operators take their time on their own account. A thread
 * that is about to leave may be seen in no operator at all.
 */
export function isUserCode(plan: Plan, at: WhereItIs): boolean {
  const node = plan.topology.nodes[at.node]
  return node !== undefined && (node.kind === 'source' || CALLS_FUNCTIONS.has(node.kind))
}

/** Whether rows may be turned away by an operator: its function throws on them, or they are not what it takes. */
export const mayTurnAway = ({ kind }: Node): boolean => CALLS_FUNCTIONS.has(kind) || kind === 'explode'

/** A shard, an operator and a call, in words; see `Activity`. */
export function placeOf(plan: Plan, at: WhereItIs): { shard: ShardId; operator: string; call: number } {
  const { id, stage } = plan.shards[at.cell]!
  const { name, nodes } = plan.stages[stage]!
  const node = nodes.find((one) => one.node.id === at.node)?.node
  const what = node?.kind === 'actor' ? `actor '${node.name}'` : (node?.kind ?? 'an operator')
  return { shard: id, operator: `${what} in stage '${name}'`, call: at.call }
}
