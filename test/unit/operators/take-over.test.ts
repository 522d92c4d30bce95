import t, { type Test } from 'tap'
import { AsOfJoin } from '../../../src/operators/as-of-join.ts'
import { FLOOR, packTime, unpackTime, versionKey } from '../../../src/operators/index/versions.ts'
import { KeepLast } from '../../../src/operators/keep-last.ts'
import { NearJoin } from '../../../src/operators/near-join.ts'
import type { Operator, OperatorContext } from '../../../src/operators/operator.ts'
import { ScratchTable } from '../../../src/operators/scratch-table.ts'
import { Settle } from '../../../src/operators/settle.ts'
import { TableJoin } from '../../../src/operators/table-join/table-join.ts'
import {
  type TakeOver,
  takeOverByKey,
  takeOverJoin,
  takeOverLast,
  takeOverNear,
  takeOverSettle,
  takeOverTables,
} from '../../../src/operators/take-over.ts'
import { NO_GUARD } from '../../../src/operators/user-code.ts'
import { Batch } from '../../../src/records/batch.ts'
import { hashRows, packValues } from '../../../src/records/key.ts'
import { eventTime, int, makeSchema, optional, schema, string } from '../../../src/records/schema.ts'
import type { KeyedTable } from '../../../src/storage/table.ts'
import { anySchema, batchOf, linesOf, originOf } from './support.ts'

const END = Number.POSITIVE_INFINITY

const tablesOf = () => {
  const tables = new Map<string, ScratchTable>()
  return (name: string) => {
    if (!tables.has(name)) tables.set(name, new ScratchTable())
    return tables.get(name)!
  }
}

t.test('an index is taken over key by key; its history is whole from where that of all is', (t) => {
  const from = [tablesOf(), tablesOf()]
  from.forEach((tables, shard) => {
    tables('progress').put(FLOOR, packTime(50 + 20 * shard))
    tables('progress').put(Buffer.from([0]), Buffer.from([shard]))
    for (let key = shard; key < 20; key += 2)
      tables('versions').put(versionKey(packValues([key]), 1), Buffer.from([key]))
  })
  const to = tablesOf()
  const owned: number[] = []
  const owns = (hash: number) => hash % 3 === 0
  const limits = { batchBytesMax: 1, outboxBytesMax: 1, cacheBytesMax: 1, writeSetBytesMax: 1 }
  const indexed = makeSchema({ at: eventTime(), key: int() })
  for (const _ of takeOverByKey({ from, to, owns, limits, routing: ['key'] }, indexed, ['key'], ['versions'])) void _
  for (const [, value] of to('versions').range()) owned.push(value[0]!)
  t.ok(owned.length > 0 && owned.length < 20, `${owned.length} keys`)
  t.equal(unpackTime(to('progress').get(FLOOR)!), 70)
  t.equal(to('progress').get(Buffer.from([0])), undefined, "how far a shard's own sweep had come")
  t.end()
})

const Event = schema({ at: eventTime(), key: string(), n: int() })
const LIMITS = { batchBytesMax: 1 << 20, outboxBytesMax: 1 << 20, cacheBytesMax: 1 << 10, writeSetBytesMax: 1 << 20 }
const events = (from: number, count: number) =>
  batchOf(
    Event,
    Array.from({ length: count }, (_, i) => ({
      row: { at: from + i, key: `k${(from + i) % 40}`, n: from + i },
      origin: originOf(1, (from + i) % 256),
    })),
  )

/**
 * One operator goes through `before`; two that take its keys over, each with those of one parity, through `after`, of which each gets its
 * own rows: together they must say what the one would have said.
 */
function checkTaking(
  t: Test,
  make: (context: OperatorContext) => Operator,
  takeOver: (take: TakeOver) => Iterable<void>,
  keys: readonly (readonly string[])[],
  { before, after }: { before: readonly Batch[]; after: readonly Batch[] },
): void {
  const opened = (table: (name: string) => KeyedTable) => {
    const emitted: Batch[] = []
    const context = { table, limits: LIMITS, emit: (batch: Batch) => emitted.push(batch), guard: NO_GUARD }
    const operator = make({ ...context, journal: (ask) => ask() })
    return { operator, emitted }
  }
  const marks = [500, 500]
  const feed = (operator: Operator, batches: readonly Batch[], watermarks: readonly number[]) => {
    batches.forEach((batch, port) => void operator.onBatch(batch, port))
    while (operator.advance?.(watermarks, { rows: 50, bytes: 1 << 20 }) === false);
    operator.flush?.()
  }
  const tables = tablesOf()
  const one = opened(tables)
  feed(one.operator, before, marks)
  const said = one.emitted.length
  const halves = [0, 1].map((parity) => {
    const to = tablesOf()
    const owns = (hash: number) => hash % 2 === parity
    for (const _ of takeOver({ from: [tables], to, owns, limits: LIMITS, routing: ['key'] })) void _
    const half = opened(to)
    half.operator.open?.(marks)
    const own = after.map((batch, port) => {
      const columns = keys[port]!.map((name) => batch.schema.names.indexOf(name))
      const hashes = new Uint32Array(batch.length)
      hashRows(batch, columns, hashes)
      const rows = Int32Array.from(hashes.keys()).filter((row) => owns(hashes[row]!))
      return batch.gather(rows, rows.length)
    })
    feed(half.operator, own, [1000, 1000])
    return half.emitted
  })
  feed(one.operator, after, [1000, 1000])
  const wanted = linesOf(one.emitted.slice(said))
  t.ok(wanted.length > 40)
  t.ok(halves.every((emitted) => emitted.some(({ length }) => length > 0)))
  t.strictSame(linesOf(halves.flat()), wanted)
}

t.test('latest rows are taken over, with those that wait', (t) => {
  const plan = {
    input: anySchema(Event),
    output: anySchema(Event),
    keys: ['key'],
    results: ['n'],
    bound: 20,
    origin: null,
  }
  for (const emit of ['final', 'eager'] as const) {
    checkTaking(
      t,
      (context) => new KeepLast({ ...plan, emit }, context),
      (take) => takeOverLast(take, plan),
      [['key']],
      { before: [events(0, 520)], after: [events(490, 60)] },
    )
  }
  t.end()
})

const sides = { left: anySchema(Event), right: anySchema(Event), leftKeys: ['key'], rightKeys: ['key'], fields: ['m'] }
const Right = schema({ since: eventTime(), key: string(), m: int() })
const rights = (from: number, count: number) => {
  const { columns, origins, length } = events(from, count)
  return new Batch(anySchema(Right), length, columns, null, origins)
}

t.test('both sides of a join of rows near each other are taken over', (t) => {
  const span = { older: 100, newer: 100 }
  const plan = {
    ...{ ...sides, right: anySchema(Right), how: 'full' as const, span, bound: 0, origin: null },
    output: makeSchema({ ...Event.fields, n: optional(int()), m: optional(int()) }),
  }
  checkTaking(
    t,
    (context) => new NearJoin(plan, context),
    (take) => takeOverNear(take, plan),
    [['key'], ['key']],
    { before: [events(300, 200), rights(400, 20)], after: [events(500, 60), rights(480, 120)] },
  )
  t.end()
})

t.test('both sides of a join of tables are taken over, with updates that wait', (t) => {
  for (const emit of ['eager', 'final'] as const) {
    const plan = {
      ...{ ...sides, right: anySchema(Right), how: 'full' as const, emit, bound: 30, origin: null },
      output: makeSchema({ ...Event.fields, n: optional(int()), m: optional(int()) }),
    }
    checkTaking(
      t,
      (context) => new TableJoin(plan, context),
      (take) => takeOverTables(take, plan),
      [['key'], ['key']],
      { before: [events(440, 120), rights(400, 120)], after: [events(530, 60), rights(490, 120)] },
    )
  }
  t.end()
})

t.test('the right side of an as-of join is taken over, with the rows that wait', (t) => {
  const bounds = { leftBound: 0, rightBound: 20, isTable: false, retracts: false, older: END, newer: 0 }
  const plan = {
    ...{ ...sides, right: anySchema(Right), how: 'left' as const, ...bounds },
    output: makeSchema({ ...Event.fields, m: optional(int()) }),
  }
  checkTaking(
    t,
    (context) => new AsOfJoin(plan, context),
    (take) => takeOverJoin(take, plan),
    [['key'], ['key']],
    { before: [events(440, 120), rights(300, 200)], after: [events(560, 60), rights(485, 120)] },
  )
  t.end()
})

t.test('rows that wait until nothing can change them are taken over', (t) => {
  checkTaking(
    t,
    (context) => new Settle({ schema: anySchema(Event), delay: 100 }, context),
    (take) => takeOverSettle(take, anySchema(Event)),
    [['key']],
    { before: [events(300, 200)], after: [events(500, 60)] },
  )
  t.end()
})
