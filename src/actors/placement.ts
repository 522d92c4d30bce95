/**
 * Which host and worker runs which shard: heavier stages first, each to the least loaded place. Deterministic; and shards
 * that come later move none that are there.
 */
import { supersededIn } from '../topology/generations.ts'
import type { Plan, PlannedShard, PlannedStage } from '../topology/plan.ts'

const WEIGHT: Record<PlannedStage['kind'], number> = { source: 4, operators: 2, sink: 1 }

/** The shards of each of `places` places. */
export function placeShards(plan: Plan, shards: readonly PlannedShard[], places: number): PlannedShard[][] {
  const placed: PlannedShard[][] = Array.from({ length: places }, () => [])
  const load = new Array<number>(places).fill(0)
  const weight = (shard: PlannedShard) => WEIGHT[plan.stages[shard.stage]!.kind]
  const beginsIn = ({ stage, generation }: PlannedShard) => plan.stages[stage]!.generations[generation]!.layout
  for (let layout = 0; layout <= plan.layout; layout++) {
    // Those that hand over make room.
    placed.forEach((there, place) => {
      for (const shard of there) if (supersededIn(plan, shard) === layout) load[place]! -= weight(shard)
    })
    const added = shards.filter((shard) => beginsIn(shard) === layout)
    for (const shard of added.sort((a, b) => weight(b) - weight(a) || a.cell - b.cell)) {
      const place = load.indexOf(Math.min(...load))
      placed[place]!.push(shard)
      load[place]! += weight(shard)
    }
  }
  return placed
}
