/**
 * Dead letters that are taken once more. Whoever runs the job orders it, by a file beside the logs; the shard that owns
 * the row takes it in an epoch of its own, whose marker holds the row and the order's number. So it is taken once, and a
 * replay takes it in the same place (RT-1).
 */
export interface Retry {
  /** Number of the order, from 1. */
  readonly order: number
  /** The node whose input the row is; null for a row of the source itself. */
  readonly node: number | null
  /** Where it stood in the source. */
  readonly split: number
  readonly offset: number | null
  /** As JSON. */
  readonly row: string
  readonly diff: number
}

/** What is ordered of a shard. */
export interface Retries {
  /** The first order behind this one; null where there is none. */
  after(order: number): Retry | null
}
