/**
 * A reader of a store in a thread or process of its own: answers each `look` with what it sees, a turn of timers after it
 * has seen it, so that a read transaction which outlives its turn would still be there.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { nodeSeam } from '../../../src/base/real/node-seam.ts'
import { ReplaceableReader } from '../../../src/storage/reader.ts'
import { linesOf } from './support.ts'

/** What a reader says: null where there is no store. */
export type Sight = { readonly version: number; readonly lines: readonly string[] } | null

function makeLook(path: string): () => Promise<Sight> {
  const reader = new ReplaceableReader({ files: nodeSeam.files, path, tables: ['a'] })
  return async () => {
    const store = await reader.current()
    const sight = store && { version: store.meta()?.version ?? 0, lines: linesOf(store, 'a') }
    // Behind lmdb's own timer of the same length.
    await new Promise((resolve) => setTimeout(resolve, 1))
    return sight
  }
}

const { path } = (workerData ?? {}) as { path?: string }
if (parentPort !== null && path !== undefined) {
  const look = makeLook(path)
  parentPort.on('message', async () => parentPort!.postMessage(await look()))
} else if (process.send !== undefined && process.argv[1] === import.meta.filename) {
  const look = makeLook(process.argv[2]!)
  process.on('message', async () => process.send!(await look()))
}
