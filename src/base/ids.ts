/**
 * Names of what runs. A shard is `stage/index`; its lives are counted by the incarnation, its work by the epoch.
 */

/** Text form `stage/index`, as in `by-origin/1`; `by-origin@2/1` after the stage was rescaled twice. */
export type ShardId = string
/** Epochs are numbered from 1; 0 means that nothing has happened yet. */
export type Epoch = number
/** Lives of a shard, from 1. */
export type Incarnation = number

/** @param generation how often the stage was rescaled before: a name is never used again */
export const shardId = (stage: string, index: number, generation = 0): ShardId =>
  generation === 0 ? `${stage}/${index}` : `${stage}@${generation}/${index}`

/** The shard's folder name: no separators. A sink is called as its file is, folders and all. */
export function shardFolder(shard: ShardId): string {
  const at = shard.lastIndexOf('/')
  const stage = shard.slice(0, at).replaceAll('%', '%25').replaceAll('/', '%2F')
  return `${stage}.${shard.slice(at + 1)}`
}

/** The shard of a folder; null where the name is no shard's. */
export function shardOfFolder(name: string): ShardId | null {
  const parts = /^(.+)\.(\d+)$/.exec(name)
  return parts === null ? null : shardId(parts[1]!.replaceAll('%2F', '/').replaceAll('%25', '%'), Number(parts[2]))
}

const EPOCHS = 4294967296

/** One number that orders (incarnation, epoch): what a store is conditional on. Exact to incarnation 2^21. */
export const storeVersion = (incarnation: Incarnation, epoch: Epoch): number => incarnation * EPOCHS + epoch
