/**
 * What must not compile: each line under a `@ts-expect-error` is an error, or `tsc` says that the directive is unused.
 * The bodies never run; that the file compiles is checked by `tsc --noEmit`, and once more here.
 */
import { fileURLToPath } from 'node:url'
import t from 'tap'
import ts from 'typescript'
import { array } from '../../../src/connectors/array.ts'
import { tumbling } from '../../../src/operators/window.ts'
import {
  bool,
  bytes,
  eventTime,
  float,
  type Infer,
  int,
  list,
  map,
  optional,
  schema,
  string,
} from '../../../src/records/schema.ts'
import { openIndex } from '../../../src/serving/open-index.ts'
import {
  count,
  countDistinct,
  custom,
  distinct,
  firstK,
  lastK,
  max,
  mean,
  min,
  over,
  overRows,
  quantile,
  stddev,
  sum,
} from '../../../src/topology/aggregates.ts'
import { source } from '../../../src/topology/topology.ts'

const Flight = schema({ at: eventTime(), delay: optional(int()), late: bool(), origin: string(), raw: bytes() })
const Airport = schema({ since: eventTime(), iata: string(), state: string(), origin: string() })
const Note = schema({ when: eventTime(), text: string(), score: optional(float()) })
const flights = source('flights', Flight, array([]))
const airports = source('airports', Airport, array([]))
const byOrigin = flights.keyBy('origin')

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
type Plain<T> = { [K in keyof T]: T[K] }
const holds = <_T extends true>(): void => {}

export function schemas(): void {
  // @ts-expect-error no event time
  schema({ a: int() })
  // @ts-expect-error two event times
  schema({ a: eventTime(), b: eventTime() })
  // @ts-expect-error an event time is never null
  optional(eventTime())
  type Row = Plain<Infer<typeof Flight>>
  holds<
    Same<
      Row,
      {
        readonly at: number
        readonly delay: number | null
        readonly late: boolean
        readonly origin: string
        readonly raw: Uint8Array
      }
    >
  >()
}

export function stateless(): void {
  // @ts-expect-error no such field
  flights.select('nope')
  // @ts-expect-error the event time stays anyway
  flights.select('at')
  // @ts-expect-error no such field
  flights.drop('nope')
  // @ts-expect-error the event time cannot be dropped
  flights.drop('at')
  // @ts-expect-error it has been dropped
  flights.drop('delay').keyBy('delay')
  // @ts-expect-error it was not selected
  flights.select('delay').filter((row) => row.origin === 'a')
  // @ts-expect-error no such field
  flights.filter((row) => row.nope)
  // @ts-expect-error not a condition
  flights.filter((row) => row.delay)
  // @ts-expect-error it can be null
  flights.filter((row) => row.delay > 15)
  // @ts-expect-error rows cannot be written
  flights.filter((row) => (row.delay = 5) === 5)
  // @ts-expect-error another type than declared
  flights.assign('x', int(), (row) => row.origin)
  // @ts-expect-error not nullable
  flights.assign('x', int(), (row) => row.delay)
  // @ts-expect-error the event time cannot be assigned
  flights.assign('at', int(), () => 5)
  flights.assign('x', optional(int()), (row) => row.delay).filter((row) => row.x === null)
  // @ts-expect-error it has another type now
  flights.assign('delay', string(), () => 'a').filter((row) => row.delay === 5)
  // @ts-expect-error no such field
  flights.rename({ nope: 'x' })
  // @ts-expect-error it has another name now
  flights.rename({ delay: 'x' }).keyBy('delay')
  flights.rename({ delay: 'x', at: 'when' }).filter((row) => row.when > 0 && row.x !== null)
  // @ts-expect-error other fields
  flights.union(airports)
}

export function keyed(): void {
  // @ts-expect-error no such field
  flights.keyBy('nope')
  // @ts-expect-error the event time cannot be a key
  flights.keyBy('at')
  // @ts-expect-error no such field
  byOrigin.thenBy('nope')
  // @ts-expect-error a window needs keys
  flights.window(tumbling('1h'))
  // @ts-expect-error no such emission
  byOrigin.window(tumbling('1h'), { emit: 'soon' })
  const hourly = byOrigin.window(tumbling('1h'))
  hourly.aggregate({
    n: count(),
    a: sum('delay'),
    b: mean('late'),
    c: stddev('delay'),
    d: min('delay'),
    e: max('delay'),
  })
  // @ts-expect-error no such field
  hourly.aggregate({ a: sum('nope') })
  // @ts-expect-error not a number
  hourly.aggregate({ a: sum('origin') })
  // @ts-expect-error not a number
  hourly.aggregate({ a: mean('raw') })
  // @ts-expect-error count takes no column
  count('delay')
  const found = hourly.aggregate({ n: count(), a: sum('delay'), b: mean('late') })
  type Row = Plain<Infer<typeof found.schema>>
  type Wanted = {
    readonly origin: string
    readonly window_start: number
    readonly window_end: number
    readonly n: number
    readonly a: number | null
    readonly b: number
  }
  holds<Same<Row, Wanted>>()
  // @ts-expect-error aggregation keeps its keys alone
  found.keyBy('late')
  // @ts-expect-error the end of the window is the event time now
  found.keyBy('window_end')
  found.keyBy('window_start')
}

export function joins(): void {
  const joined = byOrigin.joinAsOf(airports.keyBy('iata'), { how: 'left', fields: ['state'] })
  holds<Same<Infer<typeof joined.schema>['state'], string | null>>()
  const inner = byOrigin.joinAsOf(airports.keyBy('iata'), { how: 'inner', fields: ['state'] })
  holds<Same<Infer<typeof inner.schema>['state'], string>>()
  // @ts-expect-error no such field in the table
  byOrigin.joinAsOf(airports.keyBy('iata'), { how: 'left', fields: ['nope'] })
  // @ts-expect-error both sides have it
  byOrigin.joinAsOf(airports.keyBy('iata'), { how: 'left', fields: ['origin'] })
  const timed = byOrigin.joinAsOf(airports.keyBy('iata'), { how: 'left', fields: ['since'] })
  holds<Same<Infer<typeof timed.schema>['since'], number | null>>()
  // @ts-expect-error no such way
  byOrigin.joinAsOf(airports.keyBy('iata'), { how: 'outer', fields: ['state'] })
  // @ts-expect-error the table needs a key
  byOrigin.joinAsOf(airports, { how: 'left', fields: ['state'] })
  // @ts-expect-error the stream needs a key
  flights.joinAsOf(airports.keyBy('iata'), { how: 'left', fields: ['state'] })
}

export function tables(): void {
  const delays = flights.dropNull('delay')
  holds<Same<Infer<typeof delays.schema>['delay'], number>>()
  holds<Same<Infer<typeof delays.schema>['origin'], string>>()
  const whole = flights.dropNull()
  holds<Same<Infer<typeof whole.schema>['delay'], number>>()
  // @ts-expect-error no such field
  flights.dropNull('nope')
  // @ts-expect-error the event time is never null
  flights.dropNull('at')
  const totals = byOrigin.aggregate({ rows: count(), worst: max('delay') })
  holds<Same<Infer<typeof totals.schema>['worst'], number | null>>()
  holds<Same<Infer<typeof totals.schema>['at'], number>>()
  holds<Same<keyof Infer<typeof totals.schema>, 'origin' | 'at' | 'rows' | 'worst'>>()
  // @ts-expect-error a text has no sum
  byOrigin.aggregate({ all: sum('origin') })
  const latest = byOrigin.latest()
  holds<Same<Infer<typeof latest.schema>, Infer<typeof Flight>>>()
  // @ts-expect-error no such emission
  byOrigin.first({ emit: 'sometimes' })
  // @ts-expect-error a stream needs a key
  flights.dedup()
  const [late, others] = flights.split((row) => row.late)
  holds<Same<typeof late, typeof others>>()
}

export function collected(): void {
  const product = custom<{ delay: number | null }, number, string>({
    ...{ columns: ['delay'], type: string(), init: () => 1 },
    add: (state, { delay }) => state * (delay ?? 1),
    result: String,
  })
  const found = byOrigin.aggregate({
    ...{ some: count({ where: 'late' }), all: sum('delay', { default: 0 }), chosen: mean('late', { where: 'late' }) },
    ...{ different: countDistinct('raw'), middle: quantile('delay', 0.5), product },
    ...{ values: distinct('delay'), dropped: distinct('delay', { dropsNull: true }), first: firstK('origin', 3) },
    ...{ last: lastK('delay', 3, { isDistinct: true, where: 'late', dropsNull: true }) },
  })
  type Row = Plain<Omit<Infer<typeof found.schema>, 'at' | 'origin'>>
  type Wanted = {
    readonly some: number
    readonly all: number
    readonly chosen: number | null
    readonly different: number
    readonly middle: number | null
    readonly product: string
    readonly values: readonly (number | null)[]
    readonly dropped: readonly number[]
    readonly first: readonly string[]
    readonly last: readonly number[]
  }
  holds<Same<Row, Wanted>>()
  // @ts-expect-error rows are chosen by a bool
  byOrigin.aggregate({ some: count({ where: 'delay' }) })
  // @ts-expect-error no such field
  byOrigin.aggregate({ some: sum('delay', { where: 'nope' }) })
  // @ts-expect-error a text has no quantile
  byOrigin.aggregate({ some: quantile('origin', 0.5) })
  // @ts-expect-error no such field
  byOrigin.aggregate({ some: lastK('nope', 3) })
  // @ts-expect-error rows have no such column
  byOrigin.aggregate({ product: custom<{ nope: number }, number, number>({ columns: ['nope'], type: int() }) })
  const top = byOrigin.top(3, { by: { delay: 'descending' } })
  holds<Same<Infer<typeof top.schema>['rank'], number>>()
  // @ts-expect-error no such field
  byOrigin.top(3, { by: { nope: 'descending' } })
  // @ts-expect-error no such order
  byOrigin.top(3, { by: { delay: 'downwards' } })
  byOrigin.latest({ by: 'delay' })
  // @ts-expect-error no such field
  byOrigin.latest({ by: 'nope' })
}

export function nested(): void {
  const Order = schema({ at: eventTime(), items: list(string()), prices: optional(list(int())), by: map(float()) })
  const orders = source('orders', Order, array([]))
  const lines = orders.explode('items', 'prices')
  type Row = Plain<Infer<typeof lines.schema>>
  type Wanted = {
    readonly at: number
    readonly items: string | null
    readonly prices: number | null
    readonly by: Readonly<Record<string, number>>
  }
  holds<Same<Row, Wanted>>()
  // @ts-expect-error no list
  orders.explode('by')
  orders.transform(Note, (row) => row.items.map((text) => ({ text, score: row.by[text] ?? null })))
  // @ts-expect-error a field is missing
  orders.transform(Note, () => ({ text: '' }))
  const changes = orders.keyBy('items').latest().keyBy('items').changelog({ delete: 'gone' })
  holds<Same<Infer<typeof changes.schema>['gone'], boolean>>()
  // @ts-expect-error there is a field of this name
  orders.keyBy('items').changelog({ insert: 'prices' })
}

export async function spans(): Promise<void> {
  const Trip = schema({ at: eventTime(), origin: string(), distance: float(), delay: optional(int()) })
  const trips = source('trips', Trip, array([])).keyBy('origin')
  const table = trips.aggregate({
    n: over('1h', count()),
    late: over('1d', sum('delay', { default: 0 })),
    far: over('30d', max('distance')),
    ever: max('distance'),
  })
  type Row = Plain<Infer<typeof table.schema>>
  holds<
    Same<
      Row,
      {
        readonly origin: string
        readonly at: number
        readonly n: number
        readonly late: number
        readonly far: number | null
        readonly ever: number
      }
    >
  >()
  const each = trips.withAggregates({ far: over('1d', max('distance')), last: overRows(3, mean('delay')) })
  holds<Same<Infer<typeof each.schema>['far'], number>>()
  holds<Same<Infer<typeof each.schema>['last'], number | null>>()
  // @ts-expect-error not a number
  trips.withAggregates({ wrong: over('1d', max('origin')) })
  const index = await openIndex('.', trips.indexAggregates('far', { far: over('1d', max('distance')) }))
  const found = await index.get({ origin: 'BOS' })
  holds<Same<NonNullable<typeof found.row>['far'], number | null>>()
  // @ts-expect-error no such key
  await index.get({ destination: 'BOS' })
  const rows = await openIndex('.', table.keyBy('origin').index('table'))
  const { row } = await rows.get({ origin: 'BOS' })
  holds<Same<NonNullable<typeof row>['late'], number>>()
}

export function actors(): void {
  byOrigin.actor('a', {
    output: Note,
    onRow(row, context) {
      context.emit({ when: row.at, text: row.origin, score: null })
      // @ts-expect-error a field is missing
      context.emit({ when: row.at, text: row.origin })
      // @ts-expect-error another type
      context.emit({ when: row.at, text: row.delay, score: 1 })
      // @ts-expect-error a diff is 1 or -1
      context.emit({ when: row.at, text: '', score: 1 }, 2)
      // @ts-expect-error no such field
      row.nope
    },
  })
  // @ts-expect-error no output
  byOrigin.actor('a', { onRow() {} })
  // @ts-expect-error no such order
  byOrigin.actor('a', { output: Note, order: 'random', onRow() {} })
}

t.test('this file compiles: every line that must not is an error', (t) => {
  const path = fileURLToPath(import.meta.url)
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, '.')
  const program = ts.createProgram([path], options)
  const found = [...program.getSyntacticDiagnostics(), ...program.getSemanticDiagnostics(program.getSourceFile(path))]
  t.strictSame(
    found.map(({ messageText, start = 0, file }) => [
      (file?.getLineAndCharacterOfPosition(start).line ?? 0) + 1,
      ts.flattenDiagnosticMessageText(messageText, '\n'),
    ]),
    [],
  )
  t.end()
})
