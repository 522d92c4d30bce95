/** The main module of a host process: waits for its orders from the supervisor that forked it. */
import { toWireError } from '../../base/errors.ts'
import { nodeSeam } from '../../base/real/node-seam.ts'
import { explainFileError } from '../file-error.ts'
import { Host, type HostMachine } from '../host.ts'
import { WorkerPool } from '../piscina-workers.ts'
import type { FromHost, SpareConfig, ToHost } from '../protocol.ts'
import { isFatal } from '../restart-budget.ts'
import { nodeMachine } from './node-machine.ts'

const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const workerFile = new URL(`../worker.${extension}`, import.meta.url)
const machine: HostMachine = {
  ...nodeMachine,
  startWorkers: (count, heapMb) => pool ?? new WorkerPool(workerFile, count, heapMb, onBroken),
}

/** At once: an exit would wait for the threads, of which one may be somewhere it does not come back from. */
const end = (): void => void process.kill(process.pid, 'SIGKILL')

/** The pool of threads cannot go on. */
function onBroken(thrown: Error): void {
  const error = explainFileError(thrown) as Error
  // The supervisor ends this process when it hears of it.
  if (isFatal(error)) return send({ type: 'failed', error: toWireError(error) })
  process.stderr.write(`a worker thread died at its start: ${error.message}\n`)
  end()
}

// The terminal sends Ctrl-C to the whole group: the supervisor decides what it means.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})
// A host without its supervisor ends at once; its state is as after any kill.
process.on('disconnect', end)

let host: Promise<Host> | null = null
/** Of a spare host. */
let pool: WorkerPool | null = null

function prepare({ module, export: name, workers, heapMb }: SpareConfig): Promise<unknown> {
  pool = new WorkerPool(workerFile, workers, heapMb, onBroken)
  return Promise.all([pool.warmUp(module, name), machine.load(module, name)])
}

const send = (message: FromHost): void => {
  if (process.connected) process.send!(message)
}

process.on('message', async (message: ToHost) => {
  try {
    if (message.type === 'prepare') return await prepare(message.config)
    if (message.type !== 'start') return (await host)?.receive(message)
    host = Host.start(message.config, nodeSeam, machine, send)
    await (await host).run()
  } catch (error) {
    send({ type: 'failed', error: toWireError(error) })
  }
})
