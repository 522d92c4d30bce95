/** What is simulated, and what comes of it. */
import type { Index } from '../serving/open-index.ts'
import type { Topology } from '../topology/topology.ts'
import type { LetterChoice } from './simulated-node.ts'

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
   * Dead letters are retried and dropped while it runs; null where none are.
   * Where another row has a value `again-<number of the letter>`, it must be in the result as often as it was taken: once.
   */
  readonly letters: LetterChoice | null
}

export interface SimulatedRun {
  /** What is wrong; empty where nothing is. */
  readonly violations: readonly string[]
  /** The sorted lines of each file. */
  readonly result: Readonly<Record<string, readonly string[]>>
  /** The rows of its dead letters, each once, but for those that were given in the place of others. */
  readonly refused: readonly string[]
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
