/**
 * Going on with a run whose functions have changed: the state stays, and what comes from now on is made by the new ones.
 * Nothing of the former code may have to be made again, so each shard must have stored all that it has marked, as after a
 * graceful stop.
 */
import { corruptionError, userError } from '../base/errors.ts'
import type { Files } from '../base/seam.ts'
import type { Topology } from '../topology/topology.ts'
import { inspectJob } from './inspect-job.ts'

/**
 * Looks whether the directory's interrupted run, if there is one, can go on with this topology. The directory must be locked.
 * @throws user error `definition` when more than functions has changed, or shards have not stored all; corruption `shard` when that
 *   cannot be read
 */
export async function checkChangedCode(files: Files, directory: string, topology: Topology): Promise<void> {
  const found = await inspectJob(files, directory)
  if (found === null || found.job.state !== 'running' || found.job.definition === topology.definition) return
  const { job, shards } = found
  if (job.shape !== topology.shape) {
    throw userError(
      'definition',
      `more than functions of topology '${job.topology}' has changed since the run in ${directory} was started: its state ` +
        'cannot be used; run with --fresh to discard it, with --dir to use another directory, or with the former code to finish it',
    )
  }
  for (const { problem } of shards) if (problem !== null) throw corruptionError('shard', problem)
  const behind = shards.filter(
    ({ storedEpoch, markedEpoch, isStoreGone }) => isStoreGone || (storedEpoch !== null && storedEpoch < markedEpoch),
  )
  if (behind.length > 0) {
    throw userError(
      'definition',
      `${behind.map(({ shard }) => shard).join(', ')} of the run in ${directory} ended before all was stored: start it once ` +
        'more with the former code and stop it with Ctrl-C, then go on with the changed one',
    )
  }
}
