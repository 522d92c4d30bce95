/** A topology: sources, what follows from them, and outputs, as one value that a module exports. */

import { createHash } from 'node:crypto'
import { userError } from '../base/errors.ts'
import { aDuration, aText, check, maybe, only } from '../base/given.ts'
import { type Duration, micros } from '../base/time.ts'
import { type Fields, type Schema, typeName } from '../records/schema.ts'
import type { SourceConnector } from './connector.ts'
import { DEAD_LETTERS, type ErrorPolicy } from './dead-letters.ts'
import { anOutput, aSchema, aSource } from './given.ts'
import { type AnyIndexNode, isIndex, type Node, type SinkNode, sortNodes } from './graph.ts'
import { type Output, Stream } from './stream.ts'

/** Options of a source. */
export interface SourceSettings {
  /** How far behind the latest row a row may be without being late. Default 0: the split is in order. */
  readonly disorder?: Duration
  /** How much later still a row is taken as a correction; later ones go to the dead letters. Default 0. */
  readonly lateness?: Duration
  /** Rows dated further ahead of the wall clock than this go to the dead letters. Default: off. */
  readonly aheadMax?: Duration
  /**
   * A split that has given no row for so long, by the wall clock, is idle: its watermark follows the slowest of the
   * topology's active splits, and what it gives when it resumes is judged by that. Default: off, everybody waits for it.
   */
  readonly idleAfter?: Duration
  /**
   * A split that is further ahead of the slowest active split of the topology than this, in event time, waits for it: so what is kept
   * for rows to come stays small. A split that gives no rows holds all others then: give sources `idleAfter` too. Default: off; the splits of one shard are read the one that is furthest behind first in any case.
   */
  readonly alignWithin?: Duration
}

const sourceSettings = only({
  disorder: maybe(aDuration),
  lateness: maybe(aDuration),
  aheadMax: maybe(aDuration),
  idleAfter: maybe(aDuration),
  alignWithin: maybe(aDuration),
})

/**
 * A stream of rows from outside. The name is unique within the topology: positions are kept under it.
 * @example const flights = source('flights', Flight, parquet('flights.parquet'))
 */
export function source<F extends Fields>(
  name: string,
  schema: Schema<F>,
  connector: SourceConnector,
  settings: SourceSettings = {},
): Stream<F> {
  check('source', aText, name, 'its name')
  check(`source '${name}'`, aSchema, schema, 'what it reads')
  check(`source '${name}'`, aSource, connector, 'where rows come from')
  check(`source '${name}'`, sourceSettings, settings)
  return new Stream<F>({
    id: -1,
    kind: 'source',
    inputs: [],
    name: checkSourceName(name),
    schema: schema as unknown as Schema,
    connector,
    options: {
      disorder: micros(settings.disorder ?? 0),
      lateness: micros(settings.lateness ?? 0),
      aheadMax: settings.aheadMax === undefined ? null : micros(settings.aheadMax),
      idleAfter: settings.idleAfter === undefined ? null : micros(settings.idleAfter),
      alignWithin: settings.alignWithin === undefined ? null : micros(settings.alignWithin),
    },
  })
}

/** @throws user error `name` for that of a stage which each topology has */
function checkSourceName(name: string): string {
  if (name === DEAD_LETTERS)
    throw userError('name', `a source cannot be called '${name}': rows that are turned away go there`)
  return checkName(name)
}

/** What `umbel run` and `start` take. */
export interface Topology {
  readonly name: string
  readonly outputs: readonly SinkNode[]
  readonly indexes: readonly AnyIndexNode[]
  /** All nodes, inputs first. */
  readonly nodes: readonly Node[]
  /** Tells two definitions apart: what one has begun, another does not go on with. */
  readonly definition: string
  /** The same without the text of functions: where it is equal, state of one can be used by the other. */
  readonly shape: string
  readonly onError: ErrorPolicy
}

/** Options of a topology. */
export interface TopologySettings {
  /**
   * What happens to a row on which a user's function throws, or gives what is not of its type. `fail` (default): the run
   * ends and names the operator. `dead-letter`: the row goes to the dead letters, with the error, and the run goes on;
   * an actor's row then has done nothing. No part of the definition: an interrupted run may go on with another policy.
   */
  readonly onError?: ErrorPolicy
}

const topologySettings = only({ onError: maybe(aText) })

/**
 * Puts a topology together from its outputs.
 * @param settings may be left out
 * @throws user error when it has no output, or two sources or outputs share a name
 * @example export default topology('flights', hourly.to(csvFile('hourly.csv')))
 */
export function topology(name: string, ...outputs: Output[]): Topology
export function topology(name: string, settings: TopologySettings, ...outputs: Output[]): Topology
export function topology(name: string, ...given: (TopologySettings | Output)[]): Topology {
  check('topology', aText, name, 'its name')
  checkName(name)
  const [first] = given
  const hasSettings = first !== undefined && !(typeof first === 'object' && 'node' in first)
  if (hasSettings) check(`topology '${name}'`, topologySettings, first)
  const { onError = 'fail' } = hasSettings ? (first as TopologySettings) : {}
  const outputs = (hasSettings ? given.slice(1) : given) as Output[]
  for (const output of outputs) check(`topology '${name}'`, anOutput, output, 'each output')
  if (onError !== 'fail' && onError !== 'dead-letter')
    throw userError('topology', `onError of topology '${name}' must be 'fail' or 'dead-letter', got '${onError}'`)
  if (outputs.length === 0)
    throw userError('topology', `topology '${name}' has no output: end a stream with .to(), .output() or .index()`)
  const nodes = sortNodes(outputs.map((output) => output.node))
  const names = nodes.flatMap((node) => (NAMED.has(node.kind) ? [(node as Node & { name: string }).name] : []))
  const twice = names.find((one, i) => names.indexOf(one) !== i)
  if (twice !== undefined)
    throw userError('topology', `two sources, outputs or indexes of topology '${name}' are named '${twice}'`)
  const definition = hashDefinition(name, nodes, (code) => `${code}`.replace(/\s+/g, ' '))
  const shape = hashDefinition(name, nodes, () => 'a function')
  const sinks = nodes.filter((node) => node.kind === 'sink')
  const indexes = nodes.filter(isIndex)
  return { name, outputs: sinks, indexes, nodes, definition, shape, onError }
}

/** True for what `topology` returns, also if it comes from another copy of this package. */
export const isTopology = (value: unknown): value is Topology =>
  typeof value === 'object' && value !== null && 'definition' in value && 'outputs' in value && 'nodes' in value

const NAMED: ReadonlySet<Node['kind']> = new Set(['source', 'sink', 'index', 'aggregate-index'])
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,80}$/

export function checkName(name: string): string {
  if (!NAME.test(name))
    throw userError(
      'name',
      `'${name}' is no usable name: take up to 81 letters, digits, '.', '_' and '-', no mark first`,
    )
  return name
}

function hashDefinition(name: string, nodes: readonly Node[], ofFunction: (code: unknown) => string): string {
  const described = nodes.map((node) => {
    const { schema, inputs, ...whole } = node
    // How long an output is kept is no part of what it says.
    const rest = whole.kind === 'sink' ? { ...whole, retention: null } : whole
    const fields = schema.names.map((field) => `${field}:${typeName(schema.fields[field]!)}`)
    return { ...rest, fields, inputs: inputs.map((input) => input.id) }
  })
  const text = JSON.stringify([name, described], (key, value) => {
    if (typeof value === 'function') return ofFunction(value)
    if (key === 'connector' && value !== null)
      return { kind: value.kind, definition: value.definition, path: value.path }
    return value
  })
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}
