/** What the machine is like. */
import os from 'node:os'

/** Processors that may be used, at most 8: mailbox partitions are few. */
export const defaultParallelism = (): number => Math.min(8, os.availableParallelism())

/** One more than processors: a source that decodes a block for long does not keep its worker's other shards waiting. */
export const defaultWorkers = (): number => defaultParallelism() + 1
