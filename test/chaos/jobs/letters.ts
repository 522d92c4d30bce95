/**
 * Rows of every sort that becomes a dead letter. In the source some throw and one ends its worker, until a file says that
 * what they ask is mended; and some throw for ever. Behind it an actor throws on amounts below zero, which can be retried with
 * others in their place. Three quarters through, the input waits for a file, so that letters can still be taken.
 */
import fs from 'node:fs'
import {
  count,
  csvFile,
  eventTime,
  generator,
  int,
  type SourceConnector,
  schema,
  source,
  string,
  sum,
  topology,
} from 'umbel'
import { mischief } from './mischief.ts'

/** The file is `<this>.mended`, then `<this>.released`; without it every row is fine that can be. */
const FILE = process.env.UMBEL_LETTERS
const ROWS = 40_000
const KILLS = 12_345
const HELD_FROM = 0.75

const Row = schema({ at: eventTime(), id: int(), user: string(), amount: int() })

const rows = generator({
  rows: ROWS,
  splits: 2,
  row: (id) => {
    const amount = 1 + (id % 1000)
    return {
      at: Math.floor(id / 50) * 1_000_000,
      id,
      user: `user-${(id * 7919) % 97}`,
      amount: FILE !== undefined && id % 5003 === 11 ? -amount : amount,
    }
  },
})

const is = (what: string): boolean => FILE === undefined || fs.existsSync(`${FILE}.${what}`)

const held: SourceConnector = {
  ...rows,
  async open(context, split, position) {
    const reader = await rows.open(context, split, position)
    const isFree = () => reader.progress!() < HELD_FROM || is('released')
    return {
      read: async (rowsMax, bytesMax) => (isFree() ? reader.read(Math.min(rowsMax, 500), bytesMax) : 'wait'),
      position: () => reader.position(),
      progress: () => reader.progress!(),
      close: () => reader.close(),
    }
  },
}

/** A source is never replayed: what it is given may depend on more than the row. */
function ask(id: number): boolean {
  mischief()
  if (id % 9001 === 13) throw new Error('never')
  if (id % 4001 === 7 && !is('mended')) throw new Error('not mended')
  if (id === KILLS && !is('mended')) process.exit(7)
  return true
}

const taken = source('rows', Row, held, { lateness: '2h' })
  .filter(({ id }) => ask(id))
  .keyBy('user')
  .actor('taking', {
    output: Row,
    order: 'arrival',
    onRow({ at, id, user, amount }, context) {
      mischief()
      context.set('rows', (context.get<number>('rows') ?? 0) + 1)
      if (amount < 0) throw new Error('below zero')
      context.emit({ at, id, user, amount })
    },
  })

export default topology(
  'letters',
  { onError: 'dead-letter' },
  taken.to(csvFile('taken.csv', { columns: ['id', 'user', 'amount'] })),
  taken
    .keyBy('user')
    .aggregate({ rows: count(), amount: sum('amount') })
    .to(csvFile('totals.csv', { columns: ['user', 'rows', 'amount'] })),
)
