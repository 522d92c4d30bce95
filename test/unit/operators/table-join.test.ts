import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { TableJoinKind } from '../../../src/operators/table-join/join-delta.ts'
import { TableJoin } from '../../../src/operators/table-join/table-join.ts'
import { NO_GUARD } from '../../../src/operators/user-code.ts'
import type { Emission } from '../../../src/operators/window.ts'
import { consolidate } from '../../../src/records/consolidate.ts'
import {
  eventTime,
  type Fields,
  int,
  makeSchema,
  optional,
  type Schema,
  schema,
  string,
} from '../../../src/records/schema.ts'
import { tableJoinOf } from '../../oracle/table-join.ts'
import { anySchema, batchOf, LIMITS, linesOf, originOf, passing, Recorder, runs, updatesOf } from './support.ts'

const Left = schema({ at: eventTime(), key: optional(string()), name: string() })
const Right = schema({ since: eventTime(), id: optional(string()), number: int() })
const left = (at: number, name: string, diff = 1, key: string | null = 'k') => ({
  ...{ row: { at, key, name }, diff, origin: originOf(1, at) },
})
const right = (since: number, number: number, diff = 1, id: string | null = 'k') => ({
  ...{ row: { since, id, number }, diff, origin: originOf(2, since) },
})

function outputOf(how: TableJoinKind): Schema {
  const fields: Fields = how === 'semi' || how === 'anti' ? {} : { number: optional(int()) }
  return makeSchema({ ...Left.fields, name: how === 'full' ? optional(string()) : string(), ...fields })
}

function joined(how: TableJoinKind, bound = 0, emit: Emission = 'eager', limits = LIMITS): Recorder {
  const output = outputOf(how)
  const plan = {
    ...{ left: anySchema(Left), right: anySchema(Right), leftKeys: ['key'], rightKeys: ['id'] },
    ...{ output, fields: output.names.filter((name) => name === 'number'), how },
    ...{ emit, bound, origin: null },
  }
  return new Recorder((context) => new TableJoin(plan, context), 2, NO_GUARD, limits)
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

t.test('with final nothing is said before the watermark has passed it, and then once', (t) => {
  const run = joined('left', 0, 'final')
  run.push(batchOf(Left, [left(3, 'A')]), 0)
  run.push(batchOf(Left, [left(5, 'A', -1)]), 0)
  run.advance([3, 3])
  t.strictSame(updatesOf(run.emitted), [])
  run.push(batchOf(Right, [right(3, 7)]), 1)
  run.advance([4, 9])
  t.strictSame(updatesOf(run.emitted), ['+ at=3 key=k name=A number=7'])
  run.advance([9, 9])
  t.strictSame(updatesOf(run.emitted).slice(1), ['- at=5 key=k name=A number=7'])
  t.end()
})

t.test('what is taken back again leaves the store', async (t) => {
  const run = joined('inner')
  for (let n = 0; n < 400; n++) {
    run.push(batchOf(Left, [left(2 * n, `${n}`), left(2 * n + 1, `${n}`, -1)]), 0)
    run.advance([2 * n + 2, 2 * n + 2])
    await run.reopen()
  }
  const bytes = run.keysOf('blocks').reduce((sum, key) => sum + run.table('blocks').get(key)!.length, 0)
  t.ok(bytes < 4000, `${bytes} bytes are left of 400 rows that came and went`)
})

const row = fc.record({
  isLeft: fc.boolean(),
  key: fc.constantFrom('k', 'k', 'k', 'k', 'j', null),
  what: fc.oneof(fc.nat(30), fc.constant(-0)),
  at: fc.integer({ min: -20, max: 30 }),
})
const action = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('push' as const), rows: fc.array(row, { maxLength: 8 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('take back' as const),
      which: fc.array(fc.record({ which: fc.nat(), after: fc.nat(4) }), { maxLength: 10 }),
    }),
  },
  ...passing,
)

t.test('random histories come to what brute force says', async () => {
  const setup = fc.record({
    how: fc.constantFrom<TableJoinKind>('inner', 'left', 'full', 'semi', 'anti'),
    bound: fc.constantFrom(0, 5, 40),
    emit: fc.constantFrom<Emission>('eager', 'final'),
    // How many different rows there are.
    kinds: fc.constantFrom(1, 3, 31),
    limits: fc.constantFrom(LIMITS, { ...LIMITS, cacheBytesMax: 1 << 22 }),
  })
  await fc.assert(
    fc.asyncProperty(setup, fc.array(action, { maxLength: 60, size: 'max' }), async (given, actions) => {
      const { how, bound, emit, kinds, limits } = given
      const run = joined(how, bound, emit, limits)
      let watermark = -20
      type Held = { isLeft: boolean; key: string | null; what: number; at: number }
      const held: Held[] = []
      const updates: { isLeft: boolean; row: Record<string, unknown>; diff: number; origin: Uint8Array }[] = []
      const push = (all: readonly Held[], diff: number) => {
        for (const isLeft of [true, false]) {
          const batch = all
            .filter((one) => one.isLeft === isLeft)
            .map(({ at, what, key }) => (isLeft ? left(at, `${what}`, diff, key) : right(at, what, diff, key)))
          updates.push(...batch.map((one) => ({ isLeft, ...one })))
          if (batch.length > 0) run.push(batchOf((isLeft ? Left : Right) as never, batch), isLeft ? 0 : 1)
        }
      }
      const check = () => {
        const of = (isLeft: boolean) => updates.filter((one) => one.isLeft === isLeft)
        const expected = tableJoinOf(of(true), of(false), {
          ...{ leftTime: 'at', rightTime: 'since', leftKeys: ['key'], rightKeys: ['id'], plain: ['name'] },
          ...{ fields: outputOf(how).names.filter((name) => name === 'number'), how },
        })
        deepStrictEqual(linesOf(run.emitted), linesOf([batchOf(outputOf(how) as never, expected as never)]))
      }
      for (const act of actions) {
        if (act.kind === 'push') {
          const rows = act.rows.map((one) => ({
            ...one,
            what: one.what % kinds,
            at: Math.max(one.at, watermark - bound),
          }))
          held.push(...rows)
          push(rows, 1)
        } else if (act.kind === 'take back') {
          const gone = act.which.flatMap(({ which, after }) => {
            if (held.length === 0) return []
            const [one] = held.splice(which % held.length, 1)
            return [{ ...one!, at: Math.max(one!.at + after, watermark - bound) }]
          })
          push(gone, -1)
        } else if (act.kind === 'advance') {
          watermark += act.by
          const before = run.emitted.length
          run.advance([watermark, watermark + 3])
          if (emit === 'final') continue
          check()
          const said = run.emitted.slice(before)
          const left = consolidate(said).reduce((sum, { diff }) => sum + Math.abs(diff), 0)
          deepStrictEqual(updatesOf(said).length, left, 'nothing is said and taken back in one epoch')
        } else if (act.kind === 'flush') await run.flush(act.store)
        else if (act.kind === 'reopen') await run.reopen(act.store)
        else await run.crash()
      }
      run.advance([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
      check()
    }),
    { numRuns: runs(200) },
  )
})
