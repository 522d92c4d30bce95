/** What declarations are given beside plain values: what other calls have made. */
import { eachOf, such } from '../base/given.ts'
import { isType } from '../records/schema.ts'

/** What has such properties, made by a function of ours: its class may be of another copy of this package. */
const made = (what: string, ...properties: string[]) =>
  such(what, (given) => typeof given === 'object' && given !== null && properties.every((name) => name in given))

export const aStream = made('a stream', 'node', 'schema')
export const aKeyedStream = made('a stream by keys: call keyBy(...) on it', 'node', 'schema', 'keys')
export const aType = such('a type, such as int() or optional(string())', isType)
export const aSchema = made('a schema, made by schema({ ... })', 'fields', 'names', 'time')
export const aWindow = such(
  "a window, such as tumbling('1h')",
  (given) => typeof given === 'object' && given !== null && ('size' in given || 'gap' in given),
)
export const aSource = made("a source, such as csv('rows.csv')", 'kind', 'splits', 'open')
export const aSink = made("a sink, such as csvFile('rows.csv')", 'kind', 'path')
const OUTPUTS = new Set(['sink', 'index', 'aggregate-index'])
export const anOutput = such('an output: end a stream with .to(), .output() or .index()', (given) =>
  OUTPUTS.has((given as { node?: { kind: string } } | null)?.node?.kind ?? ''),
)
/** Those that read no column, or name theirs. */
const WITHOUT_COLUMN = new Set(['count', 'custom'])
export const someAggregates = eachOf(
  such("an aggregate, called, such as count() or sum('amount')", (given) => {
    const { kind, column } = (given ?? {}) as { kind?: string; column?: unknown }
    return kind !== undefined && (WITHOUT_COLUMN.has(kind) || typeof column === 'string')
  }),
)
