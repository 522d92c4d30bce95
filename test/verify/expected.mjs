/**
 * What the flights job must compute, said in SQL and computed by DuckDB from the data itself. Nothing here comes from
 * the project: the two share no code, only the data.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

// The package exports its entry alone, build/index.js; the data lies beside build.
const data = join(dirname(createRequire(import.meta.url).resolve('vega-datasets')), '../data')

/** A string as an SQL literal. */
export const literal = (text) => `'${String(text).replaceAll("'", "''")}'`

// The data's timestamps name no zone and are taken as UTC, as DuckDB's arithmetic on TIMESTAMP does.
const iso = (timestamp) => `strftime(${timestamp}, '%Y-%m-%dT%H:%M:%S.%gZ')`

const delays = 'count(*) departures, avg(delay) delay_mean, max(delay) delay_max, stddev_pop(delay) delay_stddev'

const hourly = `
  SELECT origin, ${iso("time_bucket(INTERVAL 1 hour, date, TIMESTAMP '1970-01-01')")} window_start, ${delays}
  FROM flights GROUP BY ALL`

// A flight is in the windows that start 0 to 23 hours before the start of its hour, so the flights of an hour go together.
const lateShare = `
  WITH hours AS (
    SELECT origin, time_bucket(INTERVAL 1 hour, date, TIMESTAMP '1970-01-01') AS hour,
      count(*) AS flights, count(*) FILTER (delay > 15) AS late
    FROM flights GROUP BY ALL
  ), windows AS (
    SELECT origin, hour - to_hours(back) AS start, sum(hours.flights)::BIGINT AS flights, sum(late)::BIGINT AS late
    FROM hours CROSS JOIN range(24) AS hop(back) GROUP BY ALL
  )
  SELECT origin, ${iso('start')} AS window_start, flights, late, late / flights AS share FROM windows`

const routesDaily = `
  SELECT origin, destination, ${iso("date_trunc('day', date)")} AS day, ${delays}
  FROM flights GROUP BY ALL`

const statesDaily = `
  SELECT coalesce(state, '') AS state, ${iso("date_trunc('day', date)")} AS day, count(*) AS departures
  FROM flights LEFT JOIN airports ON origin = iata GROUP BY ALL`

/**
 * Computes the tables hourly, late_share, routes_daily and states_daily over the first `rows` flights of the file (all
 * of them, if not given). Answers the connection that holds them: `into`, or one to a new database in memory.
 */
export async function expectedFlights({ rows, into } = {}) {
  const connection = into ?? (await (await DuckDBInstance.create()).connect())
  const flights = `read_parquet(${literal(join(data, 'flights-3m.parquet'))}, file_row_number = true)`
  const first = rows === undefined ? '' : `WHERE file_row_number < ${BigInt(rows)}`
  const airports = `read_csv(${literal(join(data, 'airports.csv'))}, header = true, all_varchar = true)`
  await connection.run(`CREATE TABLE flights AS SELECT * FROM ${flights} ${first}`)
  await connection.run(`CREATE TABLE airports AS SELECT iata, state FROM ${airports}`)
  await connection.run(`CREATE TABLE hourly AS ${hourly}`)
  await connection.run(`CREATE TABLE late_share AS ${lateShare}`)
  await connection.run(`CREATE TABLE routes_daily AS ${routesDaily}`)
  await connection.run(`CREATE TABLE states_daily AS ${statesDaily}`)
  return connection
}
