/**
 * The sending end of a shard's mailboxes: holds an epoch's output, cut into partitions by the routing hash of the keys,
 * and seals it into one frame an edge and partition.
 */
import { shardOf } from '../base/key-group.ts'
import type { Batch } from '../records/batch.ts'
import { encodeParts, type FramePart } from '../records/frame-encoder.ts'
import { hashRows } from '../records/key.ts'
import type { PartitionFrames } from './log.ts'

/** Where the rows of one edge go. */
export interface Route {
  readonly edge: number
  readonly partitions: number
  /** Indexes of the key columns; null sends every row to the partition `fixed`. */
  readonly keys: readonly number[] | null
  readonly fixed: number
  /** Every row goes to all partitions. */
  readonly isBroadcast: boolean
}

export class Outbox {
  #routes: ReadonlyMap<number, Route>
  readonly #parts = new Map<number, FramePart[][]>()
  #hashes = new Uint32Array(0)
  #rows = 0

  constructor(routes: readonly Route[]) {
    this.#routes = new Map(routes.map((route) => [route.edge, route]))
  }

  /** Goes over to other routes, between epochs. */
  reroute(routes: readonly Route[]): void {
    this.#routes = new Map(routes.map((route) => [route.edge, route]))
  }

  /** Rows held for the epoch under way. */
  get rows(): number {
    return this.#rows
  }

  add(edge: number, batch: Batch): void {
    if (batch.length === 0) return
    const route = this.#routes.get(edge)!
    let parts = this.#parts.get(edge)
    if (parts === undefined) this.#parts.set(edge, (parts = Array.from({ length: route.partitions }, () => [])))
    this.#rows += batch.length
    if (route.isBroadcast) {
      for (const part of parts) part.push({ batch, rows: null, count: batch.length })
      return
    }
    if (route.keys === null || route.partitions === 1) {
      parts[route.keys === null ? route.fixed : 0]!.push({ batch, rows: null, count: batch.length })
      return
    }
    const cut = this.#cut(batch, route.keys, route.partitions)
    cut.forEach((rows, partition) => {
      if (rows.length > 0) parts[partition]!.push({ batch, rows, count: rows.length })
    })
  }

  /** The frames of the epoch, in order of (edge, partition); the outbox is empty afterwards. */
  seal(): PartitionFrames[] {
    const sealed: PartitionFrames[] = []
    for (const edge of [...this.#parts.keys()].sort((a, b) => a - b)) {
      this.#parts.get(edge)!.forEach((parts, partition) => {
        if (parts.length > 0) sealed.push({ edge, partition, chunks: [encodeParts(parts)] })
      })
    }
    this.discard()
    return sealed
  }

  discard(): void {
    this.#parts.clear()
    this.#rows = 0
  }

  /** Row numbers by partition, each in the order of the batch. */
  #cut(batch: Batch, keys: readonly number[], partitions: number): Int32Array[] {
    const { length } = batch
    if (this.#hashes.length < length) this.#hashes = new Uint32Array(length)
    const hashes = this.#hashes
    hashRows(batch, keys, hashes)
    const counts = new Int32Array(partitions)
    for (let i = 0; i < length; i++) {
      const partition = shardOf(hashes[i]!, partitions)
      hashes[i] = partition
      counts[partition]!++
    }
    const rows = Array.from(counts, (count) => new Int32Array(count))
    scatter(hashes, rows, length)
    return rows
  }
}

function scatter(partitionOf: Uint32Array, into: Int32Array[], length: number): void {
  const filled = new Int32Array(into.length)
  for (let i = 0; i < length; i++) {
    const partition = partitionOf[i]!
    into[partition]![filled[partition]!++] = i
  }
}
