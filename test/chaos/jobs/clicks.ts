/** Clicks of users who have plans, some of them late: rows that follow from their number. */
import { type Duration, eventTime, generator, int, schema, source, string } from 'umbel'
import { mischief } from './mischief.ts'

export const Click = schema({ at: eventTime(), user: string(), amount: int() })
export const User = schema({ since: eventTime(), name: string(), plan: string() })

const SECOND = 1_000_000
const ROWS = Number(process.env.CHAOS_ROWS ?? 60_000)
const USERS = 997

/** Every seventh row is up to 20 s late, where `lateness` allows it: taken as a correction. */
export const clicks = (lateness: Duration = 0) =>
  source(
    'clicks',
    Click,
    generator({
      rows: ROWS,
      splits: 2,
      row: (index) => ({
        at: Math.floor(index / 50) * SECOND - (lateness !== 0 && index % 7 === 3 ? (index % 21) * SECOND : 0),
        user: `user-${(index * 7919) % USERS}`,
        amount: (index * 31) % 1000,
      }),
    }),
    { lateness },
  ).filter(() => {
    mischief()
    return true
  })

/** Each user begins with a plan, and changes it in the middle. */
export const users = () =>
  source(
    'users',
    User,
    generator({
      rows: 2 * USERS,
      row: (index) => ({
        since: index < USERS ? 0 : Math.floor(ROWS / 100) * SECOND + index,
        name: `user-${index % USERS}`,
        plan: `plan-${index % 5}`,
      }),
    }),
  )
