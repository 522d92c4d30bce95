/** From a case to the topology that is to come to the same. */
import type * as Umbel from '../../../src/index.ts'
import type { OracleAggregates } from '../windows.ts'
import { elements, keeps, multiplied } from './batch.ts'
import { type Case, type IndexStep, outputsOf, SECOND, type SourceStep, type Step } from './case.ts'

type Api = typeof Umbel
type AnyStream = Umbel.Stream<Umbel.Fields>
type AnyKeyed = Umbel.KeyedStream<Umbel.Fields, never>
type AnyRow = Readonly<Record<string, unknown>>

/** The file of a step. */
export const fileOf = (step: number): string => `out${step}.jsonl`

export function topologyOf({ steps }: Case, api: Api): Umbel.Topology {
  const streams: AnyStream[] = []
  const outputs: Umbel.Output[] = []
  const ends = outputsOf(steps)
  steps.forEach((step, s) => {
    if (step.op === 'index') outputs.push(indexOf(step, s, streams[step.inputs[0]]!, api))
    const stream = step.op === 'index' ? streams[step.inputs[0]]! : streamOf(step, s, streams, api)
    streams.push(stream)
    if (step.op !== 'index' && ends.includes(s)) outputs.push(stream.to(api.jsonLinesFile(fileOf(s))))
  })
  return api.topology('case', ...(outputs as [Umbel.Output, ...Umbel.Output[]]))
}

/** The name of a step's index. */
export const indexName = (step: number): string => `index${step}`

function indexOf({ keys, aggregates, history }: IndexStep, number: number, input: AnyStream, api: Api): Umbel.Output {
  const keyed = input.keyBy(...(keys as never[])) as unknown as AnyKeyed
  const options = history === null ? {} : { history: micros(history) }
  const name = indexName(number)
  return aggregates === null
    ? keyed.index(name, options)
    : keyed.indexAggregates(name, aggregatesOf(aggregates, api) as never, options)
}

const micros = (units: number): string => `${units}s`

function streamOf(step: Exclude<Step, IndexStep>, number: number, streams: readonly AnyStream[], api: Api): AnyStream {
  if (step.op === 'source') return sourceOf(step, number, api)
  const input = streams[step.inputs[0]]!
  const keyed = (stream: AnyStream, keys: readonly string[]) =>
    stream.keyBy(...(keys as never[])) as unknown as AnyKeyed
  switch (step.op) {
    case 'filter':
      return input.filter((row) => keeps((row as AnyRow)[step.column], step.rest))
    case 'assign':
      return input.assign(step.name as never, api.int(), (row) =>
        multiplied((row as AnyRow)[step.column], step.times),
      ) as unknown as AnyStream
    case 'select':
      return input.select(...(step.names as never[])) as unknown as AnyStream
    case 'rename':
      return input.rename(step.names as never) as unknown as AnyStream
    case 'union':
      return input.union(streams[step.inputs[1]]!)
    case 'window': {
      const options = { offset: micros(step.offset), lookback: micros(step.lookback) }
      const window =
        step.step === null
          ? api.hopping(micros(step.size), micros(step.hop), options)
          : api.cumulating(micros(step.size), micros(step.step), options)
      const windows = keyed(input, step.keys).window(window, { emit: step.emit })
      return windows.aggregate(aggregatesOf(step.aggregates, api) as never) as unknown as AnyStream
    }
    case 'session': {
      const windows = keyed(input, step.keys).window(api.session(micros(step.gap)), { emit: step.emit })
      return windows.aggregate(aggregatesOf(step.aggregates, api) as never) as unknown as AnyStream
    }
    case 'drop-null':
      return input.dropNull(...(step.names as never[])) as unknown as AnyStream
    case 'explode': {
      const { name, column } = step
      const made = input.assign(name as never, api.list(api.int()), (row) => elements((row as AnyRow)[column]) as never)
      return made.explode(name as never) as unknown as AnyStream
    }
    case 'transform': {
      const { name, names, column } = step
      const fields = Object.fromEntries(
        [...names, input.schema.time].map((one) => [one, (input.schema.fields as Umbel.Fields)[one]!]),
      )
      const to = api.schema({ ...fields, [name]: api.int() } as never) as unknown as Umbel.Schema
      return input.transform(to, (row) => {
        const kept = Object.fromEntries(names.map((one) => [one, (row as AnyRow)[one]]))
        return elements((row as AnyRow)[column]).map((value) => ({ ...kept, [name]: value })) as never
      })
    }
    case 'changelog': {
      const options = step.marks === 'insert' ? { insert: step.name } : { delete: step.name }
      return keyed(input, step.keys).changelog(options as never) as unknown as AnyStream
    }
    case 'over': {
      const { keys, aggregates, emit } = step
      return keyed(input, keys).withAggregates(aggregatesOf(aggregates, api) as never, { emit }) as unknown as AnyStream
    }
    case 'dedup': {
      const { span, gap, emit } = step
      const within = gap !== undefined ? api.session(micros(gap)) : span === 0 ? undefined : micros(span)
      return keyed(input, step.keys).dedup({ within, emit } as never)
    }
    case 'fold': {
      const { emit, fold } = step
      const groups = keyed(input, step.keys)
      if ('aggregates' in fold)
        return groups.aggregate(aggregatesOf(fold.aggregates, api) as never, {
          emit,
          ...(step.every === undefined ? {} : { every: micros(step.every) }),
        }) as unknown as AnyStream
      const { which, by, limit, within } = fold
      const when = within === undefined ? { emit } : { within: micros(within) }
      if (which === 'top')
        return groups.top(limit, { by: Object.fromEntries(by) as never, ...when }) as unknown as AnyStream
      return groups[which]({ ...when, ...(by.length > 0 ? { by: by[0]![0] as never } : {}) })
    }
    case 'join': {
      const table = keyed(streams[step.inputs[1]]!, step.rightKeys)
      const { how, emit, fields } = step
      return keyed(input, step.leftKeys).join(table as never, {
        how,
        emit,
        fields: fields as never[],
      }) as unknown as AnyStream
    }
    case 'near': {
      const { how, span, fields, emit } = step
      const when =
        'size' in span
          ? { window: api.tumbling(micros(span.size), { offset: micros(span.offset) }) }
          : { within: { older: micros(span.older), newer: micros(span.newer) } }
      const other = keyed(streams[step.inputs[1]]!, step.rightKeys)
      const options = { how, fields: fields as never[], ...when, emit }
      return keyed(input, step.leftKeys).joinNear(other as never, options) as unknown as AnyStream
    }
    case 'as-of': {
      const table = keyed(streams[step.inputs[1]]!, step.rightKeys)
      const within = {
        newer: micros(step.newer),
        ...(step.older === null ? {} : { older: micros(step.older) }),
      }
      const on = step.by === null ? {} : { on: step.leftKeys as never[] }
      const options = { how: step.how, fields: step.fields as never[], within, ...on }
      return keyed(input, step.by ?? step.leftKeys).joinAsOf(table as never, options) as unknown as AnyStream
    }
  }
}

function aggregatesOf(aggregates: OracleAggregates, api: Api): Record<string, unknown> {
  const functions = api as unknown as Record<string, (...given: unknown[]) => unknown>
  const made = ([kind, column, options = {}]: OracleAggregates[string]): unknown => {
    const { p, limit, over, rows, halfLife, ...conditions } = options
    const rest = halfLife === undefined ? conditions : { ...conditions, halfLife: micros(halfLife) }
    const aggregate = functions[kind]!(...[column, p, limit].filter((one) => one != null), rest)
    if (rows !== undefined) return api.overRows(rows, aggregate as never)
    return over === undefined ? aggregate : api.over(over === null ? 'forever' : micros(over), aggregate as never)
  }
  return Object.fromEntries(Object.entries(aggregates).map(([name, one]) => [name, made(one)]))
}

function sourceOf({ rows, splits, disorder, lateness }: SourceStep, number: number, api: Api): AnyStream {
  const { schema, eventTime, optional, string, int, float, bool } = api
  const fields = {
    at: eventTime(),
    k: optional(string()),
    g: int(),
    n: optional(int()),
    x: optional(float()),
    b: bool(),
  }
  const settings = { disorder: micros(disorder), lateness: micros(lateness) }
  const timed = rows.map((row) => ({ ...row, at: (row.at as number) * SECOND }))
  return api.source(`source${number}`, schema(fields), api.array(timed, { splits }), settings) as unknown as AnyStream
}
