import type { SourceNode } from './graph.ts'
import type { PlannedStage } from './plan.ts'

/** The source of a stage that has one. */
export const sourceNodeOf = (stage: PlannedStage): SourceNode => stage.nodes[0]!.node as SourceNode
