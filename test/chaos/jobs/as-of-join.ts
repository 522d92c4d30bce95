/** Clicks with the plan that their user had then, counted by plan and minute. */
import { count, csvFile, topology, tumbling } from 'umbel'
import { clicks, users } from './clicks.ts'

const joined = clicks('30s')
  .keyBy('user')
  .joinAsOf(users().keyBy('name'), { how: 'left', fields: ['plan'] })

export default topology(
  'as-of-join',
  joined.to(csvFile('joined.csv')),
  joined.keyBy('plan').window(tumbling('1m')).aggregate({ clicks: count() }).to(csvFile('plans.csv')),
)
