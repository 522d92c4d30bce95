/** `umbel rescale`: another number of shards for a stage, of a job that runs or of one that was stopped. */

import { readJob } from '../actors/job.ts'
import { loadTopology } from '../actors/load-topology.ts'
import { isHeld, SupervisorLock } from '../actors/real/supervisor-lock.ts'
import { ask } from '../actors/requests.ts'
import { orderRescale } from '../actors/rescale.ts'
import { userError } from '../base/errors.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import { print } from './print.ts'

export async function rescale(
  directory: string,
  stage: string,
  { shards, json }: { shards: number; json?: boolean },
): Promise<void> {
  const job = readJob(nodeSeam.files, directory)
  if (job === null)
    throw userError('directory', `${directory} is no data directory: name one such as .umbel/<topology>`)
  const isRunning = isHeld(directory)
  if (isRunning) {
    await ask(nodeSeam, directory, { kind: 'rescale', stage, shards }, () => isHeld(directory))
  } else {
    if (job.module === null) {
      throw userError(
        'rescale',
        `the job in ${directory} was started by a program, with a topology of its own: start it again and call running.rescale('${stage}', ${shards})`,
      )
    }
    const topology = await loadTopology(job.module, job.export)
    const lock = await SupervisorLock.take(directory)
    try {
      orderRescale(nodeSeam.files, directory, topology, { stage, shards })
    } finally {
      lock.release()
    }
  }
  const many = shards === 1 ? 'one shard' : `${shards} shards`
  if (json) print(JSON.stringify({ stage, shards, isDone: isRunning }))
  else if (isRunning) print(`${stage} has ${many} now.`)
  else print(`${stage} will have ${many} from the next start on.`)
}
