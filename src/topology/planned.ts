/** What a plan is made of. */
import type { ShardId } from '../base/ids.ts'
import type { Schema } from '../records/schema.ts'
import type { NodeFacts } from './analysis.ts'
import type { Node, SinkNode } from './graph.ts'
import type { Topology } from './topology.ts'

/** Where a node's rows come from: a node of the same stage, or an edge. */
export type InputRef = { readonly node: number } | { readonly edge: number }

export interface PlannedNode {
  readonly node: Node
  readonly inputs: readonly InputRef[]
  readonly inputSchemas: readonly Schema[]
  /** The columns that the stage's rows are split by, under their names in the first input; null where they are gone. */
  readonly keys: readonly string[] | null
  /** The columns that really flow: those that something uses. */
  readonly schema: Schema
  readonly facts: NodeFacts
  readonly inputFacts: readonly NodeFacts[]
}

export interface PlannedEdge {
  readonly id: number
  readonly schema: Schema
  readonly from: { readonly stage: number; readonly node: number }
  /** Null for an output that the embedding program reads. */
  readonly to: { readonly stage: number; readonly node: number; readonly port: number } | null
  /** Routing columns; null where every sender feeds one partition. */
  readonly keys: readonly string[] | null
  /** Every shard is sent all rows. */
  readonly isBroadcast: boolean
}

export interface PlannedStage {
  readonly index: number
  readonly name: string
  readonly kind: 'source' | 'operators' | 'sink'
  /** One, and one more for each time that the stage was rescaled. Each hands its state over to the next. */
  readonly generations: readonly Generation[]
  readonly nodes: PlannedNode[]
  /** What embedding programs read of its log. */
  readonly outputs: SinkNode[]
}

/** The shards of a stage between two changes of their number. */
export interface Generation {
  /** The first layout with them: 0, or the number of the change that called for them. */
  readonly layout: number
  readonly shards: number
}

export interface PlannedShard {
  readonly id: ShardId
  /** Number among all shards: the cell on the board. What a change adds comes behind what there was. */
  readonly cell: number
  readonly stage: number
  readonly index: number
  readonly generation: number
}

export interface Plan {
  readonly topology: Topology
  readonly stages: readonly PlannedStage[]
  readonly edges: readonly PlannedEdge[]
  /** Those of all generations. */
  readonly shards: readonly PlannedShard[]
  /** How often a number of shards was changed. */
  readonly layout: number
}
