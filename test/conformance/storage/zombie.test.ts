/**
 * The zombie: a process that is stopped with commits queued, overtaken by a successor, and woken. It must write nothing
 * (ST-1, FN-1).
 *
 * Real processes and SIGSTOP, but no sleeps: the zombie stops itself within the turn that queues its commits, and the
 * test goes on once the kernel says that it is stopped. A commit that is inside LMDB's write transaction cannot be
 * overtaken: it holds the lock, and the successor waits for it.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { Environment } from '../../../src/storage/environment.ts'
import { LmdbEnvironment } from '../../../src/storage/lmdb-environment.ts'
import { linesOf, metaOf } from './support.ts'
import { type Life, MOMENTS, type Moment, type Versions, versionOf, writesOf } from './zombie-life.ts'

// Where the kernel's word for a stopped process is not to be had, so is no proof.
const skip = fs.existsSync('/proc/self/stat') ? false : 'there is no /proc'
const zombie = fork(path.join(import.meta.dirname, 'zombie-life.ts'))
t.teardown(() => zombie.kill('SIGKILL'))

for (const moment of MOMENTS) {
  t.test(`stopped ${moment} its two chained commits, it writes neither`, { skip }, async (t) => {
    const { refused, contents } = await overtake(t.testdir(), { versions: 'incarnation', moment, epochs: [2, 3] })
    t.same(refused, [true, true], 'both are refused')
    t.same(contents, ['same=successor 3', 'successor 2=', 'successor 3=', 'zombie 1='])
  })
}

t.test('woken when its successor has only fenced it, it writes neither', { skip }, async (t) => {
  const { refused, contents } = await overtake(t.testdir(), { versions: 'incarnation', moment: 'behind', epochs: [] })
  t.same(refused, [true, true])
  t.same(contents, ['same=zombie 1', 'zombie 1='])
})

// Proves that the test can fail, and why the version is no plain counter: the zombie's first commit is refused, but the
// version that its second one expects is by then the successor's.
t.test('with a plain counter, its second queued commit overwrites its successor', { skip }, async (t) => {
  const { refused, contents } = await overtake(t.testdir(), { versions: 'plain', moment: 'behind', epochs: [2] })
  t.same(refused, [true, false])
  t.same(contents, ['same=zombie 3', 'successor 2=', 'zombie 1=', 'zombie 3='])
})

interface Encounter {
  readonly versions: Versions
  readonly moment: Moment
  /** What the successor commits before the zombie wakes. */
  readonly epochs: readonly number[]
}

/** Stops a life at the moment, lets a successor take the store, wakes the zombie, and tells what is there in the end. */
async function overtake(directory: string, { versions, moment, epochs }: Encounter) {
  const store = path.join(directory, 'store')
  const said = once(zombie, 'message')
  zombie.send({ store, versions, moment } satisfies Life)
  await untilStopped(zombie.pid!)
  const successor = new LmdbEnvironment({ path: store, tables: ['a', 'b'] })
  try {
    await succeed(successor, versions, epochs)
  } finally {
    zombie.kill('SIGCONT')
  }
  const [done] = (await said) as [boolean[]]
  successor.refresh()
  const contents = linesOf(successor, 'a')
  if (contents.join() !== linesOf(successor, 'b').join()) throw new Error('a commit is torn between two tables')
  await successor.close()
  return { refused: done.map((isDone) => !isDone), contents }
}

/** Raises the incarnation and keeps the epoch, as `ShardStore.fence` does, and commits epochs of its own. */
async function succeed(store: Environment, versions: Versions, epochs: readonly number[]): Promise<void> {
  const version = (epoch: number) => versionOf(versions, 2, epoch)
  const isFenced = versions === 'plain' || (await store.commit(versionOf(versions, 1, 1), metaOf(version(1)), []))
  if (!isFenced) throw new Error('the successor could not fence')
  for (const epoch of epochs) {
    const isDone = await store.commit(version(epoch - 1), metaOf(version(epoch)), writesOf('successor', epoch))
    if (!isDone) throw new Error(`epoch ${epoch} of the successor was refused`)
  }
}

/** There is no event for it, so this looks once a turn; T is the kernel's word for stopped. */
async function untilStopped(pid: number): Promise<void> {
  for (;;) {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    const state = stat[stat.lastIndexOf(')') + 2]
    if (state === 'T') return
    if (state === 'Z') throw new Error('the life ended before it was stopped')
    await new Promise((resolve) => setImmediate(resolve))
  }
}
