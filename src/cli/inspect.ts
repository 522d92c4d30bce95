/** `umbel inspect`: what a data directory holds, read from the stores and logs themselves, also while it runs. */
import Table from 'cli-table3'
import { inspectJob } from '../actors/inspect-job.ts'
import { userError } from '../base/errors.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import { isoTime } from '../base/time.ts'

export async function inspect(directory: string, options: { json?: boolean }): Promise<void> {
  const found = await inspectJob(nodeSeam.files, directory)
  if (found === null) {
    throw userError('directory', `${directory} is no data directory: name one such as .umbel/<topology>, as 'umbel run' prints it`)
  }
  if (options.json) {
    process.stdout.write(`${JSON.stringify(found, (_, value) => (value === Infinity ? 'end' : value === -Infinity ? null : value))}\n`)
    return
  }
  const { job, shards } = found
  const table = new Table({
    head: ['shard', 'marked', 'stored', 'watermark', 'lag', 'log MB', 'state MB'],
    style: { head: ['bold'], border: ['dim'] },
    colAligns: ['left', 'right', 'right', 'left', 'right', 'right', 'right'],
  })
  const mb = (bytes: number) => (bytes / 1e6).toFixed(1)
  for (const shard of shards) {
    const lag = Number.isFinite(shard.lag) ? `${(shard.lag / 3.6e9).toFixed(1)} h` : '-'
    table.push([
      shard.shard,
      shard.markedEpoch,
      shard.storedEpoch ?? 'in marker',
      isoTime(shard.watermark) || '-',
      lag,
      mb(shard.logBytes),
      mb(shard.stateBytes),
    ])
  }
  process.stdout.write(`${job.topology}: ${job.state}, ${job.parallelism} shards a stage, definition ${job.definition}\n${table}\n`)
}
