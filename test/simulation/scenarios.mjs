/**
 * What is simulated: small topologies of every kind that there is. Rows follow from their number; some are late, some too
 * late, keys are skewed, times tie.
 */
import {
  array,
  count,
  csvFile,
  eventTime,
  generator,
  hopping,
  int,
  max,
  mean,
  min,
  optional,
  schema,
  source,
  stddev,
  string,
  sum,
  topology,
  tumbling,
} from 'umbel'

const SECOND = 1_000_000
const Click = schema({ at: eventTime(), user: string(), amount: optional(int()) })
const User = schema({ since: eventTime(), name: string(), plan: string() })
const Visit = schema({ ended: eventTime(), user: string(), clicks: int() })

/** Number `i` of 12 users, the first of which has half of the rows. */
const userOf = (i) => `user-${i % 2 === 0 ? 0 : (i * 7919) % 12}`

const clicks = (name, { rows, splits = 1, late = 0, ...settings }) =>
  source(
    name,
    Click,
    generator({
      rows,
      splits,
      row: (i) => ({
        at: Math.floor(i / 4) * SECOND - (late > 0 && i % 7 === 3 ? (i % late) * SECOND : 0),
        user: userOf(i),
        amount: i % 13 === 0 ? null : ((i * 31) % 1000) - 300,
      }),
    }),
    settings,
  )

const statistics = { rows: count(), sum: sum('amount'), mean: mean('amount'), stddev: stddev('amount') }

const topologies = {
  stateless: () =>
    topology(
      'sim',
      clicks('clicks', { rows: 700, splits: 3 })
        .filter((click) => (click.amount ?? 0) >= 0)
        .assign('double', int(), (click) => (click.amount ?? 0) * 2)
        .rename({ amount: 'single' })
        .to(csvFile('clicks.csv')),
    ),
  windows: () => {
    const byUser = clicks('clicks', { rows: 800, splits: 2, late: 21, lateness: '15s', disorder: '2s' }).keyBy('user')
    return topology(
      'sim',
      byUser.window(tumbling('20s')).aggregate(statistics).to(csvFile('tumbling.csv')),
      byUser
        .window(hopping('60s', '20s'))
        .aggregate({ rows: count(), most: max('amount') })
        .to(csvFile('hopping.csv')),
    )
  },
  eager: () =>
    topology(
      'sim',
      clicks('clicks', { rows: 600, splits: 2, late: 9, lateness: '10s' })
        .keyBy('user')
        .window(tumbling('30s'), { emit: 'eager' })
        .aggregate({ rows: count(), sum: sum('amount') })
        .to(csvFile('eager.csv')),
    ),
  repartitions: () => {
    const minutes = clicks('clicks', { rows: 700, splits: 2, late: 9, lateness: '10s' })
      .keyBy('user')
      .window(tumbling('10s'))
      .aggregate({ rows: count(), sum: sum('amount') })
    const byRows = minutes
      .keyBy('rows')
      .window(tumbling('40s'))
      .aggregate({ users: count(), sum: sum('sum') })
    return topology(
      'sim',
      byRows
        .keyBy('users')
        .window(tumbling('80s'))
        .aggregate({ rows: sum('rows'), sums: count() })
        .to(csvFile('three.csv')),
    )
  },
  diamond: () => {
    const all = clicks('clicks', { rows: 600, splits: 4 })
    const few = all.filter((click) => click.user === 'user-0')
    const others = all.filter((click) => click.user !== 'user-0')
    return topology(
      'sim',
      few.union(others).keyBy('user').window(tumbling('30s')).aggregate(statistics).to(csvFile('diamond.csv')),
      others.to(csvFile('others.csv')),
    )
  },
  join: () => {
    const versions = Array.from({ length: 60 }, (_, i) => ({
      since: i * 3 * SECOND,
      name: userOf(i * 5 + 1),
      plan: `plan-${i}`,
    }))
    // Some of the table comes late, and corrects what was joined.
    const shuffled = versions.map((row, i) =>
      i % 5 === 2 && i > 2 ? versions[i - 2] : i % 5 === 0 && i > 1 ? (versions[i + 2] ?? row) : row,
    )
    const table = source('users', User, array(shuffled), { lateness: '30s' }).keyBy('name')
    return topology(
      'sim',
      clicks('clicks', { rows: 600, splits: 2 })
        .keyBy('user')
        .joinAsOf(table, { how: 'left', fields: ['plan'] })
        .to(csvFile('joined.csv')),
    )
  },
  actor: () =>
    topology(
      'sim',
      clicks('clicks', { rows: 500, splits: 2, late: 9, lateness: '10s' })
        .keyBy('user')
        .actor('visits', {
          output: Visit,
          onRow(click, context) {
            const open = context.get('visit')
            if (open !== undefined) context.clearTimer(open.until)
            const until = click.at + 5 * SECOND
            context.set('visit', { clicks: (open?.clicks ?? 0) + 1, until, random: context.random() })
            context.setTimer(until)
          },
          onTimer(at, context) {
            context.emit({ ended: at, user: context.key[0], clicks: context.get('visit').clicks })
            context.delete('visit')
          },
        })
        .to(csvFile('visits.csv')),
    ),
  /** Eight rows end the thread that takes them, in a source and behind it. */
  poison: ({ endOwnThread }) => {
    const endsIts = (click, rest) => {
      if (click.amount !== null && click.amount % 97 === rest) endOwnThread()
      return true
    }
    return topology(
      'sim',
      clicks('clicks', { rows: 400, splits: 2 })
        .filter((click) => endsIts(click, 5))
        .keyBy('user')
        .actor('counts', {
          output: Visit,
          onRow(click, context) {
            endsIts(click, 7)
            const clicks = (context.get('clicks') ?? 0) + 1
            context.set('clicks', clicks)
            context.emit({ ended: click.at, user: click.user, clicks })
          },
        })
        .to(csvFile('counts.csv')),
    )
  },
  /** A function keeps what it is given, and ends its thread once that is too much: no row is to blame. Two rows end it by themselves. */
  leak: ({ endOwnThread, ownThread }) => {
    const kept = new WeakMap()
    const keep = ({ amount }) => {
      const thread = ownThread()
      // Whoever looks at what is left has none.
      if (thread === null) return
      kept.set(thread, (kept.get(thread) ?? 0) + 1)
      if (kept.get(thread) > 25 || amount === 165 || amount === -130) endOwnThread()
    }
    return topology(
      'sim',
      clicks('clicks', { rows: 120, splits: 2 })
        .keyBy('user')
        .actor('counts', {
          output: Visit,
          onRow(click, context) {
            keep(click)
            const clicks = (context.get('clicks') ?? 0) + 1
            context.set('clicks', clicks)
            context.emit({ ended: click.at, user: click.user, clicks })
          },
        })
        .to(csvFile('counts.csv')),
    )
  },
  /** Rows on which functions throw, in a source and behind it, are retried with others in their place. */
  letters: () => {
    const refuse = (click, rest) => {
      if (click.amount !== null && click.amount % 11 === rest) throw new Error(`${rest} is left`)
      return true
    }
    return topology(
      'sim',
      { onError: 'dead-letter' },
      clicks('clicks', { rows: 500, splits: 3 })
        .filter((click) => refuse(click, 5))
        .keyBy('user')
        .actor('counts', {
          output: Visit,
          order: 'arrival',
          onRow(click, context) {
            refuse(click, 7)
            const clicks = (context.get('clicks') ?? 0) + 1
            context.set('clicks', clicks)
            context.emit({ ended: click.at, user: click.user, clicks: retried(click.user) ? clicks : 1 })
          },
        })
        .to(csvFile('counts.csv')),
    )
  },
  /** Tables of a stream, joined with it; and a table of a table. */
  tables: () => {
    const all = clicks('clicks', { rows: 400, splits: 2, late: 9, lateness: '8s', disorder: '3s' })
    const byUser = all.keyBy('user')
    const totals = byUser.aggregate({ rows: count(), sum: sum('amount'), most: max('amount') })
    const last = clicks('others', { rows: 200, splits: 2, late: 5, lateness: '4s' })
      .rename({ user: 'name', amount: 'before', at: 'since' })
      .keyBy('name')
      .latest({ emit: 'final' })
    return topology(
      'sim',
      totals
        .assign('size', int(), ({ rows }) => Math.floor(rows / 20))
        .keyBy('size')
        .aggregate({ users: count(), most: max('most'), least: min('sum') })
        .to(csvFile('sizes.csv')),
      byUser
        .joinAsOf(last.keyBy('name'), { how: 'left', fields: ['before'], within: { older: '20s', newer: '2s' } })
        .to(csvFile('joined.csv')),
    )
  },
  /** One source is silent until windows have fired that it would hold back, were it not idle; the other goes on until then. */
  idle: () => {
    let hasFired = false
    /** @param next what comes at an index: rows (no more than so many), nothing yet, or nothing any more */
    const paced = (rows, row, next) => {
      const all = generator({ rows, row })
      const open = async (...args) => {
        const reader = await all.open(...args)
        const read = async (rowsMax) => {
          const most = next(reader.position().index)
          return typeof most === 'number' ? reader.read(Math.min(rowsMax, most)) : most
        }
        return {
          read,
          position: () => reader.position(),
          progress: () => reader.progress(),
          close: () => reader.close(),
        }
      }
      return { ...all, open }
    }
    let isTurn = false
    const busy = paced(
      2e4,
      (i) => ({ at: i * SECOND, user: i < 220 ? userOf(i) : 'nobody', amount: i }),
      (index) => {
        isTurn = !isTurn
        return index >= 220 && hasFired ? null : isTurn ? 4 : 'wait'
      },
    )
    const quiet = paced(
      40,
      (i) => ({ at: (i < 20 ? i : i + 1e5) * SECOND, user: userOf(i), amount: -i }),
      (index) => (index < 20 ? 20 - index : hasFired ? 40 : 'wait'),
    )
    return topology(
      'sim',
      source('busy', Click, busy)
        .filter((click) => click.user !== 'nobody')
        .union(source('quiet', Click, quiet, { idleAfter: '40ms' }))
        .keyBy('user')
        .window(tumbling('20s'))
        .aggregate(statistics)
        .filter((row) => {
          if (row.window_end > 60 * SECOND) hasFired = true
          return true
        })
        .to(csvFile('windows.csv')),
    )
  },
  skewed: () =>
    topology(
      'sim',
      ...[1, 2].map((n) =>
        clicks(`clicks-${n}`, { rows: n * 300, splits: n * 2 })
          .keyBy('user')
          .window(tumbling('20s'))
          .aggregate({ rows: count() })
          .to(csvFile(`rows-${n}.csv`)),
      ),
    ),
}

const retried = (user) => user.startsWith('again-')

/** What is asked for of a dead letter, where anything is. */
const letters = {
  // The same again, which kills as it did.
  poison: ({ number }) => (number <= 3 ? { kind: 'retry', row: null } : null),
  // Late by none of the rows that come meanwhile.
  letters: ({ number }) =>
    number % 5 === 0
      ? { kind: 'drop', row: null }
      : { kind: 'retry', row: JSON.stringify({ at: '1970-01-02T00:00:00Z', user: `again-${number}`, amount: 1 }) },
}

/**
 * Every topology on nodes of several sizes.
 * @param thread of the build that simulates
 */
export const makeScenarios = (thread) =>
  Object.entries(topologies).flatMap(([name, make]) => {
    const scenario = { topology: () => make(thread), letters: letters[name] ?? null, isOnKafka: false }
    return [
      { name: `${name} on one host`, ...scenario, shards: 2, workers: 2, hosts: 1 },
      { name: `${name} on two hosts`, ...scenario, shards: 3, workers: 1, hosts: 2 },
      { name: `${name} on Kafka`, ...scenario, shards: 3, workers: 1, hosts: 2, isOnKafka: true },
    ]
  })
