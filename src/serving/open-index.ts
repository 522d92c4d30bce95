/** Look-ups in an index: by key, as of any time, from any process, beside the run that writes it or after it. */
import { type IndexRecord, readIndexes } from '../actors/index-records.ts'
import { userError } from '../base/errors.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import type { Timestamp } from '../base/time.ts'
import { Misfit, type Parse, valueParser } from '../connectors/parse-value.ts'
import { ColumnBuilder, type Value } from '../records/column.ts'
import { hashColumns } from '../records/key.ts'
import type { Fields } from '../records/schema.ts'
import type { StoreReader } from '../storage/environment.ts'
import { type IndexReader, type Lookup, MISSING, readerOf } from './look-up.ts'
import { StageStores } from './stage-stores.ts'

type AnyRow = Readonly<Record<string, unknown>>

/** What an index was given to a topology as. */
interface AnyIndexOutput<K, R> {
  readonly node: { readonly name: string }
  readonly of?: { readonly keys: K; readonly row: R }
}

/**
 * Opens an index of a job that runs, was stopped or has finished. Reads go to the shards' stores, and wait for nobody:
 * they see what was stored last, about a second ago, each shard as of one epoch.
 * @param directory the topology's data directory, such as `.umbel/users`
 * @param index its name; or the value that the topology was given, which also gives the types
 * @throws user error `index` when there is no such index, naming those there are
 * @example
 * const profiles = await openIndex('.umbel/users', 'profiles')
 * const { state, row } = await profiles.get({ user: 'ann' })
 */
export async function openIndex<K extends AnyRow, R extends AnyRow>(
  directory: string,
  index: AnyIndexOutput<K, R>,
): Promise<Index<K, R>>
export async function openIndex(directory: string, index: string): Promise<Index<AnyRow, AnyRow>>
export async function openIndex(directory: string, index: string | AnyIndexOutput<AnyRow, AnyRow>): Promise<unknown> {
  const name = typeof index === 'string' ? index : index.node.name
  const records = readIndexes(nodeSeam.files, directory)
  const record = records.find((one) => one.name === name)
  if (record === undefined) {
    const names = records.map((one) => `'${one.name}'`).join(', ')
    throw userError(
      'index',
      `there is no index '${name}' in ${directory}; the indexes are ${names || 'none: end a table with .index(), and run it'}`,
    )
  }
  const { stage, tables } = record
  return new Index(record, new StageStores(nodeSeam.files, directory, stage, Object.values(tables)))
}

/** An index that was opened. Keys are rows of its key columns. */
export class Index<K extends AnyRow, R extends AnyRow> {
  readonly #record: IndexRecord
  readonly #reader: IndexReader
  readonly #parsers: readonly Parse<unknown>[]
  #last: Promise<unknown> = Promise.resolve()
  readonly #stores: Pick<StageStores, 'ofHashes' | 'states' | 'close'>

  constructor(record: IndexRecord, stores: Pick<StageStores, 'ofHashes' | 'states' | 'close'>) {
    const { fields, keys } = record
    this.#record = record
    this.#reader = readerOf(record)
    this.#parsers = keys.map((name) => valueParser(name, fields[name]!))
    this.#stores = stores
  }

  /** Fields of the rows that are found, those of keys among them. */
  get fields(): Fields {
    return this.#reader.fields
  }

  get keys(): readonly string[] {
    return this.#record.keys
  }

  /**
   * The row of a key that holds at a time.
   * @param at event time in microseconds; now, by the clock, where it is left out
   * @throws user error `key` when it is not a key of the index; `history` when the time is before what is kept
   * @example await profiles.get({ user: 'ann' }, Date.UTC(2026, 0, 1) * 1000)
   */
  async get(key: K, at?: Timestamp): Promise<Lookup<R>> {
    const [lookup] = await this.getMany([key], at)
    return lookup!
  }

  /**
   * The same of many keys, in their order.
   * @param at a time for all, or one for each
   * @example await profiles.getMany([{ user: 'ann' }, { user: 'bob' }])
   */
  async getMany(
    keys: readonly K[],
    at: Timestamp | readonly Timestamp[] = nodeSeam.clock.now() * 1000,
  ): Promise<Lookup<R>[]> {
    if (typeof at !== 'number' && !Array.isArray(at))
      throw userError('key', 'a time is a number of microseconds since 1970, such as date.getTime() * 1000')
    if (typeof at !== 'number' && at.length !== keys.length)
      throw userError(
        'key',
        `there are ${keys.length} keys and ${at.length} times: give one time for each, or one for all`,
      )
    const values = keys.map((key) => this.#parse(key))
    return this.#alone(async () => {
      const stores = await this.#stores.ofHashes(this.#hashes(values))
      return values.map((key, i) => this.#look(stores[i]!, key, typeof at === 'number' ? at : at[i]!))
    })
  }

  /** The event time up to which everything is in it; see watermarks. `-Infinity` where nothing was stored yet. */
  async watermark(): Promise<Timestamp> {
    const states = await this.#alone(() => this.#stores.states())
    return Math.min(...states.map((state) => (state === null ? -Infinity : Math.min(...state.inbox.watermarks.flat()))))
  }

  async close(): Promise<void> {
    await this.#alone(() => this.#stores.close())
  }

  /** One after the other: a store that was replaced is closed, and nobody may be reading it. */
  #alone<T>(read: () => Promise<T>): Promise<T> {
    const done = this.#last.then(read)
    this.#last = done.catch(() => {})
    return done
  }

  #parse(key: K): Value[] {
    const { keys } = this.#record
    if (typeof key !== 'object' || key === null || Object.keys(key).some((name) => !keys.includes(name)))
      throw userError('key', `a key of index '${this.#record.name}' has ${keys.join(', ')}, got ${JSON.stringify(key)}`)
    return keys.map((name, k) => {
      const value = this.#parsers[k]!(key[name])
      if (value instanceof Misfit) throw userError('key', `index '${this.#record.name}': ${value.reason}`)
      return value
    })
  }

  #hashes(values: readonly (readonly Value[])[]): Uint32Array {
    const { keys, routing, fields } = this.#record
    const columns = routing.map((name) => {
      const builder = new ColumnBuilder(fields[name]!, values.length)
      for (const key of values) builder.push(key[keys.indexOf(name)]!)
      return builder.finish()
    })
    return hashColumns(columns, values.length)
  }

  #look(store: StoreReader | null, key: readonly Value[], at: Timestamp): Lookup<R> {
    if (typeof at !== 'number' || Number.isNaN(at))
      throw userError('key', `a time is a number of microseconds, not ${at}`)
    // Rows are at whole microseconds.
    return store === null ? MISSING : (this.#reader.at(store, key, Math.floor(at)) as Lookup<R>)
  }
}
