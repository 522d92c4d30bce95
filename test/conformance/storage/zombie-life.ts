/**
 * A process that lives the life of a shard when told to: it opens the store, queues two chained commits in one turn, and
 * stops itself by SIGSTOP at the named moment of that turn. Once woken, it says what became of the commits.
 */
import { storeVersion } from '../../../src/base/ids.ts'
import { LmdbEnvironment } from '../../../src/storage/lmdb-environment.ts'
import { metaOf } from './support.ts'

/** `plain` counts commits whatever the life, which is what the store must not be conditional on. */
export type Versions = 'incarnation' | 'plain'
/** Before either commit is queued, between the two, or behind both. */
export const MOMENTS = ['before', 'between', 'behind'] as const
export type Moment = (typeof MOMENTS)[number]

/** What version epoch `epoch` of a life has. */
export const versionOf = (versions: Versions, incarnation: number, epoch: number): number =>
  versions === 'plain' ? epoch : storeVersion(incarnation, epoch)

/** Each epoch writes the same key of both tables, and one of its own. */
export const writesOf = (life: string, epoch: number) =>
  ['a', 'b'].flatMap((table) => [
    { table, key: Buffer.from('same'), value: Buffer.from(`${life} ${epoch}`) },
    { table, key: Buffer.from(`${life} ${epoch}`), value: Buffer.from('') },
  ])

/** What a process is told to live. */
export interface Life {
  readonly store: string
  readonly versions: Versions
  readonly moment: Moment
}

async function live({ store: path, versions, moment }: Life): Promise<void> {
  const store = new LmdbEnvironment({ path, tables: ['a', 'b'] })
  const version = (epoch: number) => versionOf(versions, 1, epoch)
  await store.commit(0, metaOf(version(1)), writesOf('zombie', 1))
  // All in one turn: LMDB's batch starts in a later one, so that what is queued here has not been seen by any thread.
  const commit = (epoch: number) => store.commit(version(epoch - 1), metaOf(version(epoch)), writesOf('zombie', epoch))
  const stop = (at: Moment) => void (at === moment && process.kill(process.pid, 'SIGSTOP'))
  stop('before')
  const second = commit(2)
  stop('between')
  const third = commit(3)
  stop('behind')
  const done = [await second, await third]
  await store.close()
  process.send!(done)
}

if (process.send !== undefined && process.argv[1] === import.meta.filename) process.on('message', live)
