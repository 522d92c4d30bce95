import t from 'tap'
import { tablesOf } from '../../../src/actors/make-operator.ts'
import { array } from '../../../src/connectors/array.ts'
import { csvFile } from '../../../src/connectors/csv-format.ts'
import { type AnyWindow, cumulating, type Emission, hopping, session, tumbling } from '../../../src/operators/window.ts'
import {
  bool,
  decimal,
  eventTime,
  type FieldType,
  int,
  list,
  optional,
  schema,
  string,
} from '../../../src/records/schema.ts'
import { count, countDistinct, max, mean, min, over, overRows, stddev, sum } from '../../../src/topology/aggregates.ts'
import { DEAD_LETTERS } from '../../../src/topology/dead-letters.ts'
import { type Plan, plan } from '../../../src/topology/plan.ts'
import type { Output, Stream } from '../../../src/topology/stream.ts'
import { type SourceSettings, source, topology } from '../../../src/topology/topology.ts'

const Flight = schema({
  date: eventTime(),
  delay: optional(int()),
  distance: int(),
  origin: string(),
  destination: string(),
})
const Airport = schema({ since: eventTime(), iata: string(), state: string(), city: string() })

const flightsOf = (settings: SourceSettings = {}) => source('flights', Flight, array([], { splits: 2 }), settings)
const airportsOf = (settings: SourceSettings = {}) => source('airports', Airport, array([]), settings)
const planOf = (...outputs: Output[]) => plan(topology('test', ...outputs), 3)

/** `stage (kind, shards): nodes` of each stage. */
const stages = ({ stages }: Plan) =>
  stages.map(
    ({ name, kind, generations, nodes }) =>
      `${name} (${kind}, ${generations.map(({ shards }) => shards)}): ${nodes.map(({ node }) => node.kind).join(' ')}`,
  )
/** `from -> to [keys]: columns` of each edge. */
const edges = ({ stages, edges }: Plan) =>
  edges.map(
    ({ from, to, keys, schema }) =>
      `${stages[from.stage]!.name} -> ${to === null ? 'program' : stages[to.stage]!.name} [${keys ?? ''}]: ${schema.names}`,
  )
const dead = (from: string) => `${from} -> ${DEAD_LETTERS} []: `
const withoutDead = (plan: Plan) => edges(plan).filter((edge) => !edge.includes(DEAD_LETTERS))

function flightsLike() {
  const byOrigin = flightsOf()
    .drop('distance')
    .assign('late', bool(), ({ delay }) => delay !== null && delay > 15)
    .keyBy('origin')
  const hourly = byOrigin
    .window(tumbling('1h'))
    .aggregate({ departures: count(), worst: max('delay'), spread: stddev('delay') })
  const share = byOrigin.window(hopping('24h', '1h')).aggregate({ share: mean('late') })
  const routes = byOrigin
    .thenBy('destination')
    .window(tumbling('1d'))
    .aggregate({ departures: count() })
    .rename({ window_start: 'day' })
  const states = byOrigin
    .joinAsOf(airportsOf().keyBy('iata'), { how: 'left', fields: ['state'] })
    .keyBy('state')
    .window(tumbling('1d'))
    .aggregate({ departures: count() })
  return planOf(
    hourly.to(csvFile('hourly.csv', { columns: ['origin', 'worst'] })),
    share.to(csvFile('share.csv')),
    routes.output('routes'),
    states.to(csvFile('states.csv')),
  )
}

t.test(
  'a stage is the longest chain between repartitions; mailboxes stand where rows change shard, and nowhere else',
  (t) => {
    const made = flightsLike()
    t.strictSame(stages(made), [
      'flights (source, 2): source project assign',
      'by-origin (operators, 3): key-by window window window project as-of-join',
      'hourly.csv (sink, 1): sink',
      'share.csv (sink, 1): sink',
      'airports (source, 1): source',
      'by-state (operators, 3): key-by window',
      'states.csv (sink, 1): sink',
      `${DEAD_LETTERS} (sink, 1): `,
    ])
    t.strictSame(withoutDead(made), [
      'flights -> by-origin [origin]: date,delay,origin,destination,late',
      'by-origin -> hourly.csv []: origin,window_end,worst',
      'by-origin -> share.csv []: origin,window_start,window_end,share',
      'by-origin -> program []: origin,destination,day,window_end,departures',
      'airports -> by-origin [iata]: since,iata,state',
      'by-origin -> by-state [state]: date,state',
      'by-state -> states.csv []: state,window_start,window_end,departures',
    ])
    t.strictSame(
      edges(made)
        .slice(7)
        .map((edge) => edge.split(']: ')[0]),
      ['flights', 'by-origin', 'airports', 'by-state'].map((name) => dead(name).split(']: ')[0]),
      'each stage sends what it turns away to one sink',
    )
    t.strictSame(
      made.edges.map(({ id }) => id),
      made.edges.map((_, i) => i),
    )
    t.end()
  },
)

t.test('every shard has its cell', (t) => {
  const { shards, stages } = flightsLike()
  t.equal(shards.length, 2 + 3 + 1 + 1 + 1 + 3 + 1 + 1)
  t.strictSame(
    shards.map(({ cell }) => cell),
    shards.map((_, i) => i),
  )
  t.equal(new Set(shards.map(({ id }) => id)).size, shards.length)
  t.strictSame(
    shards.filter(({ stage }) => stages[stage]!.name === 'by-origin').map(({ index }) => index),
    [0, 1, 2],
  )
  t.equal(
    plan(topology('one', flightsOf().output('all')), 1).shards.length,
    2,
    'a source has no more shards than asked for',
  )
  t.end()
})

t.test(
  'every input of a node names a node of its stage or an edge that leads to it, with the columns that come',
  (t) => {
    const made = flightsLike()
    for (const { index, nodes } of made.stages) {
      for (const { node, inputs, inputSchemas } of nodes) {
        t.equal(inputs.length, node.inputs.length)
        inputs.forEach((input, port) => {
          if ('edge' in input) {
            const edge = made.edges[input.edge]!
            t.strictSame(edge.to, { stage: index, node: node.id, port })
            t.strictSame(inputSchemas[port]!.names, edge.schema.names)
          } else {
            const before = nodes.find((one) => one.node.id === input.node)!
            t.strictSame(inputSchemas[port]!.names, before.schema.names)
          }
        })
      }
    }
    t.end()
  },
)

t.test('columns that nothing uses do not leave the source', (t) => {
  const sourceColumns = (...outputs: Output[]) => planOf(...outputs).stages[0]!.nodes[0]!.schema.names.join()
  const flights = flightsOf()
  t.equal(sourceColumns(flights.output('all')), 'date,delay,distance,origin,destination')
  t.equal(sourceColumns(flights.select('origin').output('some')), 'date,origin')
  t.equal(sourceColumns(flights.to(csvFile('a.csv', { columns: ['delay'] }))), 'date,delay')
  t.equal(
    sourceColumns(flights.keyBy('origin').window(tumbling('1h')).aggregate({ n: count() }).output('n')),
    'date,origin',
  )
  t.equal(
    sourceColumns(flights.drop('distance', 'delay').rename({ origin: 'from' }).output('x')),
    'date,origin,destination',
  )
  t.equal(
    sourceColumns(
      flights
        .select('origin')
        .filter(() => true)
        .output('x'),
    ),
    'date,origin',
    'a function sees its row',
  )
  t.equal(
    sourceColumns(
      flights
        .filter(() => true)
        .select('origin')
        .output('x'),
    ),
    'date,delay,distance,origin,destination',
  )
  t.equal(
    sourceColumns(flights.select('origin').output('a'), flights.select('delay').output('b')),
    'date,delay,origin',
    'what any output uses',
  )
  t.end()
})

t.test('rows that are where they must be do not move', (t) => {
  const daily = flightsOf().keyBy('origin').window(tumbling('1h')).aggregate({ n: count() })
  const same = daily
    .keyBy('origin')
    .window(tumbling('1d'))
    .aggregate({ most: sum('n') })
  t.strictSame(stages(planOf(same.output('x')))[1], 'by-origin (operators, 3): key-by window key-by window')
  const finer = flightsOf().keyBy('origin').thenBy('destination').window(tumbling('1h')).aggregate({ n: count() })
  t.equal(
    withoutDead(
      planOf(
        finer
          .keyBy('destination', 'origin')
          .window(tumbling('1d'))
          .aggregate({ n: sum('n') })
          .output('x'),
      ),
    ).length,
    2,
  )
  const renamed = daily
    .rename({ origin: 'from' })
    .keyBy('from')
    .window(tumbling('1d'))
    .aggregate({ n: sum('n') })
  t.equal(withoutDead(planOf(renamed.output('x'))).length, 2, 'also under another name')
  t.end()
})

t.test('rows move when their key is another, or has been overwritten', (t) => {
  const moved = (output: Output) => withoutDead(planOf(output)).length === 3
  const hourly = flightsOf().keyBy('origin').thenBy('destination').window(tumbling('1h')).aggregate({ n: count() })
  const day = { m: sum('n') } as const
  const daily = tumbling('1d')
  t.notOk(moved(hourly.keyBy('origin', 'destination').window(daily).aggregate(day).output('x')))
  t.ok(moved(hourly.keyBy('destination').window(daily).aggregate(day).output('x')))
  const other = hourly.assign('origin', string(), () => 'x').keyBy('origin', 'destination')
  t.ok(moved(other.window(daily).aggregate(day).output('x')))
  const anew = hourly.drop('origin').rename({ destination: 'origin' }).keyBy('origin')
  t.ok(moved(anew.window(daily).aggregate(day).output('x')), 'dropped, and another put in its place')
  const swapped = hourly.rename({ origin: 'destination', destination: 'origin' }).keyBy('origin')
  t.ok(
    moved(
      swapped
        .window(tumbling('1d'))
        .aggregate({ m: sum('n') })
        .output('x'),
    ),
    'the name alone is not enough',
  )
  t.end()
})

t.test('the table of a join is routed by the columns that pair up with those of the stage', (t) => {
  const table = flightsOf({}).select('origin', 'destination', 'delay').rename({ delay: 'usual', date: 'since' })
  const trips = source('trips', schema({ at: eventTime(), a: string(), b: string() }), array([]))
  const joined = trips
    .keyBy('a')
    .thenBy('b')
    .joinAsOf(table.keyBy('destination', 'origin'), { how: 'inner', fields: ['usual'] })
  const made = withoutDead(planOf(joined.output('x')))
  t.strictSame(made, [
    'trips -> by-a [a]: at,a,b',
    'flights -> by-a [destination]: origin,destination,usual,since',
    'by-a -> program []: at,a,b,usual',
  ])
  t.end()
})

t.test('a union is a stage of its own, and so is each further stage of one name', (t) => {
  const [one, two] = [flightsOf(), source('more', Flight, array([]))]
  const both = one.union(two).keyBy('origin')
  const other = one.keyBy('origin')
  const made = planOf(
    both.window(tumbling('1h')).aggregate({ n: count() }).output('a'),
    other.window(tumbling('1h')).aggregate({ n: count() }).output('b'),
  )
  t.strictSame(
    made.stages.map(({ name }) => name),
    ['flights', 'more', 'union', 'by-origin', 'by-origin~2', DEAD_LETTERS],
  )
  t.end()
})

t.test('windows that panes cannot hold are kept row by row, and those alone', (t) => {
  const late = { disorder: '1h', lateness: '2h' }
  const tables = (stream: Stream<never>): string[] => {
    const plan = planOf(stream.output('x'))
    const windows = plan.stages.flatMap(({ nodes }) => nodes).filter(({ node }) => node.kind === 'window')
    return tablesOf(windows.at(-1)!).map((name) => name.replace(/^n\d+\./, ''))
  }
  const windowed = (settings: SourceSettings, window: AnyWindow = tumbling('1h'), emit: Emission = 'final') =>
    flightsOf(settings)
      .keyBy('origin')
      .window(window, { emit })
      .aggregate({ n: count(), low: min('delay') })
  const again = (settings: SourceSettings, emit: Emission = 'final') =>
    windowed(settings, tumbling('1h'), emit)
      .keyBy('origin')
      .window(tumbling('1d'))
      .aggregate({ total: sum('n'), worst: max('n') })
  const [panes, rows] = [
    ['panes', 'firing'],
    ['groups', 'members', 'progress'],
  ]
  t.strictSame(tables(windowed(late) as never), panes, 'rows that come late are taken in')
  t.strictSame(tables(windowed({}, tumbling('1d', { offset: '6h' })) as never), panes)
  t.strictSame(tables(windowed({}, cumulating('1d', '1h')) as never), rows)
  t.strictSame(tables(windowed({}, tumbling('1d', { lookback: '1h' })) as never), rows)
  t.strictSame(tables(windowed({}, session('1h')) as never), ['sessions', 'rows', 'members', 'due', 'progress'])
  t.strictSame(tables(again(late) as never), rows, 'extremes of rows that are taken back')
  t.strictSame(tables(again({}, 'eager') as never), rows)
  t.strictSame(tables(again({ disorder: '1h' }) as never), panes, 'without lateness nothing is corrected')
  const different = flightsOf()
    .keyBy('origin')
    .window(tumbling('1h'))
    .aggregate({ delays: countDistinct('delay') })
  t.strictSame(tables(different as never), rows)
  t.end()
})

t.test('a window tells later what it waits for: the bound grows by a gap, or by what it looks back', (t) => {
  const bound = (window: AnyWindow): number => {
    const stream = flightsOf({ lateness: '1h' }).keyBy('origin').window(window).aggregate({ n: count() })
    const plan = planOf(stream.output('x'))
    const planned = plan.stages.flatMap(({ nodes }) => nodes).find(({ node }) => node.kind === 'window')!
    return planned.facts.bound / 60_000_000
  }
  t.equal(bound(tumbling('1d')), 60)
  t.equal(bound(tumbling('1d', { lookback: '10m' })), 70)
  t.equal(bound(session('30m')), 90)
  t.end()
})

t.test('bounds, retractions and the need for origins follow from the declaration', (t) => {
  const made = planOf(
    flightsOf({ lateness: '2h' })
      .keyBy('origin')
      .joinAsOf(airportsOf({ lateness: '3h' }).keyBy('iata'), { how: 'left', fields: ['state'] })
      .keyBy('state')
      .window(tumbling('1d'))
      .aggregate({ n: count() })
      .output('x'),
  )
  const facts = Object.fromEntries(
    made.stages.flatMap(({ nodes }) =>
      nodes.map(({ node, facts }) => [node.kind === 'source' ? node.name : node.kind, facts]),
    ),
  )
  const seen = (kind: string) => [facts[kind]!.bound / 3.6e9, facts[kind]!.retracts, facts[kind]!.needsOrigins]
  t.strictSame(seen('flights'), [2, false, false])
  t.strictSame(seen('airports'), [3, false, true])
  t.strictSame(seen('as-of-join'), [3, true, false])
  t.strictSame(seen('window'), [3, true, false])
  t.end()
})

t.test('a row that is said alone may be taken back until none can come that is near it', (t) => {
  const bound = (how: 'inner' | 'left' | 'right' | 'full'): number => {
    const within = { older: '3h', newer: '1h' }
    const other = airportsOf().keyBy('iata')
    const made = planOf(
      flightsOf()
        .keyBy('origin')
        .joinNear(other, { how, fields: ['state'], within })
        .output('x'),
    )
    return (
      made.stages.flatMap(({ nodes }) => nodes).find(({ node }) => node.kind === 'interval-join')!.facts.bound / 3.6e9
    )
  }
  t.equal(bound('inner'), 1)
  t.equal(bound('left'), 1)
  t.equal(bound('right'), 3, 'a left row may come that the right one is so much older than')
  t.equal(bound('full'), 3)
  t.end()
})

t.test('an eager window takes rows back, also without lateness', (t) => {
  const hourly = (emit?: Emission) =>
    planOf(flightsOf().keyBy('origin').window(tumbling('1h'), { emit }).aggregate({ n: count() }).output('x'))
  const retracts = (made: Plan) =>
    made.stages.flatMap(({ nodes }) => nodes).find(({ node }) => node.kind === 'window')!.facts.retracts
  t.equal(retracts(hourly('eager')), true)
  t.equal(retracts(hourly('final')), false)
  t.equal(retracts(hourly()), false)
  t.not(hourly('eager').topology.definition, hourly('final').topology.definition)
  t.equal(hourly().topology.definition, hourly('final').topology.definition)
  t.throws(() => hourly('soon' as never), {
    kind: 'user',
    code: 'emit',
    message: "emit is 'final' or 'eager', not 'soon'",
  })
  t.end()
})

t.test('what no type can say is said by errors that name the remedy', (t) => {
  const flights = flightsOf()
  const user = (code: string, message: string | RegExp) => ({ kind: 'user', code, message })
  t.throws(
    () => topology('x'),
    user('topology', `topology 'x' has no output: end a stream with .to(), .output() or .index()`),
  )
  t.throws(() => topology('a b', flights.output('x')), user('name', /^'a b' is no usable name/))
  t.throws(
    () => topology('x', flights.output('same'), flights.output('same')),
    user('topology', `two sources, outputs or indexes of topology 'x' are named 'same'`),
  )
  t.throws(() => topology('x', flights.output('flights')), user('topology', /named 'flights'/))
  t.throws(() => flights.keyBy(), user('key', 'keyBy needs at least one field'))
  t.throws(() => flights.keyBy('date' as never), user('key', `the event time 'date' cannot be a key`))
  t.throws(
    () => flights.keyBy('nope' as never),
    user('field', `there is no field 'nope'; the fields are date, delay, distance, origin, destination`),
  )
  t.throws(() => flights.dropNull('origin'), user('null', "'origin' has no nulls; the columns that may: delay"))
  t.throws(() => flights.dropNull().dropNull(), user('null', /^no column has nulls: date, delay, distance/))
  t.throws(() => flights.rename({ origin: 'destination' }), user('rename', /^rename gives two columns one name/))
  t.throws(() => flights.drop('date' as never), user('drop', /^the event time 'date' cannot be dropped/))
  t.throws(
    () => flights.union(flights.select('origin') as never),
    user('union', 'union needs streams with the same fields in the same order'),
  )
  t.throws(
    () =>
      flights
        .keyBy('origin')
        .window(tumbling('1h'))
        .aggregate({ x: sum('origin' as 'delay') }),
    user('aggregation', `sum('origin') needs a numeric column, and 'origin' is string`),
  )
  t.throws(
    () =>
      flights.keyBy('origin', 'destination').joinAsOf(airportsOf().keyBy('iata'), { how: 'left', fields: ['state'] }),
    user('join', 'the join has 2 keys on the left and 1 on the right'),
  )
  t.throws(
    () => flights.keyBy('delay').joinAsOf(airportsOf().keyBy('iata'), { how: 'left', fields: ['state'] }),
    user('join', `key 'delay' is int?, but 'iata' of the table is string`),
  )
  const joinOn = (left: FieldType, right: FieldType) =>
    flights
      .assign('k', left, () => null as never)
      .keyBy('k')
      .joinAsOf(
        airportsOf()
          .assign('r', right, () => null as never)
          .keyBy('r'),
        { how: 'left', fields: ['state'] },
      )
  t.throws(
    () => joinOn(decimal(2), optional(decimal(3))),
    user('join', `key 'k' is decimal(2), but 'r' of the table is decimal(3)?`),
  )
  t.throws(
    () => joinOn(list(int()), list(string())),
    user('join', `key 'k' is list<int>, but 'r' of the table is list`),
  )
  t.doesNotThrow(() => joinOn(optional(decimal(2)), decimal(2)))
  t.throws(
    () =>
      flights
        .keyBy('origin')
        .joinAsOf(airportsOf().rename({ city: 'delay' }).keyBy('iata'), { how: 'left', fields: ['delay' as never] }),
    user('join', `both sides have a field 'delay': rename one of them`),
  )
  t.end()
})

t.test('a default is of the type of its result, and costs no column', (t) => {
  const priced = flightsOf().assign('price', decimal(2), ({ distance }) => distance)
  const byOrigin = priced.keyBy('origin')
  const bad = (message: RegExp) => ({ kind: 'user', code: 'aggregation', message })
  const cent = bad(/the default of 'n' must be decimal\(2\), in units, but 0\.01 is not a whole number/)
  const aggregates = { n: sum('price', { default: 0.01 }) }
  t.throws(() => byOrigin.window(tumbling('1h')).aggregate(aggregates), cent)
  t.throws(() => byOrigin.aggregate(aggregates), cent)
  t.throws(() => byOrigin.withAggregates({ n: overRows(3, sum('price', { default: 0.01 })) }), cent)
  t.throws(() => byOrigin.indexAggregates('i', { n: over('1h', sum('price', { default: 0.01 })) }), cent)
  const totals = byOrigin.withAggregates({ n: overRows(3, sum('price', { default: 0 })) })
  t.equal(totals.node.schema.fields.n!.nullable, false)
  const sent = edges(planOf(totals.select('origin', 'n').output('x')))
  t.match(sent, [/\[origin\]: date,origin,price$/])
  t.end()
})

t.test('an aggregate is not called as what holds its condition', (t) => {
  const late = flightsOf().assign('late', bool(), () => true)
  const aggregates = { n: overRows(3, count({ where: 'late' })), n_where: overRows(3, count()) }
  t.throws(() => late.keyBy('origin').withAggregates(aggregates), {
    code: 'aggregation',
    message: /there is a field 'n_where': give the aggregate another name/,
  })
  t.end()
})

t.test('the definition tells topologies apart, and not the same one twice', (t) => {
  const made = (late: number, settings: SourceSettings = {}, name = 'test') =>
    topology(
      name,
      flightsOf(settings)
        .filter(late === 15 ? ({ delay }) => (delay ?? 0) > 15 : ({ delay }) => (delay ?? 0) > 30)
        .output('x'),
    ).definition
  t.equal(made(15), made(15))
  t.not(made(15), made(30))
  t.not(made(15), made(15, { lateness: '1h' }))
  t.not(made(15), made(15, {}, 'other'))
  t.end()
})

t.test('a stream is joined with what follows from it where its rows are, or in a stage behind both', (t) => {
  const byOrigin = flightsOf().keyBy('origin')
  const counts = byOrigin.aggregate({ departures: count() }).rename({ origin: 'from', date: 'since' })
  const same = planOf(byOrigin.joinAsOf(counts.keyBy('from'), { how: 'left', fields: ['departures'] }).output('same'))
  t.strictSame(stages(same).slice(1, 2), ['by-origin (operators, 3): key-by fold project as-of-join'])
  t.strictSame(withoutDead(same), [
    'flights -> by-origin [origin]: date,delay,distance,origin,destination',
    'by-origin -> program []: date,delay,distance,origin,destination,departures',
  ])
  const busy = counts.keyBy('departures').aggregate({ origins: count() }).rename({ departures: 'many' })
  const left = byOrigin.select('delay', 'origin').keyBy('origin')
  const names = counts
    .rename({ from: 'name' })
    .assign('key', string(), ({ departures }) => `${departures}`)
    .keyBy('key')
  const many = busy.assign('key', string(), (row) => `${row.many}`).keyBy('key')
  for (const joined of [
    left.joinAsOf(names, { how: 'left', fields: ['name'] }).output('circle'),
    left.joinAsOf(many, { how: 'left', fields: ['origins'] }).output('circle'),
  ]) {
    const circle = planOf(joined)
    t.same(circlesOf(circle), [])
    t.match(stages(circle).at(-2), /^by-origin~\d \(operators, 3\): as-of-join$/)
  }
  t.end()
})

/** Stages that rows can come back to. */
function circlesOf({ stages, edges }: Plan): string[] {
  const next = (stage: number) => edges.flatMap(({ from, to }) => (from.stage === stage && to ? [to.stage] : []))
  const reached = (from: readonly number[], seen = new Set<number>()): Set<number> => {
    for (const stage of from) if (!seen.has(stage)) reached(next(stage), seen.add(stage))
    return seen
  }
  return stages.flatMap(({ index, name }) => (reached(next(index)).has(index) ? [name] : []))
}

t.test(
  'what rows are split by goes with them, also where they are looked up by something else in what follows from them',
  (t) => {
    const byOrigin = flightsOf().keyBy('origin')
    const totals = byOrigin.aggregate({ far: max('distance') }).rename({ origin: 'from', date: 'since' })
    const joined = byOrigin
      .joinAsOf(totals.keyBy('from'), { on: ['destination'], how: 'left', fields: ['far'] })
      .select('delay', 'far')
    const { edges } = plan(topology('x', joined.output('o')), 2)
    t.ok(edges.some(({ isBroadcast }) => isBroadcast))
    for (const { keys, schema } of edges) for (const key of keys ?? []) t.ok(schema.names.includes(key), key)
    t.end()
  },
)

t.test('what can hold nothing is refused', (t) => {
  const byOrigin = flightsOf().keyBy('origin')
  t.throws(() => byOrigin.latest({ within: '0s' }), { code: 'duration', message: /above 0/ })
  t.throws(() => byOrigin.aggregate({ n: count() }, { every: 0 }), { code: 'duration', message: /above 0/ })
  t.throws(() => byOrigin.aggregate({ n: over(0, count()) }), { code: 'aggregation', message: /above 0/ })
  t.throws(() => byOrigin.aggregate({ n: over('1h', count()) }, { emit: 'eager' }), {
    code: 'emit',
    message: /leave out emit/,
  })
  t.throws(() => byOrigin.aggregate({ n: overRows(3, count()) }), { code: 'aggregation', message: /withAggregates/ })
  t.throws(() => overRows(0, count()), { code: 'aggregation', message: /1 row or more/ })
  t.throws(() => byOrigin.window(tumbling('1h')).aggregate({ n: over('1h', count()) }), {
    code: 'aggregation',
    message: /span/,
  })
  t.throws(() => byOrigin.indexAggregates('i', {}), { code: 'aggregation', message: /no aggregates/ })
  t.throws(() => byOrigin.indexAggregates('i', { origin: count() }), { code: 'aggregation', message: /is a key/ })
  t.throws(() => byOrigin.withAggregates({ delay: count() }), { code: 'aggregation', message: /field 'delay'/ })
  t.end()
})
