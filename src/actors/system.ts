/** Starting a topology: from a module or a value to a running job. */
import { randomUUID } from 'node:crypto'
import { UmbelError, userError } from '../base/errors.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import { type Plan, plan } from '../topology/plan.ts'
import { sourceNodeOf } from '../topology/source-node-of.ts'
import { isTopology, type Topology } from '../topology/topology.ts'
import { checkChangedCode } from './changed-code.ts'
import { startInline, startProcesses } from './engine.ts'
import { explainFileError } from './file-error.ts'
import { writeIndexes } from './index-records.ts'
import { finishJob, prepareJob, snapshotsOf } from './job.ts'
import { importing, loadTopology, moduleUrl } from './load-topology.ts'
import { SupervisorLock } from './real/supervisor-lock.ts'
import { answerRequests } from './requests.ts'
import { makeRunning, type Running } from './running.ts'
import { checkSnapshots, snapshotPlace } from './snapshot-settings.ts'
import { checkLimits, checkOptions, checkSizes, type StartOptions } from './start-options.ts'

/**
 * Starts a topology.
 * @param what a module's URL (or path) that exports a topology; or the topology itself with `host: 'inline'`
 * @throws user error when the module, a source, the definition over old state, or the directory does not allow it
 * @example
 * const running = await start(new URL('./flights.ts', import.meta.url))
 * await running.ended
 */
export function start(what: Topology | URL | string, options: StartOptions = {}): Promise<Running> {
  return importing.depth > 0 ? refuse() : startSystem(what, options)
}

const startsOnImport = () =>
  userError(
    'starts-on-import',
    'this module starts a system when it is imported, and workers import it too: export the topology ' +
      "('export default topology(...)') and start it from another module",
  )

/** The promise counts as handled: who loads the module sees the refusal, whether or not the module waits for it. */
function refuse(): Promise<never> {
  importing.refusal = startsOnImport()
  const refused = Promise.reject(importing.refusal)
  refused.catch(() => {})
  return refused
}

async function startSystem(what: Topology | URL | string, options: StartOptions): Promise<Running> {
  checkOptions(options)
  const inline = options.host === 'inline'
  if (isTopology(what) && !inline) {
    throw userError('module', "workers need the topology's module: give start() its URL, or run it with host: 'inline'")
  }
  const module = isTopology(what) ? null : moduleUrl(what)
  // A program that waits while it imports itself waits for ever, and Node then ends without a word.
  if (module !== null && module === nodeSeam.files.url(process.argv[1] ?? '').href) throw startsOnImport()
  const topology = isTopology(what) ? what : await loadTopology(module!, options.export ?? 'default')
  const sizes = checkSizes(options)
  const limits = checkLimits(options.limits)
  const snapshots = checkSnapshots(options.snapshots)
  const { parallelism } = sizes
  await checkSources(plan(topology, parallelism))
  const directory = `${options.dir ?? '.umbel'}/${topology.name}`
  const lock = await SupervisorLock.take(directory).catch((error: unknown) => Promise.reject(explainFileError(error)))
  try {
    const { fresh = false, changedCode = false } = options
    if (changedCode && !fresh) await checkChangedCode(nodeSeam.files, directory, topology)
    const prepared = prepareJob(nodeSeam.files, directory, topology, {
      parallelism,
      module,
      export: options.export ?? 'default',
      run: randomUUID(),
      snapshots: snapshotPlace(topology.name, options.snapshots),
      fresh,
      changedCode,
    })
    const { run, rescales } = prepared.job
    const snapshotsAt = snapshotsOf(prepared.job, directory)
    const started = {
      plan: plan(topology, parallelism, rescales),
      parallelism,
      rescales,
      directory,
      out: options.out ?? `out/${topology.name}`,
      limits,
      snapshots: snapshots && { ...snapshots, directory: snapshotsAt, run },
    }
    writeIndexes(nodeSeam.files, directory, started.plan)
    const engine = inline
      ? startInline(started)
      : startProcesses(started, module!, options.export ?? 'default', sizes, lock)
    const running = makeRunning(started, engine, prepared.isContinued, (outcome) => {
      stopAnswering()
      if (outcome === 'finished') finishJob(nodeSeam.files, directory)
      lock.release()
    })
    const stopAnswering = answerRequests(nodeSeam, directory, running)
    return running
  } catch (error) {
    lock.release()
    throw explainFileError(error)
  }
}

async function checkSources(whole: Plan): Promise<void> {
  for (const stage of whole.stages) {
    if (stage.kind !== 'source') continue
    const { connector, name } = sourceNodeOf(stage)
    try {
      await connector.check?.({ seam: nodeSeam, schema: stage.nodes[0]!.schema })
    } catch (error) {
      if (!(error instanceof UmbelError)) throw error
      throw new UmbelError(error.kind, error.code, `source '${name}': ${error.message}`, error)
    }
  }
}
