/** What does a row cost in each stateful operator and its state? Operators alone, over LMDB. Internals, from dist. */

import { indexRecords } from '../dist/actors/index-records.js'
import * as umbel from '../dist/index.js'
import { Batch } from '../dist/records/batch.js'
import { consecutiveOrigins, splitHead } from '../dist/records/origin.js'
import { readerOf } from '../dist/serving/look-up.js'
import { plan } from '../dist/topology/plan.js'
import { OperatorRun, rowsPerCpuSecond } from './support/operator-run.mjs'

const { array, count, eventTime, float, int, over, schema, source, sum, topology, tumbling } = umbel
const ROWS = 65_536
const SECOND = 1e6

const Trade = schema({ at: eventTime(), key: int(), part: int(), value: float() })
const trades = (name) => source(name, Trade, array([]), { disorder: '1s' })
/** No generator, so that nothing else is measured: one number after another, spread over all of them. */
const spread = (i) => Math.imul(i + 1, 2654435761) >>> 0

/** Puts the key of a row into its column. */
const keyed =
  (keyOf) =>
  ({ key }, r, i) => {
    key[r] = keyOf(i)
  }

/** A batch of the columns that an operator is given. @param put the key of a row, or both of its parts, into their columns */
function batchOf(planned, port, from, length, put, atOf) {
  const schema = planned.inputSchemas[port]
  const data = { at: new Float64Array(length), key: new Float64Array(length) }
  const columns = { ...data, part: new Float64Array(length), value: new Float64Array(length) }
  const { at, value } = columns
  for (let r = 0; r < length; r++) {
    at[r] = atOf(from + r)
    value[r] = (from + r) % 1000
    put(columns, r, from + r)
  }
  const made = schema.names.map((name) => ({ type: 'number', data: columns[name.replace('2', '')], valid: null }))
  const needsOrigins = planned.inputFacts[port].needsOrigins
  return new Batch(
    schema,
    length,
    made,
    null,
    needsOrigins ? consecutiveOrigins(splitHead(port, 0), from, length) : null,
  )
}

async function feed(run, rows, put, atOf, port = 0, other = null) {
  for (let from = 0; from < rows; from += ROWS) {
    const length = Math.min(ROWS, rows - from)
    run.push(batchOf(run.planned, port, from, length, put, atOf), port)
    const time = atOf(from + length - 1)
    await run.advance(other === null ? [time] : port === 0 ? [time, other] : [other, time])
  }
}

async function measured(name, directory, job, kind, rows, put) {
  const run = new OperatorRun(directory, job, kind)
  const atOf = (i) => i * 10
  const figures = await rowsPerCpuSecond(rows, async () => {
    await feed(run, rows, put, atOf)
    await run.advance([Number.POSITIVE_INFINITY], true)
  })
  await run.close()
  return { name, ...figures, 'rows out': run.rowsOut }
}

/** Counts and sums of a million keys in one window, said once. */
const windows = (directory, rows) => {
  const job = topology(
    'w',
    trades('t')
      .keyBy('key')
      .window(tumbling('1d'))
      .aggregate({ n: count(), s: sum('value') })
      .output('o'),
  )
  return measured(
    'window of 1 M keys',
    directory,
    job,
    'window',
    rows,
    keyed((i) => spread(i) % 1_000_000),
  )
}

/** The same as a table: a version for each row. */
const totals = (directory, rows) => {
  const job = topology(
    'f',
    trades('t')
      .keyBy('key')
      .aggregate({ n: count(), s: sum('value') })
      .output('o'),
  )
  return measured(
    'table of aggregates, 1 M keys',
    directory,
    job,
    'fold',
    rows,
    keyed((i) => spread(i) % 1_000_000),
  )
}

/** The latest by two columns, of which three in ten rows are new. */
const keepLast = (directory, rows) => {
  const job = topology('l', trades('t').keyBy('key', 'part').latest().output('o'))
  const known = Math.max(1, Math.round(rows * 0.3))
  return measured('latest by two columns, 0.3 new', directory, job, 'fold', rows, ({ key, part }, r, i) => {
    const one = i % 10 < 3 ? i : spread(i) % Math.min(known, i + 1)
    key[r] = one >>> 8
    part[r] = one & 255
  })
}

const dedup = (directory, rows) => {
  const job = topology('d', trades('t').keyBy('key', 'part').dedup({ within: '1h' }).output('o'))
  return measured('dedup by two columns within 1 h', directory, job, 'dedup', rows, ({ key, part }, r, i) => {
    key[r] = spread(i) % 700_000
    part[r] = i & 1
  })
}

async function asOf(directory, rows, rightKeys) {
  const right = trades('r').rename({ key: 'key2', at: 'at2', part: 'part2', value: 'value2' })
  const job = topology(
    'j',
    trades('t')
      .keyBy('key')
      .joinAsOf(right.keyBy('key2'), { how: 'left', fields: ['value2'] })
      .output('o'),
  )
  const run = new OperatorRun(directory, job, 'as-of-join')
  await feed(
    run,
    rightKeys,
    keyed((i) => i),
    () => 0,
    1,
    Number.NEGATIVE_INFINITY,
  )
  const figures = await rowsPerCpuSecond(rows, async () => {
    await feed(
      run,
      rows,
      keyed((i) => spread(i) % rightKeys),
      (i) => i * 10,
      0,
      Number.POSITIVE_INFINITY,
    )
    await run.advance([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY], true)
  })
  await run.close()
  return { name: `as-of join, ${rightKeys / 1e6} M right keys`, ...figures, 'rows out': run.rowsOut }
}

/** Each left row has one right row near it. */
async function near(directory, rows) {
  const right = trades('r').rename({ key: 'key2', at: 'at2', part: 'part2', value: 'value2' })
  const options = { how: 'inner', fields: ['value2'], within: { older: '1s', newer: '1s' } }
  const job = topology('n', trades('t').keyBy('key').joinNear(right.keyBy('key2'), options).output('o'))
  const run = new OperatorRun(directory, job, 'interval-join')
  const figures = await rowsPerCpuSecond(rows * 2, async () => {
    for (let from = 0; from < rows; from += ROWS) {
      const length = Math.min(ROWS, rows - from)
      for (const port of [1, 0])
        run.push(
          batchOf(run.planned, port, from, length, keyed(spread), (i) => i * 10),
          port,
        )
      await run.advance([(from + length) * 10, (from + length) * 10])
    }
    await run.advance([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY], true)
  })
  await run.close()
  return { name: 'join of rows near each other', ...figures, 'rows out': run.rowsOut }
}

/** Two tables: of each key a row comes on the right side, then one on the left. */
async function tables(directory, rows) {
  const right = trades('r').rename({ key: 'key2', at: 'at2', part: 'part2', value: 'value2' })
  const table = right.keyBy('key2').latest().keyBy('key2')
  const joined = trades('t')
    .keyBy('key')
    .latest()
    .keyBy('key')
    .join(table, { how: 'inner', fields: ['value2'] })
  const run = new OperatorRun(directory, topology('j', joined.output('o')), 'table-join')
  const figures = await rowsPerCpuSecond(rows * 2, async () => {
    for (let from = 0; from < rows; from += ROWS) {
      const length = Math.min(ROWS, rows - from)
      const push = (port) =>
        run.push(
          batchOf(run.planned, port, from, length, keyed(spread), (i) => i * 10),
          port,
        )
      push(1)
      push(0)
      await run.advance([(from + length) * 10, (from + length) * 10])
    }
    await run.advance([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY], true)
  })
  await run.close()
  return { name: 'join of two tables', ...figures, 'rows out': run.rowsOut }
}

/** A row and a look-up, for spans of some lengths: rows of 1,000 keys, one an hour, over as long as the span. */
async function spans(directory, span, rows) {
  const job = topology(
    's',
    trades('t')
      .keyBy('key')
      .indexAggregates('s', { n: over(span, count()), s: over(span, sum('value')) }),
  )
  const run = new OperatorRun(`${directory}-${span}`, job, 'aggregate-index')
  const keys = 1000
  const step = (umbel.micros(span) * 1.5) / rows
  const figures = await rowsPerCpuSecond(rows, async () => {
    await feed(
      run,
      rows,
      keyed((i) => spread(i) % keys),
      (i) => Math.floor(i * step),
    )
    await run.advance([Math.floor(rows * step)], true)
  })
  const [record] = indexRecords(plan(job, 1))
  const reader = readerOf(record)
  const timed = (_, i) => {
    const began = performance.now()
    reader.at(run.environment, [spread(i * 7) % keys], Math.floor(rows * step) - (i % 1000) * SECOND)
    return (performance.now() - began) * 1000
  }
  Array.from({ length: 5000 }, timed)
  const times = Float64Array.from({ length: 20_000 }, timed).sort()
  await run.close()
  return {
    name: `span of ${span}, ${rows / keys} rows a key`,
    'rows/CPU s': figures['rows/CPU s'],
    'read p50 us': times[times.length >> 1],
    'read p99 us': times[Math.floor(times.length * 0.99)],
  }
}

export const cases = { windows, totals, keepLast, dedup, asOf, near, tables, spans }

export async function operators(directory, scale) {
  const many = Math.round(4_000_000 * scale)
  const some = Math.round(1_000_000 * scale)
  return [
    await windows(`${directory}/windows`, many * 2),
    await totals(`${directory}/totals`, some),
    await keepLast(`${directory}/latest`, some),
    await dedup(`${directory}/dedup`, some),
    await asOf(`${directory}/as-of`, some, Math.max(50_000, Math.round(1_000_000 * scale))),
    await near(`${directory}/near`, some),
    await tables(`${directory}/tables`, Math.round(some / 4)),
    await spans(`${directory}/spans`, '1h', some),
    await spans(`${directory}/spans`, '30d', some),
    await spans(`${directory}/spans`, '730d', some),
  ]
}
