/**
 * Keys to key groups to shards. There are `KEY_GROUPS` groups whatever the number of shards; a shard owns a range of
 * them. The count is part of the format: state keys and frames carry groups, so that shards can be split later.
 */
export const KEY_GROUPS = 1024

/** The key group of a key's 32-bit hash. */
export const keyGroup = (hash: number): number => hash >>> 22

/** The shard (0..shards-1) that owns a hash. Equal ranges of groups; a group never spans two shards. */
export const shardOf = (hash: number, shards: number): number => Math.floor((keyGroup(hash) * shards) / KEY_GROUPS)

/** The key groups of one of `shards` shards: from the first up to, and without, the last. */
export const groupsOf = (index: number, shards: number): { from: number; to: number } => ({
  from: Math.ceil((index * KEY_GROUPS) / shards),
  to: Math.ceil(((index + 1) * KEY_GROUPS) / shards),
})
