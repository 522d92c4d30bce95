import t from 'tap'
import { userError } from '../../../src/base/errors.ts'
import { Assign, DropNull, FillNull, Filter, Project, Union } from '../../../src/operators/stateless.ts'
import { withOperator } from '../../../src/operators/user-code.ts'
import type { Batch } from '../../../src/records/batch.ts'
import { originBytes } from '../../../src/records/origin.ts'
import {
  bool,
  bytes,
  date,
  eventTime,
  type FieldType,
  float,
  int,
  makeSchema,
  optional,
  type Row,
  schema,
  string,
  time,
} from '../../../src/records/schema.ts'
import { anySchema, batchOf, originOf, rowsOf, updatesOf } from './support.ts'

const Item = schema({ at: eventTime(), n: optional(int()), text: optional(string()), on: bool() })
const item = (at: number, n: number | null, text: string | null = null, on = false) => ({ at, n, text, on })
const updates = [
  { row: item(1, 5, 'a', true), diff: 1, origin: originOf(1, 1) },
  { row: item(2, null, null), diff: -1, origin: originOf(1, 2) },
  { row: item(3, 7, 'b'), diff: 1, origin: originOf(2, 9) },
]
const origins = (batch: Batch) =>
  Array.from({ length: batch.length }, (_, i) => Buffer.from(originBytes(batch.origins!, i)).toString('hex'))
const hex = (head: number, seq: number) => Buffer.from(originOf(head, seq)).toString('hex')

function collect(): { out: Batch[]; emit: (batch: Batch) => void } {
  const out: Batch[] = []
  return { out, emit: (batch) => out.push(batch) }
}

t.test('rows with a null in one of some columns are dropped, and the columns have none any more', (t) => {
  const { out, emit } = collect()
  const fields = { ...Item.fields, n: int(), text: string() }
  const drop = new DropNull(anySchema(Item), makeSchema(fields), ['n', 'text'], emit)
  drop.onBatch(batchOf(Item, [...updates, { row: item(4, 1, null), diff: 1, origin: originOf(1, 3) }]))
  t.same(updatesOf(out), ['+ at=1 n=5 text=a on=true', '+ at=3 n=7 text=b on=false'])
  t.same(origins(out[0]!), [hex(1, 1), hex(2, 9)])
  t.equal(out[0]!.schema.fields.n!.nullable, false)
  drop.onBatch(batchOf(Item, [updates[1]!]))
  t.equal(out.length, 1, 'nothing is emitted where none is left')
  t.end()
})

t.test('values take the place of nulls, and the columns have none any more', (t) => {
  const { out, emit } = collect()
  const fill = new FillNull(anySchema(Item), makeSchema({ ...Item.fields, n: int() }), { n: 0 }, emit)
  fill.onBatch(batchOf(Item, updates))
  fill.onBatch(rowsOf(Item, item(4, 1)))
  t.strictSame(updatesOf(out), [
    '+ at=1 n=5 text=a on=true',
    '- at=2 n=0 text=null on=false',
    '+ at=3 n=7 text=b on=false',
    '+ at=4 n=1 text=null on=false',
  ])
  t.strictSame(origins(out[0]!), [hex(1, 1), hex(1, 2), hex(2, 9)])
  t.end()
})

t.test('a filter keeps rows with their diffs and origins, and emits nothing where none is left', (t) => {
  const { out, emit } = collect()
  const filter = new Filter(anySchema(Item), (row) => row.n !== 5, emit)
  filter.onBatch(batchOf(Item, updates))
  t.strictSame(updatesOf(out), ['- at=2 n=null text=null on=false', '+ at=3 n=7 text=b on=false'])
  t.strictSame(origins(out[0]!), [hex(1, 2), hex(2, 9)])
  filter.onBatch(rowsOf(Item, item(1, 5)))
  t.equal(out.length, 1)
  filter.onBatch(rowsOf(Item, ...Array.from({ length: 1000 }, (_, i) => item(i, i))))
  t.equal(out[1]!.length, 999, 'a larger batch than before')
  t.equal(updatesOf([out[0]!]).length, 2, 'and what was emitted stays')
  t.end()
})

t.test('a filter that gives neither true nor false is told so', (t) => {
  const { emit } = collect()
  const filter = new Filter(anySchema(Item), (row) => row.n as unknown as boolean, emit)
  t.throws(() => filter.onBatch(rowsOf(Item, item(1, 1), item(2, 0))), {
    kind: 'record',
    message: "'filter' must be bool, got 1: it is a number",
  })
  t.end()
})

function assigned(name: string, type: FieldType, compute: (row: Row<typeof Item.fields>) => unknown) {
  const { out, emit } = collect()
  const output = makeSchema({ ...Item.fields, [name]: type })
  const plan = { input: anySchema(Item), output, name, type, compute: compute as never }
  return { out, assign: new Assign(plan, emit) }
}

t.test('assign adds a column behind the others, or replaces one where it is', (t) => {
  const { out, assign } = assigned('double', optional(int()), ({ n }) => (n === null ? null : n * 2))
  assign.onBatch(batchOf(Item, updates))
  t.strictSame(updatesOf(out), [
    '+ at=1 n=5 text=a on=true double=10',
    '- at=2 n=null text=null on=false double=null',
    '+ at=3 n=7 text=b on=false double=14',
  ])
  t.strictSame(origins(out[0]!), [hex(1, 1), hex(1, 2), hex(2, 9)])
  const replaced = assigned('n', string(), ({ n, on }) => `${n}${on}`)
  replaced.assign.onBatch(batchOf(Item, updates))
  t.strictSame(updatesOf(replaced.out), [
    '+ at=1 n=5true text=a on=true',
    '- at=2 n=nullfalse text=null on=false',
    '+ at=3 n=7false text=b on=false',
  ])
  t.end()
})

t.test('assign takes values of every type, and undefined as null', (t) => {
  const cases: [FieldType, unknown, unknown][] = [
    [int(), -(2 ** 53) + 1, -(2 ** 53) + 1],
    [float(), Number.NaN, Number.NaN],
    [bool(), true, true],
    [bool(), false, false],
    [string(), '', ''],
    [bytes(), Uint8Array.of(1), Uint8Array.of(1)],
    [time(), 5, 5],
    [date(), -1, -1],
    [optional(bool()), undefined, null],
    [optional(float()), null, null],
    [optional(string()), undefined, null],
  ]
  for (const [type, value, expected] of cases) {
    const { out, assign } = assigned('x', type, () => value)
    assign.onBatch(rowsOf(Item, item(1, 1), item(2, 1)))
    t.strictSame(
      out[0]!.rows().map(({ x }) => x),
      [expected, expected],
    )
  }
  t.end()
})

t.test('assign refuses a value that is not of the type, whichever row it is in', (t) => {
  const cases: [FieldType, unknown, string][] = [
    [int(), 1.5, `'x' must be int, got 1.5: 1.5 is not a whole number within ±2^53`],
    [int(), 2 ** 53, `'x' must be int, got 9007199254740992: 9007199254740992 is not a whole number within ±2^53`],
    [int(), null, `'x' must be int, got null: it is null`],
    [int(), '1', `'x' must be int, got "1": it is a string`],
    [float(), '1', `'x' must be float, got "1": it is a string`],
    [float(), undefined, `'x' must be float, got undefined: it is null`],
    [float(), true, `'x' must be float, got true: it is a boolean`],
    [bool(), 5, `'x' must be bool, got 5: it is a number`],
    [bool(), null, `'x' must be bool, got null: it is null`],
    [string(), null, `'x' must be string, got null: it is null`],
    [optional(int()), 0.5, `'x' must be int?, got 0.5: 0.5 is not a whole number within ±2^53`],
    [optional(bool()), 1, `'x' must be bool?, got 1: it is a number`],
    [bytes(), 'x', `'x' must be bytes, got "x": it is a string`],
  ]
  const good: Record<string, unknown> = { int: 1, float: 1, bool: true, string: '', bytes: new Uint8Array(0) }
  for (const [type, value, message] of cases) {
    for (const bad of [1, 2, 3]) {
      const { out, assign } = assigned('x', type, ({ at }) => (at === bad ? value : good[type.kind]))
      t.throws(() => assign.onBatch(rowsOf(Item, item(1, 1), item(2, 1), item(3, 1))), {
        kind: 'record',
        code: 'type',
        message,
      })
      t.equal(out.length, 0)
    }
  }
  t.end()
})

t.test('project reorders, drops and renames', (t) => {
  const { out, emit } = collect()
  const output = makeSchema({ label: optional(string()), at: eventTime() })
  new Project(anySchema(Item), output, ['text', 'at'], emit).onBatch(batchOf(Item, updates))
  t.strictSame(updatesOf(out), ['+ label=a at=1', '- label=null at=2', '+ label=b at=3'])
  t.strictSame(origins(out[0]!), [hex(1, 1), hex(1, 2), hex(2, 9)])
  t.end()
})

t.test('union keeps origins apart by input', (t) => {
  const { out, emit } = collect()
  const union = new Union(emit)
  for (const port of [0, 1, 300]) union.onBatch(batchOf(Item, updates), port)
  const all = out.flatMap(origins)
  t.equal(new Set(all).size, 9)
  t.strictSame([...all].sort(), all, 'inputs in order, and within each its own order')
  t.strictSame(updatesOf(out.slice(2)), updatesOf([batchOf(Item, updates)]))
  union.onBatch(rowsOf(Item, item(1, 1)), 0)
  t.equal(out[3]!.origins, null)
  t.end()
})

t.test('what a user function throws names the operator; our own errors go through', (t) => {
  t.equal(
    withOperator('filter', () => 5),
    5,
  )
  const cause = new Error('oops')
  t.throws(
    () =>
      withOperator(`filter in stage 'x'`, () => {
        throw cause
      }),
    { kind: 'user', code: 'user-code', message: /^filter in stage 'x' threw Error: oops\n/, cause },
  )
  t.throws(
    () =>
      withOperator('x', () => {
        throw 'text'
      }),
    { message: 'x threw text' },
  )
  const own = userError('a', 'b')
  t.throws(
    () =>
      withOperator('x', () => {
        throw own
      }),
    own,
  )
  t.end()
})

t.test('rows that are refused go, and all others stay, however many they are', (t) => {
  const refused: unknown[] = []
  let calls = 0
  const guard = {
    call: () => void calls++,
    refuse: ({ row }: { row: object }, error: unknown) => void refused.push([(row as { n: number }).n, `${error}`]),
    mayRefuse: true,
  }
  const throwing = (row: { n: number | null }): number => {
    if (row.n! % 2 === 1) throw new Error(`odd ${row.n}`)
    return row.n === 4 ? 0.5 : row.n!
  }
  const rows = rowsOf(Item, ...Array.from({ length: 60_000 }, (_, i) => item(i, i)))
  const { out, emit } = collect()
  const output = makeSchema({ ...Item.fields, twice: int() })
  const plan = { input: anySchema(Item), output, name: 'twice', type: int(), compute: throwing as never }
  new Assign(plan, emit, guard).onBatch(rows)
  t.equal(out[0]!.length, 29_999)
  t.notOk(out[0]!.rows().some(({ n }) => (n as number) % 2 === 1 || n === 4))
  t.strictSame(refused.slice(0, 3), [
    [1, 'Error: odd 1'],
    [3, 'Error: odd 3'],
    [4, "UmbelError: 'twice' must be int, got 0.5: 0.5 is not a whole number within ±2^53"],
  ])
  t.equal(calls, 60_000)
  const kept = collect()
  new Filter(anySchema(Item), (row) => throwing(row as never) > 10, kept.emit, guard).onBatch(rows)
  t.equal(kept.out[0]!.length, 29_994)
  t.end()
})
