/** What a run came to, as `--json` prints it. */
import path from 'node:path'
import { countDeadLetters } from '../actors/dead-letter-file.ts'
import { readOrders } from '../actors/letter-orders.ts'
import type { Running } from '../actors/running.ts'
import type { ShardStatus } from '../actors/shard-actor.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import { DEAD_LETTERS } from '../topology/dead-letters.ts'

export interface RunResult {
  readonly topology: string
  readonly outcome: 'finished' | 'drained'
  /** True when this run went on with an interrupted one. */
  readonly continued: boolean
  /** Rows that the sources have taken since the job began, interrupted or not. */
  readonly rows: number
  /** Of this run. */
  readonly seconds: number
  /** Rows turned away since the job began: they are in the dead letters. One that was retried may be there twice. */
  readonly rejected: number
  /** Dead letters that were retried or dropped. */
  readonly settled: number
  readonly restarts: number
  /** What was done about shards that kept dying. */
  readonly notes: readonly string[]
  readonly directory: string
  readonly out: string
  readonly files: readonly string[]
  /** What can be looked up: names, and the keys by which. */
  readonly indexes: readonly { readonly name: string; readonly keys: readonly string[] }[]
  readonly deadLetters: string
  readonly stages: readonly StageResult[]
}

/** What a stage's shards did in this run. */
export interface StageResult {
  readonly stage: string
  readonly shards: number
  readonly rowsIn: number
  readonly rowsOut: number
  /** Seconds in which the shards had their threads, added up. */
  readonly busySeconds: number
}

export function runResult(
  running: Running,
  outcome: 'finished' | 'drained',
  seconds: number,
  options: { dir: string; out?: string },
): RunResult {
  const { topology } = running.plan
  const directory = path.join(options.dir, topology.name)
  const out = options.out ?? path.join('out', topology.name)
  const ofSources = running.status().flatMap(({ read }) => read ?? [])
  return {
    topology: topology.name,
    outcome,
    continued: running.isContinued,
    rows: ofSources.reduce((sum, { rows }) => sum + rows, 0),
    seconds: Math.round(seconds * 1000) / 1000,
    rejected: countDeadLetters(nodeSeam.files, directory),
    settled: readOrders(nodeSeam.files, directory).length,
    restarts: running.deaths().length,
    notes: running.notes(),
    directory,
    out,
    files: topology.outputs.flatMap(({ connector }) => (connector === null ? [] : [path.join(out, connector.path)])),
    indexes: topology.indexes.map(({ name, keys }) => ({ name, keys })),
    deadLetters: path.join(directory, `${DEAD_LETTERS}.jsonl`),
    stages: running.plan.stages.map(({ name }) => stageResult(name, running.status())),
  }
}

function stageResult(stage: string, statuses: readonly ShardStatus[]): StageResult {
  const own = statuses.filter(({ shard }) => shard.slice(0, shard.lastIndexOf('/')) === stage)
  const sum = (of: (status: ShardStatus) => number) => own.reduce((total, status) => total + of(status), 0)
  return {
    stage,
    shards: own.length,
    rowsIn: sum((status) => status.rowsIn),
    rowsOut: sum((status) => status.rowsOut),
    busySeconds: Math.round(sum((status) => status.busyMs)) / 1000,
  }
}
