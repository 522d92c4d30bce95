/** Changing the number of shards of a stage: the order is written down first, and carried out by whoever runs the job. */
import { userError } from '../base/errors.ts'
import type { Files } from '../base/seam.ts'
import { checkRescale, type Rescale } from '../topology/generations.ts'
import { plan } from '../topology/plan.ts'
import type { Topology } from '../topology/topology.ts'
import { type JobRecord, readJob, writeJob } from './job.ts'

/**
 * Writes down that a stage is to have another number of shards; from then on the job has it, however it ends.
 * @throws user error `rescale` when there is no unfinished job, or the stage cannot have so many shards
 */
export function orderRescale(files: Files, directory: string, topology: Topology, rescale: Rescale): JobRecord {
  const job = readJob(files, directory)
  if (job === null || job.state !== 'running') {
    throw userError(
      'rescale',
      `there is no unfinished run in ${directory}; a new one takes its number of shards from --shards`,
    )
  }
  if (job.definition !== topology.definition) {
    throw userError(
      'definition',
      `${directory} holds an unfinished run of another definition of topology '${job.topology}': rescale it with the code that it runs`,
    )
  }
  checkRescale(plan(topology, job.parallelism, job.rescales), rescale)
  const changed = { ...job, rescales: [...job.rescales, rescale] }
  writeJob(files, directory, changed)
  return changed
}
