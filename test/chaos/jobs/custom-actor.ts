/** Sessions by an actor with state and timers: a visit ends when its user has not clicked for 30 s. */
import { csvFile, eventTime, int, schema, string, topology } from 'umbel'
import { clicks } from './clicks.ts'
import { mischief } from './mischief.ts'

const Visit = schema({ ended: eventTime(), user: string(), clicks: int(), amount: int() })
const GAP = 30_000_000

export default topology(
  'custom-actor',
  clicks()
    .keyBy('user')
    .actor('visits', {
      output: Visit,
      onRow({ at, amount }, context) {
        mischief()
        const open = context.get<{ clicks: number; amount: number; until: number }>('open')
        if (open !== undefined) context.clearTimer(open.until)
        const until = at + GAP
        context.set('open', { clicks: (open?.clicks ?? 0) + 1, amount: (open?.amount ?? 0) + amount, until })
        context.setTimer(until)
      },
      onTimer(ended, context) {
        const open = context.get<{ clicks: number; amount: number }>('open')!
        context.delete('open')
        context.emit({ ended, user: context.key[0] as string, clicks: open.clicks, amount: open.amount })
      },
    })
    .to(csvFile('visits.csv')),
)
