/**
 * State and windows far larger than memory: no time passes before the input ends, so that everything is held, and then
 * all of it is due at once. Windows of two days by one over keys of their own, counted again by bucket; and an actor that
 * takes all rows in order of time.
 */
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
import { at, bucket, ITEMS, isOrdered, key, longText, user } from './items.ts'

const Item = schema({ at: eventTime(), n: int(), key: string(), user: string(), value: int() })
const items = source(
  'items',
  Item,
  generator({ rows: ITEMS, row: (n) => ({ at: at(n), n, key: key(n), user: user(n), value: n % 1000 }) }),
  { disorder: '10d' },
)

const windows = items
  .keyBy('key')
  .window(hopping('2d', '1d'))
  .aggregate({ items: count(), total: sum('value') })
  .assign('bucket', int(), ({ key: text }) => bucket(Number(text.slice(text.lastIndexOf('-') + 1))))
  .drop('window_start')
  .keyBy('bucket')
  .window(tumbling('1d'))
  .aggregate({ groups: count(), items: sum('items'), total: sum('total') })

const Seen = schema({ at: eventTime(), user: string(), rows: int(), disordered: int(), length: int() })
const ordered = items
  .filter(({ n }) => isOrdered(n))
  .assign('text', string(), ({ n }) => longText(n))
  .keyBy('user')
  .actor('ordered', {
    output: Seen,
    onRow(row, context) {
      const last = context.get<{ at: number; rows: number; disordered: number; length: number }>('seen')
      const seen = {
        at: row.at,
        rows: (last?.rows ?? 0) + 1,
        disordered: (last?.disordered ?? 0) + (last !== undefined && row.at < last.at ? 1 : 0),
        length: (last?.length ?? 0) + row.text.length,
      }
      context.set('seen', seen)
      context.emit({ user: context.key[0] as string, ...seen })
    },
  })

export default topology(
  'state',
  windows.to(csvFile('windows.csv')),
  ordered
    .keyBy('user')
    .window(tumbling('100d'))
    .aggregate({ seen: count(), rows: sum('rows'), disordered: sum('disordered'), length: sum('length') })
    .to(csvFile('ordered.csv')),
)
