/** `umbel snapshot`: the snapshots of a data directory. */

import { type ListedSnapshot, SnapshotJob } from '../actors/snapshot-job.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import { print } from './print.ts'
import { makeTable } from './table.ts'

interface Options {
  readonly json?: boolean
}

const COLUMNS = [
  { title: 'shard', align: 'left' },
  { title: 'epoch', align: 'right' },
  { title: 'taken', align: 'left' },
  { title: 'MB', align: 'right' },
  { title: 'chunks', align: 'right' },
  { title: 'state', align: 'left' },
] as const

/** What is said of chunks that nobody has read. */
const NOT_READ = 'not verified'

/** Exits with 1 when a manifest cannot be read. */
export async function snapshotList(directory: string, options: Options): Promise<void> {
  showWhole(await new SnapshotJob(nodeSeam, directory).list(false), options, NOT_READ)
}

/** Exits with 1 when a snapshot is not whole. */
export async function snapshotVerify(directory: string, options: Options): Promise<void> {
  showWhole(await new SnapshotJob(nodeSeam, directory).list(true), options, 'whole')
}

export async function snapshotCreate(directory: string, options: Options): Promise<void> {
  const job = new SnapshotJob(nodeSeam, directory)
  await job.create()
  show(await job.list(false), options, NOT_READ)
}

/** Exits with 1 when there is a store for which no snapshot could be put back. */
export async function snapshotRestore(directory: string, options: Options & { shard?: string }): Promise<void> {
  const restored = await new SnapshotJob(nodeSeam, directory).restore(options.shard)
  if (restored.some(({ epoch }) => epoch === null)) process.exitCode = 1
  if (options.json) return print(JSON.stringify({ restored }))
  if (restored.length === 0) return print(`There are no snapshots of ${directory}.`)
  for (const { shard, epoch, problems } of restored) {
    for (const problem of problems) print(`${shard}: ${problem}`)
    print(epoch === null ? `${shard}: left as it was` : `${shard}: put back as of epoch ${epoch}`)
  }
  if (restored.some(({ epoch }) => epoch !== null)) print('The next run replays what came after.')
}

function showWhole(listed: readonly ListedSnapshot[], options: Options, fine: string): void {
  show(listed, options, fine)
  if (listed.some(({ problem }) => problem !== null)) process.exitCode = 1
}

function show(listed: readonly ListedSnapshot[], { json }: Options, fine: string): void {
  if (json) return print(JSON.stringify({ snapshots: listed }))
  if (listed.length === 0) return print('There are none yet.')
  const rows = listed.map(({ shard, epoch, takenAt, bytes, chunks, problem }) => [
    shard,
    epoch,
    Number.isNaN(takenAt) ? '-' : new Date(takenAt).toISOString(),
    (bytes / 1e6).toFixed(1),
    chunks,
    problem ?? fine,
  ])
  print(makeTable(COLUMNS, rows))
}
