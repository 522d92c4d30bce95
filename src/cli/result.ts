/** What a run came to, as `--json` prints it. */
import path from 'node:path'
import type { Running } from '../actors/system.ts'
import { DEAD_LETTERS } from '../topology/dead-letters.ts'

export interface RunResult {
  readonly topology: string
  readonly outcome: 'finished' | 'drained'
  /** True when this run went on with an interrupted one. */
  readonly continued: boolean
  /** Rows that sources passed on in this run. */
  readonly rows: number
  readonly seconds: number
  /** Rows in the dead letters of this run. */
  readonly rejected: number
  readonly restarts: number
  readonly directory: string
  readonly out: string
  readonly files: readonly string[]
  readonly deadLetters: string
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
  const statuses = running.status()
  const ofSources = statuses.filter((status) => status.progress !== null)
  const deadLetters = statuses.find((status) => status.shard === `${DEAD_LETTERS}/0`)
  return {
    topology: topology.name,
    outcome,
    continued: running.isContinued,
    rows: ofSources.reduce((sum, status) => sum + status.rowsOut, 0),
    seconds: Math.round(seconds * 1000) / 1000,
    rejected: deadLetters?.rowsIn ?? 0,
    restarts: running.deaths().length,
    directory,
    out,
    files: topology.outputs.flatMap(({ connector }) => (connector === null ? [] : [path.join(out, connector.path)])),
    deadLetters: path.join(directory, `${DEAD_LETTERS}.jsonl`),
  }
}
