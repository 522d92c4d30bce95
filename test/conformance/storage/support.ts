/** What the tests of storage share. Light, since processes of their own import it too. */
import type {
  Entry,
  Environment,
  RangeOptions,
  StoreMeta,
  StoreReader,
  Write,
} from '../../../src/storage/environment.ts'

/** How an environment under test is had. */
export interface EnvironmentDriver {
  /** A new, empty one with the tables `a` and `b`. */
  open(): Environment
  /** Closes one and opens what it has left; absent where nothing is durable. */
  reopen?(environment: Environment): Promise<Environment>
  /** Opens a copy. */
  openCopy(directory: string): Environment
}

export const textBytes = (text: string): Uint8Array => Buffer.from(text)
export const put = (table: string, key: string, value: string): Write => ({
  table,
  key: textBytes(key),
  value: textBytes(value),
})
export const metaOf = (version: number): StoreMeta => ({ version, body: textBytes(`version ${version}`) })

const show = (bytes: Uint8Array): string => Buffer.from(bytes).toString()
/** A table as `key=value` lines. */
export const linesOf = (reader: StoreReader, table: string, options?: RangeOptions): string[] =>
  [...reader.range(table, options)].map(([key, value]) => `${show(key)}=${show(value)}`)
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const hexes = (entries: Iterable<Entry>): string[] =>
  [...entries].map(([key, value]) => `${hex(key)}=${hex(value)}`)
