/**
 * The shards of a stage, generation by generation: each change of their number (a layout) begins one, and every shard of
 * it takes over the key groups that it owns from the shards that had them before.
 */
import { userError } from '../base/errors.ts'
import { groupsOf, KEY_GROUPS } from '../base/key-group.ts'
import { DEAD_LETTERS } from './dead-letters.ts'
import { closesTime, isIndex } from './graph.ts'
import type { Plan, PlannedNode, PlannedShard, PlannedStage } from './plan.ts'
import { sourceNodeOf } from './source-node-of.ts'

/** Another number of shards for a stage. */
export interface Rescale {
  readonly stage: string
  readonly shards: number
}

/** How many shards the stage has in a layout. */
export const shardsIn = ({ generations }: PlannedStage, layout: number): number =>
  generations.findLast((generation) => generation.layout <= layout)!.shards

/** The shards of a stage, oldest generation first. */
export const shardsOfStage = ({ shards }: Plan, stage: number): PlannedShard[] =>
  shards.filter((shard) => shard.stage === stage)

/** The shards of a stage, generation by generation. */
export const generationsOf = (plan: Plan, stage: number): PlannedShard[][] =>
  plan.stages[stage]!.generations.map((_, g) => shardsOfStage(plan, stage).filter(({ generation }) => generation === g))

/** The first layout in which the shard has no part any more; infinite for those of today. */
export const supersededIn = (plan: Plan, { stage, generation }: PlannedShard): number =>
  plan.stages[stage]!.generations[generation + 1]?.layout ?? Number.POSITIVE_INFINITY

/** The shards whose state a shard takes over: those that had some of its key groups; of a source, all. */
export function predecessorsOf(plan: Plan, { stage, generation, index }: PlannedShard): PlannedShard[] {
  if (generation === 0) return []
  const { kind, generations } = plan.stages[stage]!
  const own = groupsOf(index, generations[generation]!.shards)
  const before = generations[generation - 1]!.shards
  return shardsOfStage(plan, stage).filter((shard) => {
    if (shard.generation !== generation - 1) return false
    const { from, to } = groupsOf(shard.index, before)
    return kind === 'source' || (from < own.to && own.from < to)
  })
}

/**
 * @param plan as it is before the change
 * @throws user error `rescale` when the stage cannot have so many shards, with what it can have
 */
export function checkRescale(plan: Plan, { stage: name, shards }: Rescale): void {
  const refuse = (why: string): never => {
    throw userError('rescale', why)
  }
  const stage = plan.stages.find((one) => one.name === name)
  if (stage === undefined) {
    const names = plan.stages.filter(({ kind }) => kind !== 'sink').map((one) => `'${one.name}'`)
    return refuse(`there is no stage '${name}'; the stages that can be rescaled are ${names.join(', ')}`)
  }
  if (name === DEAD_LETTERS || stage.kind === 'sink') {
    return refuse(`stage '${name}' writes one file: it has one shard; rescale the stages before it`)
  }
  const most = stage.kind === 'source' ? sourceNodeOf(stage).connector.splits : Math.min(KEY_GROUPS, 256)
  const what = stage.kind === 'source' ? 'splits of the source' : 'shards of a stage'
  if (!Number.isInteger(shards) || shards < 1 || shards > most) {
    refuse(`stage '${name}' can have 1 to ${most} shards (${what}), not ${shards}`)
  }
  if (shardsIn(stage, plan.layout) === shards) refuse(`stage '${name}' has ${shards} shards already`)
  const bound = stage.nodes.find((node) => isStateful(node) && node.keys === null)
  if (bound !== undefined) {
    refuse(
      `stage '${name}' cannot be rescaled: the state of its '${bound.node.kind}' is not kept by the keys of the stage`,
    )
  }
}

const isStateful = ({ node }: PlannedNode): boolean => closesTime(node) || isIndex(node)
