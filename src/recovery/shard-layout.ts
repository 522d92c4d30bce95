/**
 * What a shard must know of who is beside it: how its output is cut, who reads it, from whom it takes over, and when its
 * own part ends. It changes while the shard lives, when the number of shards of a stage does.
 */
import type { Route } from '../mailbox/outbox.ts'
import type { Environment } from '../storage/environment.ts'
import type { OwnsHash } from './program.ts'

/** A shard of the generation before: its state goes over. */
export interface Predecessor {
  readonly id: string
  readonly cell: number
  /** Opens its store. @throws corruption when it cannot be used */
  openStore(): Environment
  /** Sees to it that its next life replaces its store. */
  condemnStore(reason: string): void
}

export interface ShardLayout {
  /** The newest layout that is known. */
  readonly current: number
  /** The layout with which the shard came to be. */
  readonly since: number
  /** The first layout in which the shard has no part any more; infinite while there is none. */
  readonly until: number
  /** Cells of the shards that read what the shard sends, in any layout. */
  readonly receivers: readonly number[]
  readonly predecessors: readonly Predecessor[]
  readonly owns: OwnsHash
  /** Where output goes in a layout. */
  routes(layout: number): readonly Route[]
  /** Whether the two layouts cut the shard's output in different ways: then its receivers wait to hear of it. */
  differ(one: number, other: number): boolean
}
