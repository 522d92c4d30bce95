/** What sinks that write a file are given. */
import { userError } from '../base/errors.ts'
import { aText, check, maybe, only, someNames } from '../base/given.ts'
import type { RowFormat, SinkConnector } from '../topology/connector.ts'

/** Options of `csvFile` and `jsonLinesFile`. */
export interface FileSinkOptions {
  /** The columns, in their order. Default: all, in the order of the schema. */
  readonly columns?: readonly string[]
}

const options = only({ columns: maybe(someNames) })
const NO_FILE = /(^|\/)\.{0,2}$/

/** @throws user error `sink` where the path names no file */
export function fileSink(call: string, path: string, given: FileSinkOptions, format: RowFormat): SinkConnector {
  check(call, aText, path, 'its path')
  check(call, options, given)
  if (path.startsWith('/') || path.split('/').includes('..'))
    throw userError(
      'sink',
      `${call}: '${path}' leads out of the directory of results: give a path below it, and choose that one with --out`,
    )
  if (NO_FILE.test(path)) throw userError('sink', `${call}: '${path}' names no file: give one such as 'rows.csv'`)
  return { kind: 'file', path, format, ...(given.columns === undefined ? {} : { columns: given.columns }) }
}
