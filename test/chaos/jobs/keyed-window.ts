/** Counts and sums by user over windows, one of them eager, with late rows that correct what was said: merged files. */
import { count, csvFile, hopping, sum, topology, tumbling } from 'umbel'
import { clicks } from './clicks.ts'

const byUser = clicks('30s').keyBy('user')

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
