/** Look-ups in the indexes of a simulated run that has ended. */
import { indexRecords } from '../actors/index-records.ts'
import { storeDirectory } from '../actors/job.ts'
import { shardOf } from '../base/key-group.ts'
import { readStoredState } from '../recovery/shard-store.ts'
import { Index } from '../serving/open-index.ts'
import type { StoreReader } from '../storage/environment.ts'
import { generationsOf } from '../topology/generations.ts'
import type { Plan } from '../topology/plan.ts'
import type { SimulatedDisk } from './simulated-disk.ts'

/** By name. */
export function simulatedIndexes(
  plan: Plan,
  disk: SimulatedDisk,
  directory: string,
): Record<string, Index<never, never>> {
  const indexes = indexRecords(plan).map((record): [string, Index<never, never>] => {
    const stage = plan.stages.find(({ name }) => name === record.stage)!
    const generations = generationsOf(plan, stage.index).toReversed()
    // The input may have ended before the shards of the last change had anything.
    const storeOf = (hash: number): StoreReader | null => {
      for (const shards of generations) {
        const store = disk.storeAt(storeDirectory(directory, shards[shardOf(hash, shards.length)]!.id))
        const meta = store.meta()
        if (meta !== null && !readStoredState(meta.body).isPartial) return store
      }
      return null
    }
    const ofHashes = async (hashes: Uint32Array) => Array.from(hashes, storeOf)
    return [record.name, new Index(record, { ofHashes, states: async () => [], close: async () => {} })]
  })
  return Object.fromEntries(indexes)
}
