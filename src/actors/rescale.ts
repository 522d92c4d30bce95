/** Changing the number of shards of a stage: the order is written down first, and carried out by whoever runs the job. */
import { userError } from '../base/errors.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import type { Files } from '../base/seam.ts'
import { checkRescale, generationsOf, type Rescale } from '../topology/generations.ts'
import { type Plan, plan } from '../topology/plan.ts'
import type { Topology } from '../topology/topology.ts'
import { checkRoom, type Engine, type Started } from './engine.ts'
import { type JobRecord, readJob, writeJob } from './job.ts'
import type { ShardStatus } from './shard-actor.ts'
import { waitUntil } from './wait-until.ts'

/**
 * Writes down that a stage is to have another number of shards; from then on the job has it, however it ends.
 * @param check looks at what would become of it, before anything is written
 * @throws user error `rescale` when there is no unfinished job, or the stage cannot have so many shards
 */
export function orderRescale(
  files: Files,
  directory: string,
  topology: Topology,
  rescale: Rescale,
  check: (changed: Plan) => void = () => {},
): JobRecord {
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
  check(plan(topology, job.parallelism, changed.rescales))
  writeJob(files, directory, changed)
  return changed
}

/** The same for a job that runs here; see `Running.rescale`. */
export async function rescaleRunning(
  { plan: { topology }, directory }: Started,
  engine: Engine,
  rescale: Rescale,
  isOver: () => boolean,
): Promise<void> {
  const { files } = nodeSeam
  if (isOver()) throw userError('rescale', 'the run has ended')
  const { rescales } = orderRescale(files, directory, topology, rescale, (whole) => checkRoom(engine, whole))
  engine.rescale(rescales)
  const stage = engine.plan.stages.find(({ name }) => name === rescale.stage)!
  const awaited = generationsOf(engine.plan, stage.index)
    .at(-1)!
    .map(({ id }) => id)
  const lives = ({ shard, state }: ShardStatus) => awaited.includes(shard) && state !== 'recovering'
  await waitUntil(
    () => engine.status().filter(lives).length >= awaited.length,
    isOver,
    () => userError('rescale', 'the run ended before the new shards lived: its next start goes on with them'),
  )
}
