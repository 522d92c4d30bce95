/** What is simulated, and what comes of it. */
import type { Index } from '../serving/open-index.ts'
import type { Topology } from '../topology/topology.ts'
import type { RetriedRow } from './simulated-node.ts'

/** What is simulated. */
export interface Scenario {
  readonly name: string
  readonly topology: () => Topology
  readonly shards: number
  readonly workers: number
  readonly hosts: number
  /** Logs on a simulated Kafka cluster, and not in files. */
  readonly isOnKafka: boolean
  /**
   * Retries dead letters while it runs.
   * Where another row has a value `again-<number of the letter>`, it must be in the result as often as it was taken: once.
   */
  readonly retries: RetriedRow | null
}

export interface SimulatedRun {
  /** What is wrong; empty where nothing is. */
  readonly violations: readonly string[]
  /** The sorted lines of each file. */
  readonly result: Readonly<Record<string, readonly string[]>>
  /** What can be looked up in the end. */
  readonly indexes: Readonly<Record<string, Index<never, never>>>
  /** Faults that came to pass. */
  readonly faults: number
  /** Virtual milliseconds. */
  readonly lastedMs: number
  readonly tasks: number
  /** How often a system was started. */
  readonly starts: number
}

/** What is other in a result than in that of an unharmed run. */
export function differences(result: SimulatedRun['result'], expected: SimulatedRun['result']): string[] {
  const names = [...new Set([...Object.keys(result), ...Object.keys(expected)])]
  return names.flatMap((name) => {
    const [got, wanted] = [result[name] ?? [], expected[name] ?? []]
    if (got.length === wanted.length && got.every((line, i) => line === wanted[i])) return []
    const more = got.filter((line) => !wanted.includes(line)).slice(0, 3)
    const less = wanted.filter((line) => !got.includes(line)).slice(0, 3)
    return [
      `${name} has ${got.length} lines, an unharmed run ${wanted.length}; too much: ${more.join(' | ')}; missing: ${less.join(' | ')}`,
    ]
  })
}
