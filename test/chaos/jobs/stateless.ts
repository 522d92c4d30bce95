/** Rows that are filtered and changed, one by one. */
import { csvFile, int, topology } from 'umbel'
import { clicks } from './clicks.ts'

export default topology(
  'stateless',
  clicks('30s')
    .filter(({ amount }) => amount % 3 !== 0)
    .assign('double', int(), ({ amount }) => amount * 2)
    .to(csvFile('clicks.csv')),
)
