import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { AsOfJoin, type AsOfJoinPlan } from '../../../src/operators/as-of-join.ts'
import { eventTime, type Fields, int, makeSchema, optional, schema, string } from '../../../src/records/schema.ts'
import type { KeyedTable } from '../../../src/storage/table.ts'
import { asOfJoin } from '../../oracle/as-of.ts'
import {
  anySchema,
  batchOf,
  LIMITS,
  linesOf,
  linesOfRows,
  originOf,
  Recorder,
  rowsOf,
  runs,
  type Update,
} from './support.ts'

const END = Number.POSITIVE_INFINITY
const Left = schema({ at: eventTime(), key: optional(string()), part: optional(int()), id: int() })
const Right = schema({
  since: eventTime(),
  code: optional(string()),
  area: optional(int()),
  name: optional(string()),
  size: int(),
})

const left = (at: number, key: string | null, id = 0, part: number | null = 1) => ({ at, key, part, id })
const right = (since: number, code: string | null, name: string | null, area: number | null = 1) => ({
  ...{ since, code, area, name },
  size: since,
})

interface JoinBounds {
  left?: number
  right?: number
  isTable?: boolean
  retracts?: boolean
  older?: number
  newer?: number
}

function planOf(how: 'inner' | 'left', keys = 1, bounds: JoinBounds = {}): AsOfJoinPlan {
  const fields = ['name', 'size']
  const added: Fields = {}
  for (const name of fields) {
    const type = anySchema(Right).fields[name]!
    added[name] = { ...type, nullable: how === 'left' || type.nullable }
  }
  return {
    left: anySchema(Left),
    right: anySchema(Right),
    output: makeSchema({ ...Left.fields, ...added }),
    leftKeys: ['key', 'part'].slice(0, keys),
    rightKeys: ['code', 'area'].slice(0, keys),
    fields,
    how,
    leftBound: bounds.left ?? 0,
    rightBound: bounds.right ?? 0,
    isTable: bounds.isTable ?? false,
    retracts: bounds.retracts ?? false,
    older: bounds.older ?? Number.POSITIVE_INFINITY,
    newer: bounds.newer ?? 0,
  }
}

const joined = (...args: Parameters<typeof planOf>) => {
  const plan = planOf(...args)
  return new Recorder((context) => new AsOfJoin(plan, context), 2)
}
const version = (row: ReturnType<typeof right>, head = 0, diff = 1): Update => ({ row, diff, origin: originOf(head) })
const versions = (...updates: Update[]) => batchOf(Right, updates)
/** `id:name:size` of each update. */
const brief = (run: Recorder, from = 0): string[] =>
  run.emitted
    .slice(from)
    .flatMap((batch) =>
      batch.rows().map((row, i) => `${batch.diff(i) > 0 ? '+' : '-'}${row.id}:${row.name}:${row.size}`),
    )

t.test('a left row waits for the watermark of the table, and gets the version that held at its time', async (t) => {
  const run = joined('left')
  run.push(rowsOf(Left, left(10, 'a', 1), left(20, 'a', 2), left(4, 'a', 3)))
  run.advance([END, 10])
  t.strictSame(brief(run), ['+3:null:null'])
  await run.reopen()
  run.push(versions(version(right(10, 'a', 'ten')), version(right(20, 'a', 'twenty'))), 1)
  run.advance([END, 20])
  t.strictSame(brief(run, 1), ['+1:ten:10'])
  run.advance([END, END])
  t.strictSame(brief(run, 2), ['+2:twenty:20'])
  run.push(rowsOf(Left, left(15, 'a', 4)))
  t.strictSame(brief(run, 3), ['+4:ten:10'], 'behind the watermark of the table a row is answered at once')
  t.end()
})

t.test('the budget ends between held batches, and the rest comes later', (t) => {
  const run = joined('left')
  for (const id of [1, 2, 3]) run.push(rowsOf(Left, left(id, 'a', id)))
  t.equal(run.step([END, END], 1), false)
  t.strictSame(brief(run), ['+1:null:null'])
  t.equal(run.step([END, END], 1), false)
  t.equal(run.step([END, END], 1), true)
  t.strictSame(brief(run), ['+1:null:null', '+2:null:null', '+3:null:null'])
  t.end()
})

t.test('inner drops what matches nothing, left keeps it with nulls', (t) => {
  for (const how of ['inner', 'left'] as const) {
    const run = joined(how)
    run.push(versions(version(right(5, 'a', 'five'))), 1)
    run.push(rowsOf(Left, left(4, 'a', 1), left(5, 'a', 2), left(9, 'b', 3)))
    run.advance([END, END])
    t.strictSame(brief(run), how === 'inner' ? ['+2:five:5'] : ['+1:null:null', '+2:five:5', '+3:null:null'])
  }
  t.end()
})

t.test('null keys match nothing, not even null', async (t) => {
  for (const keys of [1, 2]) {
    const run = joined('left', keys)
    run.push(
      versions(version(right(1, null, 'x')), version(right(1, 'a', 'y', null), 1), version(right(1, 'a', 'z', 7), 2)),
      1,
    )
    await run.reopen()
    run.push(rowsOf(Left, left(5, null, 1), left(5, null, 2, null), left(5, 'a', 3, null), left(5, 'a', 4, 7)))
    run.advance([END, END])
    const found = keys === 1 ? ['+3:z:1', '+4:z:1'] : ['+3:null:null', '+4:z:1']
    t.strictSame(brief(run).sort(), ['+1:null:null', '+2:null:null', ...found].sort())
  }
})

t.test('of versions of equal time the highest origin wins, in whatever order they came', async (t) => {
  const all = [
    version(right(5, 'a', 'first'), 1),
    version(right(5, 'a', 'last'), 200),
    version(right(5, 'a', 'middle'), 30),
  ]
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
    [1, 2, 0],
  ]) {
    const run = joined('left')
    for (const nth of order) {
      run.push(versions(all[nth]!), 1)
      await run.reopen()
    }
    run.push(rowsOf(Left, left(5, 'a', 1)))
    run.advance([END, END])
    t.strictSame(brief(run), ['+1:last:5'])
  }
})

t.test('a version that comes late takes back the answers that it changes, and no others stay changed', async (t) => {
  for (const flush of [false, true]) {
    const run = joined('left', 1, { right: 10 })
    run.push(versions(version(right(1, 'a', 'one')), version(right(8, 'a', 'eight')), version(right(1, 'b', 'b'))), 1)
    run.push(rowsOf(Left, left(4, 'a', 1), left(6, 'a', 2), left(9, 'a', 3), left(6, 'b', 4)))
    run.advance([12, 12])
    if (flush) await run.reopen()
    const before = run.emitted.length
    run.push(versions(version(right(5, 'a', 'five'))), 1)
    const updates = brief(run, before)
    t.ok(updates.includes('-2:one:1') && updates.includes('+2:five:5'))
    t.notOk(
      updates.some((update) => /^[+-][14]/.test(update)),
      'what is older, or of another key, is left alone',
    )
    const names = linesOf(run.emitted).map((line) => line.replace(/.*id=(\d+) name=(\w+).*/, '$1 $2'))
    t.strictSame(names.sort(), ['1 one', '2 five', '3 eight', '4 b'])
  }
})

t.test('a version that is taken back uncovers the one before', async (t) => {
  const run = joined('left', 1, { right: 20, retracts: true })
  run.push(versions(version(right(1, 'a', 'one'), 1), version(right(5, 'a', 'five'), 2)), 1)
  run.push(rowsOf(Left, left(6, 'a', 1)))
  run.advance([12, 12])
  await run.reopen()
  run.push(versions(version(right(5, 'a', 'five'), 2, -1)), 1)
  t.strictSame(linesOf(run.emitted), ['at=6 key=a part=1 id=1 name=one size=1'])
  run.push(versions(version(right(1, 'a', 'one'), 1, -1), version(right(1, 'a', 'uno'), 1)), 1)
  t.strictSame(linesOf(run.emitted), ['at=6 key=a part=1 id=1 name=uno size=1'])
  run.push(versions(version(right(1, 'a', 'uno'), 1, -1)), 1)
  t.strictSame(linesOf(run.emitted), ['at=6 key=a part=1 id=1 name=null size=null'])
})

t.test('a left row that is taken back is answered as it was', (t) => {
  const run = joined('left', 1, { left: 10, right: 10 })
  run.push(versions(version(right(1, 'a', 'one'))), 1)
  run.push(rowsOf(Left, left(6, 'a', 1), left(6, 'a', 2)))
  run.advance([12, 12])
  run.push(batchOf(Left, [{ row: left(6, 'a', 1), diff: -1 }]))
  run.push(versions(version(right(5, 'a', 'five'), 1)), 1)
  t.strictSame(linesOf(run.emitted), ['at=6 key=a part=1 id=2 name=five size=5'])
  t.end()
})

t.test('origins of the left rows go on to the output, also through holding and corrections', async (t) => {
  const run = joined('left', 1, { right: 10 })
  run.push(batchOf(Left, [{ row: left(6, 'a', 1), origin: originOf(9, 3) }]))
  await run.reopen()
  run.advance([12, 12])
  run.push(versions(version(right(5, 'a', 'five'))), 1)
  t.equal(run.emitted.length, 3)
  for (const { origins } of run.emitted) t.strictSame([origins!.heads[0]![1], origins!.seq[0]], [9, 3])
})

t.test('pruning drops what no look-up can find, and keeps what one can', async (t) => {
  const plan = planOf('left', 1, { left: 5, retracts: true })
  let stored!: KeyedTable
  const run = new Recorder((context) => {
    stored = context.table('right')
    return new AsOfJoin(plan, context)
  }, 2)
  for (const since of [1, 2, 3, 4]) run.push(versions(version(right(since, 'a', `v${since}`))), 1)
  run.advance([8, 8])
  // 3 is the oldest time that a left row may have now: v3 answers it; v2 would, if v3 were taken back; v1 is gone.
  run.push(versions(version(right(9, 'a', 'v9'))), 1)
  await run.reopen()
  t.equal([...stored.range()].length, 4)
  run.push(rowsOf(Left, left(3, 'a', 1), left(7, 'a', 2)))
  t.strictSame(brief(run), ['+1:v3:3', '+2:v4:4'])
})

t.test('pruning keeps the version before one that may still be taken back', (t) => {
  const run = joined('left', 1, { retracts: true })
  run.push(versions(version(right(5, 'a', 'five'))), 1)
  run.push(versions(version(right(10, 'a', 'ten'), 1)), 1)
  run.advance([10, 10])
  run.push(versions(version(right(12, 'a', 'twelve'), 2)), 1)
  // At the watermark itself rows may still come, and be taken back.
  run.push(versions(version(right(10, 'a', 'ten'), 1, -1)), 1)
  run.push(rowsOf(Left, left(10, 'a', 1)))
  run.advance([END, END])
  t.strictSame(brief(run), ['+1:five:5'])
  t.end()
})

const time = fc.integer({ min: 0, max: 25 })
const keyOf = fc.record({ key: fc.constantFrom('a', 'b', 'a\0', null), part: fc.constantFrom(1, 2, null) })
const action = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('left' as const),
      rows: fc.array(fc.tuple(time, keyOf), { minLength: 1, maxLength: 5 }),
      back: fc.array(fc.nat(), { maxLength: 2 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('right' as const),
      rows: fc.array(fc.tuple(time, keyOf, fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      back: fc.array(fc.nat(), { maxLength: 2 }),
      change: fc.array(fc.nat(), { maxLength: 2 }),
      ends: fc.array(fc.tuple(fc.nat(), fc.nat(9)), { maxLength: 2 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      by: fc.tuple(fc.nat(8), fc.nat(8)),
      budget: fc.integer({ min: 1, max: 4 }),
      isWhole: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('flush' as const, 'reopen' as const),
      store: fc.constantFrom('now' as const, 'later' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
)
const setup = fc.record({
  how: fc.constantFrom('inner' as const, 'left' as const),
  keys: fc.constantFrom(1, 2),
  leftBound: fc.constantFrom(0, 4, 15),
  rightBound: fc.constantFrom(0, 4, 15),
  side: fc.constantFrom('stream' as const, 'retracting' as const, 'table' as const),
  older: fc.constantFrom(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 5),
  newer: fc.constantFrom(0, 0, 3),
})
interface RightVersion {
  row: ReturnType<typeof right>
  origin: Uint8Array
  until?: number
}

t.test('random histories come to what brute force says', async () => {
  await fc.assert(
    fc.asyncProperty(
      setup,
      fc.array(action, { maxLength: 40 }),
      async ({ how, keys, leftBound, rightBound, side, older, newer }, actions) => {
        const [isTable, retracts] = [side === 'table', side !== 'stream']
        const plan = planOf(how, keys, { left: leftBound, right: rightBound, isTable, retracts, older, newer })
        const run = new Recorder((context) => new AsOfJoin(plan, context), 2)
        let [leftMark, rightMark] = [-20, -20]
        let lefts: { row: ReturnType<typeof left>; origin: Uint8Array }[] = []
        let rights: RightVersion[] = []
        let id = 0
        for (const act of actions) {
          if (act.kind === 'left') {
            const open = lefts.filter(({ row }) => row.at >= leftMark - leftBound)
            const taken = [...new Set(act.back.flatMap((nth) => open[nth % open.length] ?? []))]
            const added = act.rows.map(([ahead, { key, part }]) => ({
              row: left(leftMark - leftBound + ahead, key, ++id, part),
              origin: originOf(id % 256, id >> 8),
            }))
            lefts = [...lefts.filter((one) => !taken.includes(one)), ...added]
            run.push(batchOf(Left, [...taken.map((one) => ({ ...one, diff: -1 })), ...added]))
          } else if (act.kind === 'right') {
            const isOpen = ({ row, until }: RightVersion) =>
              retracts && until === undefined && row.since >= rightMark - rightBound
            const open = rights.filter(isOpen)
            const taken = [...new Set(act.back.flatMap((nth) => open[nth % open.length] ?? []))]
            const changed = [...new Set(act.change.flatMap((nth) => open[nth % open.length] ?? []))].filter(
              (one) => !taken.includes(one),
            )
            const added = act.rows.map(([ahead, { key, part }, head]) => ({
              row: right(rightMark - rightBound + ahead, key, `v${++id}`, part),
              origin: originOf(head, id),
            }))
            const ended = (isTable ? act.ends : []).flatMap(([nth, later]) => {
              const alive = rights.filter(
                (one) => one.until === undefined && !taken.includes(one) && !changed.includes(one),
              )
              const one = alive[nth % alive.length]
              if (one === undefined) return []
              one.until = Math.max(one.row.since, rightMark - rightBound) + later
              return [{ row: { ...one.row, since: one.until }, origin: one.origin, diff: -1 }]
            })
            const anew = changed.map(({ row, origin }) => ({ row: { ...row, name: `v${++id}` }, origin }))
            const gone = [...taken, ...changed]
            rights = [...rights.filter((one) => !gone.includes(one)), ...anew, ...added]
            run.push(
              batchOf(Right, [
                ...taken.map((one) => ({ ...one, diff: -1 })),
                ...changed.flatMap((one, i) => [{ ...one, diff: -1 }, anew[i]!]),
                ...ended,
                ...added,
              ]),
              1,
            )
          } else if (act.kind === 'advance') {
            leftMark += act.by[0]
            rightMark += act.by[1]
            if (act.isWhole) run.advance([leftMark, rightMark], act.budget)
            else run.step([leftMark, rightMark], act.budget)
          } else if (act.kind === 'crash') await run.crash()
          else await run[act.kind](act.store)
        }
        run.advance([END, END], 3)
        const expected = asOfJoin(
          lefts.map(({ row }) => row),
          rights,
          {
            ...{ leftTime: 'at', rightTime: 'since', how, older, newer, isTable },
            ...{ leftKeys: plan.leftKeys, rightKeys: plan.rightKeys, fields: plan.fields },
          },
        )
        deepStrictEqual(linesOf(run.emitted), linesOfRows(plan.output, expected))
      },
    ),
    { numRuns: runs(500) },
  )
})

t.test('answers pause at bytes: those that do not fit wait, in whatever order rows and versions come', async (t) => {
  const name = 'n'.repeat(1000)
  const rowsIn = (run: Recorder, from: number) => run.emitted.slice(from).reduce((sum, { length }) => sum + length, 0)
  const ids = Array.from({ length: 50 }, (_, id) => left(5, 'a', id))
  const plan = planOf('left')
  const limits = { ...LIMITS, outboxBytesMax: 10_000 }
  for (const isTableFirst of [true, false]) {
    const run = new Recorder((context) => new AsOfJoin(plan, context), 2, undefined, limits)
    if (isTableFirst) {
      run.push(versions(version(right(1, 'a', name))), 1)
      run.step([0, 100], 1000)
    }
    run.push(rowsOf(Left, ...ids))
    if (!isTableFirst) run.push(versions(version(right(1, 'a', name))), 1)
    t.ok(rowsIn(run, 0) <= 10, 'at once')
    let calls = 0
    for (let isDone = false; !isDone; calls++) {
      const before = run.emitted.length
      isDone = run.step([100, 100], 1000, 10_000)
      t.ok(rowsIn(run, before) <= 10)
    }
    t.ok(calls >= 4)
    t.strictSame(brief(run).sort(), ids.map(({ id }) => `+${id}:${name}:1`).sort())
    await run.reopen()
    await run.crash()
  }
})

t.test('versions that are kept in memory are bounded by their bytes', async (t) => {
  const plan = planOf('left', 1, { retracts: true })
  const run = new Recorder((context) => new AsOfJoin(plan, context), 2, undefined, { ...LIMITS, cacheBytesMax: 20_000 })
  const keys = Array.from({ length: 100 }, (_, i) => `k${i}`)
  run.push(versions(...keys.map((key, i) => version(right(1, key, 'n'.repeat(1000)), i))), 1)
  run.step([0, 100], 1000)
  await run.flush()
  run.push(rowsOf(Left, ...keys.map((key, id) => left(5, key, id))))
  run.advance([100, 100], 1000)
  t.ok(run.operator.memoryBytes!() < 40_000, `${run.operator.memoryBytes!()} bytes`)
  t.equal(brief(run).length, 100)
})
