/** A shard's surroundings as the plan has them; the plan may be replaced by one with more shards. */
import { shardOf } from '../base/key-group.ts'
import type { Route } from '../mailbox/outbox.ts'
import type { InboxEdge } from '../mailbox/senders.ts'
import type { Predecessor, ShardLayout } from '../recovery/shard-layout.ts'
import { generationsOf, predecessorsOf, shardsIn, shardsOfStage, supersededIn } from '../topology/generations.ts'
import type { Plan, PlannedEdge, PlannedShard } from '../topology/plan.ts'

export class PlannedLayout implements ShardLayout {
  readonly predecessors: readonly Predecessor[]
  receivers: readonly number[] = []
  readonly #shard: PlannedShard
  #plan: Plan

  /** @param openPredecessor how to reach a shard that this one takes over from */
  constructor(plan: Plan, shard: PlannedShard, openPredecessor: (shard: PlannedShard) => Predecessor) {
    this.#shard = shard
    this.#plan = plan
    this.predecessors = predecessorsOf(plan, shard).map(openPredecessor)
    this.learn(plan)
  }

  /** Goes over to a plan with more layouts. */
  learn(plan: Plan): void {
    this.#plan = plan
    const stages = new Set(this.#outgoing.flatMap(({ to }) => (to === null ? [] : [to.stage])))
    this.receivers = [...stages]
      .flatMap((stage) => shardsOfStage(plan, stage))
      // Those that had handed over before this shard came to be never read it.
      .filter((receiver) => supersededIn(plan, receiver) > this.since)
      .map(({ cell }) => cell)
  }

  get current(): number {
    return this.#plan.layout
  }

  get since(): number {
    const { stage, generation } = this.#shard
    return this.#plan.stages[stage]!.generations[generation]!.layout
  }

  get until(): number {
    return supersededIn(this.#plan, this.#shard)
  }

  owns = (hash: number): boolean => {
    const { stage, generation, index } = this.#shard
    return shardOf(hash, this.#plan.stages[stage]!.generations[generation]!.shards) === index
  }

  /** What the shard is sent, and by whom. */
  incoming(): InboxEdge[] {
    const { edges } = this.#plan
    return edges
      .filter(({ to }) => to?.stage === this.#shard.stage)
      .map(({ id, schema, from }) => ({ edge: id, schema, senders: generationsOf(this.#plan, from.stage) }))
  }

  routes(layout: number): Route[] {
    return this.#outgoing.map((edge) => {
      const partitions = this.#partitions(edge, layout)
      const keys = edge.keys?.map((key) => edge.schema.names.indexOf(key)) ?? null
      const { id, isBroadcast } = edge
      return { edge: id, partitions, keys, fixed: this.#shard.index % partitions, isBroadcast }
    })
  }

  differ(one: number, other: number): boolean {
    return one !== other && this.#outgoing.some((edge) => this.#generation(edge, one) !== this.#generation(edge, other))
  }

  get #outgoing(): PlannedEdge[] {
    return this.#plan.edges.filter(({ from }) => from.stage === this.#shard.stage)
  }

  #partitions({ to }: PlannedEdge, layout: number): number {
    return to === null ? 1 : shardsIn(this.#plan.stages[to.stage]!, layout)
  }

  #generation({ to }: PlannedEdge, layout: number): number {
    if (to === null) return 0
    return this.#plan.stages[to.stage]!.generations.filter((generation) => generation.layout <= layout).length
  }
}
