import t from 'tap'
import { TableJoin, type TableJoinKind } from '../../../src/operators/table-join.ts'
import { consolidate } from '../../../src/records/consolidate.ts'
import { eventTime, type Fields, int, makeSchema, optional, schema, string } from '../../../src/records/schema.ts'
import { anySchema, batchOf, originOf, Recorder, updatesOf } from './support.ts'

const Left = schema({ at: eventTime(), key: optional(string()), name: string() })
const Right = schema({ since: eventTime(), id: optional(string()), number: int() })
const left = (at: number, name: string, diff = 1, key: string | null = 'k') => ({
  ...{ row: { at, key, name }, diff, origin: originOf(1, at) },
})
const right = (since: number, number: number, diff = 1, id: string | null = 'k') => ({
  ...{ row: { since, id, number }, diff, origin: originOf(2, since) },
})

function joined(how: TableJoinKind, bound = 0): Recorder {
  const fields: Fields = how === 'semi' || how === 'anti' ? {} : { number: optional(int()) }
  const name = how === 'full' ? optional(string()) : string()
  const plan = {
    ...{ left: anySchema(Left), right: anySchema(Right), leftKeys: ['key'], rightKeys: ['id'] },
    ...{ output: makeSchema({ ...Left.fields, name, ...fields }), fields: Object.keys(fields), how },
    ...{ emit: 'eager' as const, bound, origin: null },
  }
  return new Recorder((context) => new TableJoin(plan, context), 2)
}

/** Rows with the spans of time in which they hold, in the end. */
function spans(run: Recorder): string[] {
  const open = new Map<string, unknown>()
  const all = consolidate(run.emitted).toSorted(
    (a, b) => (a.row.at as number) - (b.row.at as number) || a.diff - b.diff,
  )
  const closed = all.flatMap(({ row, diff }) => {
    const text = [row.name, ...('number' in row ? [row.number] : [])].join(' ')
    const since = open.get(text)
    if (diff > 0) open.set(text, row.at)
    else open.delete(text)
    return diff > 0 ? [] : [[since, `${text} [${since},${row.at})`] as const]
  })
  const rest = [...open].map(([text, at]) => [at, `${text} [${at},)`] as const)
  return [...closed, ...rest].toSorted(([a], [b]) => Number(a) - Number(b)).map(([, text]) => text)
}

const LEFT = [left(1, 'A'), left(4, 'A', -1), left(6, 'B'), left(9, 'B', -1), left(10, 'C')]
const RIGHT = [right(2, 1), right(3, 1, -1), right(5, 2), right(7, 2, -1), right(8, 3), right(11, 3, -1)]

t.test('rows hold where spans of both sides overlap, and left ones alone in the gaps', async (t) => {
  const wanted = {
    inner: ['A 1 [2,3)', 'B 2 [6,7)', 'B 3 [8,9)', 'C 3 [10,11)'],
    left: [...['A  [1,2)', 'A 1 [2,3)', 'A  [3,4)', 'B 2 [6,7)', 'B  [7,8)', 'B 3 [8,9)', 'C 3 [10,11)', 'C  [11,)']],
    full: [
      ...['A  [1,2)', 'A 1 [2,3)', 'A  [3,4)', ' 2 [5,6)', 'B 2 [6,7)', 'B  [7,8)', 'B 3 [8,9)', ' 3 [9,10)'],
      ...['C 3 [10,11)', 'C  [11,)'],
    ],
    semi: ['A [2,3)', 'B [6,7)', 'B [8,9)', 'C [10,11)'],
    anti: ['A [1,2)', 'A [3,4)', 'B [7,8)', 'C [11,)'],
  } as const
  for (const [how, expected] of Object.entries(wanted)) {
    for (const isRightFirst of [false, true]) {
      const run = joined(how as TableJoinKind, 100)
      if (isRightFirst) run.push(batchOf(Right, RIGHT), 1)
      run.advance([5, 5])
      for (const one of LEFT.toReversed()) {
        run.push(batchOf(Left, [one]), 0)
        run.advance([5, 5])
      }
      await run.reopen()
      if (!isRightFirst) run.push(batchOf(Right, RIGHT), 1)
      run.advance([20, 20])
      t.strictSame(spans(run), expected, `${how}, ${isRightFirst ? 'right' : 'left'} side first`)
    }
  }
})

t.test('a key with a null matches nothing', (t) => {
  const run = joined('full')
  run.push(batchOf(Left, [left(1, 'A', 1, null)]), 0)
  run.push(batchOf(Right, [right(1, 7, 1, null)]), 1)
  run.advance([2, 2])
  t.strictSame(updatesOf(run.emitted).toSorted(), [
    '+ at=1 key=null name=A number=null',
    '+ at=1 key=null name=null number=7',
  ])
  t.end()
})
