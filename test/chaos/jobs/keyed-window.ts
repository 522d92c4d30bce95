/** Counts and sums by user over windows, one of them eager, with late rows that correct what was said: merged files. */
import {
  count,
  csvFile,
  eventTime,
  generator,
  hopping,
  int,
  schema,
  source,
  string,
  sum,
  topology,
  tumbling,
} from 'umbel'

const Click = schema({ at: eventTime(), user: string(), amount: int() })

const SECOND = 1_000_000
const ROWS = Number(process.env.CHAOS_ROWS ?? 60_000)

// Every seventh row is up to 20 s late: taken as a correction.
const clicks = source(
  'clicks',
  Click,
  generator({
    rows: ROWS,
    splits: 2,
    row: (index) => ({
      at: Math.floor(index / 50) * SECOND - (index % 7 === 3 ? (index % 21) * SECOND : 0),
      user: `user-${(index * 7919) % 997}`,
      amount: (index * 31) % 1000,
    }),
  }),
  { lateness: '30s' },
)

const byUser = clicks.keyBy('user')

export default topology(
  'keyed-window',
  byUser
    .window(tumbling('1m'))
    .aggregate({ clicks: count(), amount: sum('amount') })
    .to(csvFile('tumbling.csv')),
  byUser
    .window(hopping('5m', '1m'), { emit: 'eager' })
    .aggregate({ clicks: count(), amount: sum('amount') })
    .to(csvFile('hopping.csv')),
)
