/** A process whose files may not grow far: it commits what does not fit, closes its store, and says how that went. */
import { LmdbEnvironment } from '../../../src/storage/lmdb-environment.ts'
import { metaOf, put } from './support.ts'

/** What the process says, as JSON. */
export interface Said {
  readonly error: { readonly code: unknown; readonly message: string } | null
  /** Rejections that nobody handled. */
  readonly strays: readonly string[]
  /** What a second environment finds in the same process: the version, and whether it could commit. */
  readonly again: readonly [version: number | undefined, done: boolean]
}

const path = process.argv[2]!
const strays: string[] = []
process.on('unhandledRejection', (error) => strays.push((error as Error).message))

const open = () => new LmdbEnvironment({ path, tables: ['a'] })
const store = open()
await store.commit(0, metaOf(1), [put('a', 'small', 'there')])
const large = Array.from({ length: 100 }, (_, i) => put('a', `large ${i}`, 'x'.repeat(4000)))
const committed = store.commit(1, metaOf(2), large).then(
  () => null,
  ({ code, message }) => ({ code, message }),
)
// Behind it, or while it is under way.
if (process.argv[3] === 'behind') await committed
await store.close()
const error = await committed
const next = open()
const again = [next.meta()?.version, await next.commit(1, metaOf(2), [put('a', 'small', 'again')])] as const
// Turns in which what was left behind would be rejected.
for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
process.stdout.write(`${JSON.stringify({ error, strays, again } satisfies Said)}\n`, () => {
  // As hosts end: what LMDB does at an exit after such a commit may abort.
  process.kill(process.pid, 'SIGKILL')
})
