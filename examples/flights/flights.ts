/**
 * Half a year of US flights (January to June 2001): how late each airport is by the hour, what share of flights is late
 * over a day, how routes do day by day, and how many flights leave each state.
 */
import {
  bool,
  count,
  csv,
  csvFile,
  eventTime,
  hopping,
  int,
  max,
  mean,
  optional,
  parquet,
  schema,
  source,
  stddev,
  string,
  sum,
  topology,
  tumbling,
} from 'umbel'

export { summary } from './most-delayed.ts'

const data = (file: string) => new URL(`../../node_modules/vega-datasets/data/${file}`, import.meta.url)
const rows = process.env.FLIGHTS_ROWS === undefined ? undefined : Number(process.env.FLIGHTS_ROWS)

// Of the file's columns, those that are used.
const Flight = schema({ date: eventTime(), delay: optional(int()), origin: string(), destination: string() })

// The file says nothing of when an airport opened: all are known since the epoch.
const Airport = schema({ since: eventTime(), iata: string(), state: string() })

const flights = source('flights', Flight, parquet(data('flights-3m.parquet'), { rows }))
const airports = source('airports', Airport, csv(data('airports.csv'), { constants: { since: 0 } }))

const byOrigin = flights.assign('late', bool(), (flight) => flight.delay !== null && flight.delay > 15).keyBy('origin')

const delays = {
  departures: count(),
  delay_mean: mean('delay'),
  delay_max: max('delay'),
  delay_stddev: stddev('delay'),
}

const hourly = byOrigin.window(tumbling('1h')).aggregate(delays)

const lateShare = byOrigin
  .window(hopping('24h', '1h'))
  .aggregate({ flights: count(), late: sum('late'), share: mean('late') })

const routesDaily = byOrigin
  .thenBy('destination')
  .window(tumbling('1d'))
  .aggregate(delays)
  .rename({ window_start: 'day' })

const statesDaily = byOrigin
  .joinAsOf(airports.keyBy('iata'), { how: 'left', fields: ['state'] })
  .keyBy('state')
  .window(tumbling('1d'))
  .aggregate({ departures: count() })
  .rename({ window_start: 'day' })

const measures = ['departures', 'delay_mean', 'delay_max', 'delay_stddev']

export default topology(
  'flights',
  hourly.to(csvFile('hourly.csv', { columns: ['origin', 'window_start', ...measures] })),
  lateShare.to(csvFile('late_share.csv', { columns: ['origin', 'window_start', 'flights', 'late', 'share'] })),
  routesDaily.to(csvFile('routes_daily.csv', { columns: ['origin', 'destination', 'day', ...measures] })),
  statesDaily.to(csvFile('states_daily.csv', { columns: ['state', 'day', 'departures'] })),
)
