/** `umbel inspect`: what a data directory holds, read from the stores and logs themselves, also while it runs. */

import { inspectJob } from '../actors/inspect-job.ts'
import type { JobRecord } from '../actors/job.ts'
import { isHeld } from '../actors/real/supervisor-lock.ts'
import { userError } from '../base/errors.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import { isoTime } from '../base/time.ts'
import { print } from './print.ts'
import { makeTable } from './table.ts'

const COLUMNS = [
  { title: 'shard', align: 'left' },
  { title: 'marked', align: 'right' },
  { title: 'stored', align: 'right' },
  { title: 'consumed', align: 'left' },
  { title: 'watermark', align: 'left' },
  { title: 'lag', align: 'right' },
  { title: 'log MB', align: 'right' },
  { title: 'state MB', align: 'right' },
] as const

/** Exits with 1 when a shard cannot be read. */
export async function inspect(directory: string, options: { json?: boolean }): Promise<void> {
  const found = await inspectJob(nodeSeam.files, directory)
  if (found === null) {
    throw userError(
      'directory',
      `${directory} is no data directory: name one such as .umbel/<topology>, as 'umbel run' prints it`,
    )
  }
  if (found.shards.some(({ problem }) => problem !== null)) process.exitCode = 1
  if (options.json) {
    const all = { ...found, isRunning: isHeld(directory) }
    return print(JSON.stringify(all, (_, value) => (value === Infinity ? 'end' : value === -Infinity ? null : value)))
  }
  const { job, shards } = found
  const mb = (bytes: number) => (bytes / 1e6).toFixed(1)
  const rows = shards
    .filter(({ problem }) => problem === null)
    .map((shard) => [
      shard.isRetired ? `${shard.shard} (retired)` : shard.shard,
      shard.markedEpoch,
      shard.storedEpoch ?? (shard.isStoreGone ? 'gone' : 'in marker'),
      shard.positions.join(' ') || '-',
      isoTime(shard.watermark) || '-',
      Number.isFinite(shard.lag) ? `${(shard.lag / 3.6e9).toFixed(1)} h` : '-',
      mb(shard.logBytes),
      mb(shard.stateBytes),
    ])
  const table = makeTable(COLUMNS, rows)
  print(`${job.topology}: ${stateOf(job, directory)}, ${shardsOf(job)}, definition ${job.definition}\n${table}`)
  for (const { shard, problem } of shards) if (problem !== null) print(`${shard} cannot be read: ${problem}`)
}

const stateOf = ({ state }: JobRecord, directory: string): string =>
  state === 'finished' || isHeld(directory) ? state : 'stopped before its end, goes on with its next start'

function shardsOf({ parallelism, rescales }: JobRecord): string {
  const changed = new Map(rescales.map(({ stage, shards }) => [stage, shards]))
  return [`${parallelism} shards a stage`, ...[...changed].map(([stage, shards]) => `${shards} of ${stage}`)].join(', ')
}
