/** The dead letters that one shard is to take once more: those that were ordered, of rows that it owns. */
import type { ShardId } from '../base/ids.ts'
import { shardOf } from '../base/key-group.ts'
import type { Files } from '../base/seam.ts'
import { hashRows } from '../records/key.ts'
import type { Retries } from '../recovery/retries.ts'
import { generationsOf, shardsIn } from '../topology/generations.ts'
import type { Plan, PlannedStage } from '../topology/plan.ts'
import { type RetryOrder, readOrders } from './letter-orders.ts'
import { readRetried } from './retried-row.ts'

/** How far a shard is with them. */
export interface RetriesStatus {
  /** The last order that it has heard of. */
  readonly seen: number
  /** Orders that it has not carried out. */
  readonly left: readonly number[]
}

export class RetryQueue implements Retries {
  readonly #files: Files
  readonly #directory: string
  readonly #shard: ShardId
  #seen = 0
  #orders: readonly RetryOrder[] = []

  constructor(files: Files, directory: string, shard: ShardId) {
    this.#files = files
    this.#directory = directory
    this.#shard = shard
  }

  /** Looks what is ordered now. Orders of layouts that the plan does not know yet are seen later. */
  look(plan: Plan): void {
    const orders = readOrders(this.#files, this.#directory)
    const known = orders.filter((one) => one.kind === 'drop' || one.layout <= plan.layout)
    this.#seen = known.at(-1)?.order ?? 0
    this.#orders = known.flatMap((one) => (one.kind === 'retry' && ownerOf(plan, one) === this.#shard ? [one] : []))
  }

  after(order: number): RetryOrder | null {
    return this.#orders.find((one) => one.order > order) ?? null
  }

  /** @param done the last order that was carried out */
  status(done: number): RetriesStatus {
    return { seen: this.#seen, left: this.#orders.flatMap(({ order }) => (order > done ? [order] : [])) }
  }
}

/** The shard that carries an order out: of those that the stage had when it was given. */
export function ownerOf(plan: Plan, order: RetryOrder): ShardId {
  const stage = plan.stages.find(({ name }) => name === order.stage)!
  const shards = shardsIn(stage, order.layout)
  const generation = stage.generations.findLastIndex(({ layout }) => layout <= order.layout)
  const hash = hashOf(stage, order)
  return generationsOf(plan, stage.index)[generation]![hash === null ? order.split % shards : shardOf(hash, shards)]!.id
}

/** Null for a row that belongs to nobody's keys, or that none can read: anybody may take it, or refuse it. */
function hashOf(stage: PlannedStage, order: RetryOrder): number | null {
  const planned = stage.nodes.find(({ node }) => node.id === order.node)
  if (stage.kind === 'source' || planned === undefined || planned.keys === null) return null
  const batch = readRetried(planned.inputSchemas[0]!, order)
  if (typeof batch === 'string') return null
  const hash = new Uint32Array(1)
  const columns = planned.keys.map((key) => batch.schema.names.indexOf(key))
  hashRows(batch, columns, hash)
  return hash[0]!
}
