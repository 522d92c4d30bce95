/**
 * Rows of 20 to 100 KB through a hop, an actor with state, windows whose keys they are, a join with versions as wide, and
 * sinks of both sorts: one that only grows, one that is merged since rows are taken back.
 */
import {
  count,
  csvFile,
  eventTime,
  generator,
  int,
  jsonLinesFile,
  schema,
  source,
  string,
  topology,
  tumbling,
} from 'umbel'
import { ITEMS, NARROW, wideText } from './items.ts'

const Item = schema({ at: eventTime(), n: int(), name: string(), text: string() })
const rows = { rows: ITEMS, row: (n: number) => ({ at: n * 1000, n, name: `n${n}`, text: wideText(n) }) }
const items = source('items', Item, generator(rows))
const Narrow = schema({ at: eventTime(), n: int(), other: string() })
const narrow = source(
  'narrow',
  Narrow,
  generator({
    rows: ITEMS * NARROW,
    row: (n) => ({ at: Math.floor(n / NARROW) * 1000 + 500, n, other: `n${Math.floor(n / NARROW)}` }),
  }),
)

const Kept = schema({ at: eventTime(), n: int(), text: string() })
const kept = items.keyBy('name').actor('kept', {
  output: Kept,
  onRow({ at, n, text }, context) {
    context.set('text', text)
    context.emit({ at, n, text: context.get<string>('text')! })
  },
})
const joined = narrow
  .keyBy('other')
  .joinAsOf(items.keyBy('name'), { how: 'inner', fields: ['text'] })
  .assign('length', int(), ({ text }) => text.length)

export default topology(
  'wide',
  kept.to(jsonLinesFile('kept.jsonl', { columns: ['n', 'text'] })),
  items
    .keyBy('text')
    .window(tumbling('1h'), { emit: 'eager' })
    .aggregate({ rows: count() })
    .to(jsonLinesFile('texts.jsonl', { columns: ['text', 'rows'] })),
  joined.to(csvFile('joined.csv', { columns: ['n', 'length'] })),
)
