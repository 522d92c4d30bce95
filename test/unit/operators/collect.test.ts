import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { Aggregation } from '../../../src/operators/aggregation.ts'
import { columnsOf } from '../../../src/operators/aggregation.ts'
import type { Collector } from '../../../src/operators/fold/collect/collector.ts'
import { collectorOf } from '../../../src/operators/fold/collect/collector-of.ts'
import type { Value } from '../../../src/records/column.ts'
import { unpacked } from '../../../src/records/nested.ts'
import { eventTime, int, list, optional, schema, string } from '../../../src/records/schema.ts'
import { MemoryEnvironment } from '../../../src/storage/memory-environment.ts'
import { WriteSet } from '../../../src/storage/write-set.ts'
import { custom } from '../../../src/topology/aggregates.ts'
import { aggregate, type OracleAggregates } from '../../oracle/windows.ts'
import { anySchema, runs } from './support.ts'

const Event = anySchema(schema({ at: eventTime(), n: optional(int()), s: optional(string()) }))
const NAMES = ['n', 's']

/** Collectors as a group has them: each opened anew from what was saved. */
function group(aggregations: readonly Aggregation[]) {
  const members = new WriteSet(new MemoryEnvironment()).table('members')
  const makes = aggregations.map((one) => collectorOf(Event, NAMES, one))
  let saved: unknown[] = aggregations.map(() => null)
  const open = (): Collector[] =>
    makes.map((make, i) => make({ members, prefix: Uint8Array.of(1, i), saved: saved[i] ?? null }))
  let collectors = open()
  return {
    members,
    get all() {
      return collectors
    },
    reopen() {
      saved = collectors.map((one) => one.save())
      collectors = open()
      return saved
    },
  }
}

const OPTIONS: readonly (Aggregation & { as: OracleAggregates[string] })[] = [
  { kind: 'countDistinct', column: 's', as: ['countDistinct', 's'] },
  { kind: 'distinct', column: 'n', as: ['distinct', 'n'] },
  { kind: 'distinct', column: 's', dropsNull: true, as: ['distinct', 's', { dropsNull: true }] },
  { kind: 'quantile', column: 'n', p: 0.5, as: ['quantile', 'n', { p: 0.5 }] },
  { kind: 'firstK', column: 'n', limit: 2, as: ['firstK', 'n', { limit: 2 }] },
  { kind: 'lastK', column: 's', limit: 3, as: ['lastK', 's', { limit: 3 }] },
  ...(['firstK', 'lastK'] as const).map((kind) => ({
    ...{ kind, column: 'n', limit: 2, isDistinct: true, dropsNull: true },
    as: [kind, 'n', { limit: 2, isDistinct: true, dropsNull: true }] as const,
  })),
]

t.test('what is collected is what the rows that are in come to, whatever was taken out or settled', async () => {
  const row = fc.record({
    n: fc.option(fc.integer({ min: -2, max: 2 })),
    s: fc.option(fc.constantFrom('', 'a', 'b', 'ä')),
  })
  const step = fc.record({ row, what: fc.constantFrom('in', 'in', 'in', 'out', 'settle', 'reopen'), which: fc.nat(20) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const run = group(OPTIONS)
      let recent: { time: number; origin: string; values: readonly Value[]; diff: number }[] = []
      const settled: typeof recent = []
      let time = 0
      for (const { row: one, what, which } of steps) {
        if (what === 'in') {
          const added = { time: time++, origin: '', values: [one.n, one.s], diff: 1 }
          recent.push(added)
          for (const collector of run.all) collector.apply(added, 1)
        } else if (what === 'out' && recent.length > 0) {
          const [gone] = recent.splice(which % recent.length, 1)
          for (const collector of run.all) collector.apply(gone!, -1)
        } else if (what === 'settle' && recent.length > 0) {
          const first = recent[0]!
          recent = recent.slice(1)
          settled.push(first)
          for (const collector of run.all) collector.settle(first)
        } else if (what === 'reopen') run.reopen()
        const rows = [...settled, ...recent].map(({ values }) => ({ n: values[0], s: values[1] }))
        OPTIONS.forEach(({ kind, column, as }, i) => {
          const type = Event.fields[column!]!
          const isList = kind === 'distinct' || kind === 'firstK' || kind === 'lastK'
          const value = run.all[i]!.value()
          deepStrictEqual(isList ? unpacked({ ...list(int()), of: type }, value) : value, aggregate(rows, as))
        })
      }
      for (const gone of recent) for (const collector of run.all) collector.apply(gone, -1)
      if (settled.length === 0) {
        deepStrictEqual(
          run.reopen(),
          OPTIONS.map(() => null),
        )
        deepStrictEqual([...run.members.range()], [])
      }
    }),
    { numRuns: runs(200) },
  )
})

t.test("a user's own aggregate is taken out of its state, or made anew of all rows", (t) => {
  const options = {
    columns: ['n', 's'] as const,
    type: list(int()),
    init: () => ({ sum: 0, texts: 0 }),
    add: (state: { sum: number; texts: number }, { n, s }: { n: number | null; s: string | null }) => ({
      sum: state.sum + (n ?? 0),
      texts: state.texts + (s?.length ?? 0),
    }),
    result: ({ sum, texts }: { sum: number; texts: number }) => [sum, texts],
  }
  const remove: typeof options.add = (state, { n, s }) => ({
    sum: state.sum - (n ?? 0),
    texts: state.texts - (s?.length ?? 0),
  })
  const run = group([custom(options), custom({ ...options, remove })])
  t.strictSame(columnsOf(custom(options)), ['n', 's'])
  const row = (n: number | null, s: string | null) => ({ time: 0, origin: '', values: [n, s], diff: 1 })
  const seen = () => run.all.map((one) => unpacked(list(int()), one.value()))
  for (const collector of run.all) {
    collector.apply(row(3, 'abc'), 1)
    collector.apply(row(null, 'd'), 2)
    collector.apply(row(4, null), 1)
  }
  const both = (value: readonly number[]) => [value, value]
  t.strictSame(seen(), both([7, 5]))
  run.reopen()
  for (const collector of run.all) collector.apply(row(3, 'abc'), -1)
  t.strictSame(seen(), both([4, 2]))
  for (const collector of run.all) {
    collector.apply(row(null, 'd'), -2)
    collector.apply(row(4, null), -1)
  }
  t.strictSame(run.reopen(), [null, null], 'nothing is left')
  const wrong = group([custom({ ...options, result: () => 'text' as never })])
  t.throws(() => wrong.all[0]!.value(), {
    code: 'type',
    message: /'result of a custom aggregate' must be list<int>, got "text"/,
  })
  t.end()
})
