/** Windows with late rows, a join whose table has late rows, and an actor with timers, all in one stage by user. */
import fs from 'node:fs'
import {
  count,
  csvFile,
  eventTime,
  generator,
  hopping,
  int,
  type SourceConnector,
  schema,
  source,
  string,
  sum,
  topology,
  tumbling,
} from 'umbel'

const Click = schema({ at: eventTime(), user: string(), amount: int() })
const Plan = schema({ since: eventTime(), name: string(), plan: string() })
const Visit = schema({ ended: eventTime(), user: string(), clicks: int() })
const SECOND = 1_000_000
const ROWS = 40_000
const userOf = (i: number) => `user-${(i * 7919) % 397}`

const rowsPerSecond = Number(process.env.ROWS_PER_SECOND ?? 1e9)

/** The last tenth of the rows comes when the file `HOLD` has gone: the input does not end before its time. */
const held = (all: SourceConnector): SourceConnector => ({
  ...all,
  async open(context, split, position) {
    const reader = await all.open(context, split, position)
    const { HOLD = '' } = process.env
    return {
      read: async (rowsMax) => (reader.progress!() >= 0.9 && fs.existsSync(HOLD) ? 'wait' : reader.read(rowsMax)),
      position: () => reader.position(),
      progress: () => reader.progress!(),
      close: () => reader.close(),
    }
  },
})

const job = () => {
  const clicks = source(
    'clicks',
    Click,
    held(
      generator({
        rows: ROWS,
        rowsPerSecond,
        splits: 4,
        row: (i) => ({
          at: Math.floor(i / 50) * SECOND - (i % 7 === 3 ? (i % 21) * SECOND : 0),
          user: userOf(i),
          amount: (i * 31) % 1000,
        }),
      }),
    ),
    { lateness: '30s', disorder: '5s' },
  ).keyBy('user')
  const plans = source(
    'plans',
    Plan,
    generator({
      rows: 2000,
      rowsPerSecond: rowsPerSecond / 20,
      row: (i) => ({
        since: Math.floor((i * 20) / 50) * SECOND - (i % 5 === 2 ? 9 * SECOND : 0),
        name: userOf(i * 3),
        plan: `plan-${i}`,
      }),
    }),
    { lateness: '20s' },
  ).keyBy('name')
  const windows = clicks.window(hopping('2m', '1m')).aggregate({ clicks: count(), amount: sum('amount') })
  return topology(
    'rescaled',
    windows.to(csvFile('hopping.csv')),
    windows.keyBy('clicks').window(tumbling('5m')).aggregate({ users: count() }).to(csvFile('by-clicks.csv')),
    clicks.joinAsOf(plans, { how: 'left', fields: ['plan'] }).to(csvFile('joined.csv')),
    clicks
      .actor('visits', {
        output: Visit,
        onRow(click, context) {
          const open = context.get<{ clicks: number; until: number }>('visit')
          if (open !== undefined) context.clearTimer(open.until)
          const until = click.at + 20 * SECOND
          context.set('visit', { clicks: (open?.clicks ?? 0) + context.diff, until })
          context.setTimer(until)
        },
        onTimer(at, context) {
          context.emit({
            ended: at,
            user: context.key[0] as string,
            clicks: context.get<{ clicks: number }>('visit')!.clicks,
          })
          context.delete('visit')
        },
      })
      .to(csvFile('visits.csv')),
    windows.output('windows'),
  )
}

export default job()
