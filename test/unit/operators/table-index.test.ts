import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { TableIndex, type TableIndexPlan } from '../../../src/operators/index/table-index.ts'
import { FLOOR, knownAt, unpackTime } from '../../../src/operators/index/versions.ts'
import { packValues } from '../../../src/records/key.ts'
import { eventTime, int, optional, schema, string } from '../../../src/records/schema.ts'
import { anySchema, batchOf, passing, Recorder, runs } from './support.ts'

const User = schema({ at: eventTime(), user: int(), city: optional(string()) })
const FOREVER = Number.POSITIVE_INFINITY
const update = (at: number, city: string | null, diff = 1, user = 1) => ({ row: { at, user, city }, diff })

const index = (options: Partial<TableIndexPlan> = {}) => {
  const plan = { schema: anySchema(User), keys: ['user'], history: FOREVER, bound: 0, ...options }
  return new Recorder((context) => new TableIndex(plan, context))
}
const cityAt = (run: Recorder, at: number, user = 1) =>
  knownAt(run.table('versions'), packValues([user]), at)?.row?.values[0]

t.test('the row that holds at a time is found, and what was taken back is not', (t) => {
  const run = index()
  run.push(batchOf(User, [update(2000, 'A'), update(2030, 'A', -1), update(2030, null), update(2040, null, -1)]))
  run.advance([2050])
  const found = [1999, 2000, 2029, 2030, 2039, 2040, FOREVER].map((at) => cityAt(run, at))
  t.strictSame(found, [undefined, 'A', 'A', null, null, undefined, undefined])
  t.equal(cityAt(run, 2010, 2), undefined)
  t.end()
})

t.test('a late row is spliced into the history, and what it changes is changed', (t) => {
  const run = index()
  run.push(batchOf(User, [update(10, 'A'), update(30, 'A', -1), update(30, 'C')]))
  run.advance([5])
  // B at 20 was missed: A ended there.
  run.push(batchOf(User, [update(20, 'A', -1), update(20, 'B'), update(30, 'A', 1), update(30, 'B', -1)]))
  run.advance([5])
  t.strictSame(
    [10, 19, 20, 29, 30].map((at) => cityAt(run, at)),
    ['A', 'A', 'B', 'B', 'C'],
  )
  // A went on to 30 after all: no version is left of it.
  run.push(batchOf(User, [update(20, 'A', 1), update(20, 'B', -1), update(30, 'A', -1), update(30, 'B', 1)]))
  run.advance([5])
  t.strictSame(
    [10, 20, 29, 30].map((at) => cityAt(run, at)),
    ['A', 'A', 'A', 'C'],
  )
  t.equal(run.keysOf('versions').length, 2)
  t.end()
})

t.test('of several rows the one that began last is found', (t) => {
  const run = index()
  run.push(batchOf(User, [update(1, 'A'), update(2, 'B'), update(3, 'B', -1), update(5, 'C'), update(5, 'D')]))
  run.advance([9])
  t.strictSame(
    [1, 2, 3, 5].map((at) => cityAt(run, at)),
    ['A', 'B', 'A', 'D'],
  )
  t.end()
})

t.test('what is behind the history goes, also of keys that nothing comes to', async (t) => {
  const run = index({ history: 10 })
  run.push(batchOf(User, [update(1, 'A'), update(5, 'A', -1), update(5, 'B'), update(9, 'C', 1, 2)]))
  run.advance([14])
  t.equal(run.keysOf('versions').length, 3)
  await run.reopen()
  run.advance([16])
  t.strictSame(
    [6, 20].map((at) => cityAt(run, at)),
    ['B', 'B'],
  )
  t.equal(run.keysOf('versions').length, 2)
  run.push(batchOf(User, [update(20, 'B', -1)]))
  run.advance([40])
  t.equal(run.keysOf('versions').length, 1)
  await run.flush()
  t.equal(unpackTime(run.table('progress').get(FLOOR)!), 30)
})

interface Change {
  readonly time: number
  readonly city: string
  readonly diff: number
}

/** What holds at a time, by going through everything. */
function heldAt(changes: readonly Change[], at: number): string | undefined {
  const held = new Map<string, { count: number; since: number }>()
  const times = [...new Set(changes.map(({ time }) => time))].filter((time) => time <= at).sort((a, b) => a - b)
  for (const time of times) {
    const counts = new Map<string, number>()
    for (const one of changes) if (one.time <= time) counts.set(one.city, (counts.get(one.city) ?? 0) + one.diff)
    for (const [city, count] of counts) {
      if (count <= 0) held.delete(city)
      else held.set(city, { count, since: held.get(city)?.since ?? time })
    }
  }
  const found = [...held].sort(([a, one], [b, other]) => other.since - one.since || (a < b ? 1 : -1))[0]
  return found?.[0]
}

const BOUND = 3
const step = fc.oneof(
  ...passing,
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('row' as const),
      after: fc.nat(6),
      lasts: fc.option(fc.nat(6)),
      city: fc.constantFrom('A', 'B', 'C'),
    }),
  },
  // Of a row that is there still: its end comes to be another one, or it never was.
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('change' as const), which: fc.nat(), to: fc.nat(6) }) },
)

t.test(
  'random histories of rows, with late changes, crashes and what goes: every look-up is that of a search through all',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const history = 5
        const run = index({ history, bound: BOUND })
        const spans: { city: string; from: number; to: number | null }[] = []
        const changes: Change[] = []
        let watermark = 0
        const change = (...all: Change[]) => {
          const real = all.filter(({ diff }) => diff !== 0)
          changes.push(...real)
          if (real.length > 0)
            run.push(
              batchOf(
                User,
                real.map(({ time, city, diff }) => update(time, city, diff)),
              ),
            )
        }
        run.advance([watermark])
        for (const one of steps) {
          if (one.kind === 'advance') run.advance([(watermark += one.by)])
          else if (one.kind === 'flush' || one.kind === 'reopen') await run[one.kind](one.store)
          else if (one.kind === 'crash') await run.crash()
          else if (one.kind === 'row') {
            const from = watermark - BOUND + one.after
            const to = one.lasts === null ? null : from + 1 + one.lasts
            spans.push({ city: one.city, from, to })
            change(
              { time: from, city: one.city, diff: 1 },
              ...(to === null ? [] : [{ time: to, city: one.city, diff: -1 }]),
            )
          } else if (one.kind === 'change') {
            const open = spans.filter(({ from, to }) => (to ?? FOREVER) > Math.max(from, watermark - BOUND))
            const span = open[one.which % Math.max(1, open.length)]
            if (span === undefined) continue
            const to = Math.max(span.from, watermark - BOUND) + one.to
            change(...(span.to === null ? [] : [{ time: span.to, city: span.city, diff: 1 }]), {
              time: to,
              city: span.city,
              diff: -1,
            })
            if (to === span.from) spans.splice(spans.indexOf(span), 1)
            else span.to = to
          }
        }
        run.advance([watermark])
        for (let at = watermark - history; at < watermark + 20; at++) {
          const row = knownAt(run.table('versions'), packValues([1]), at)?.row
          deepStrictEqual(row?.values[0], heldAt(changes, at), `at ${at} of ${watermark}`)
        }
      }),
      { numRuns: runs(300) },
    )
  },
)
