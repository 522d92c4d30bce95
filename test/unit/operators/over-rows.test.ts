import t from 'tap'
import { OverRows, type OverRowsPlan } from '../../../src/operators/over-rows.ts'
import { eventTime, float, int, makeSchema, optional, schema, string } from '../../../src/records/schema.ts'
import { anySchema, batchOf, linesOf, originOf, Recorder } from './support.ts'

const Reading = schema({ at: eventTime(), sensor: string(), celsius: float() })
const reading = (at: number, celsius: number, diff = 1) => ({
  ...{ row: { at, sensor: 'a', celsius }, diff, origin: originOf(1, at) },
})

function overRows(aggregates: OverRowsPlan['aggregates'], options: Partial<OverRowsPlan> = {}): Recorder {
  const results = Object.entries(aggregates).map(([name, { kind }]) => [
    name,
    kind === 'count' ? int() : optional(float()),
  ])
  const output = makeSchema({ ...Reading.fields, ...Object.fromEntries(results) })
  const plan = { input: anySchema(Reading), output, keys: ['sensor'], aggregates, emit: 'eager' as const, bound: 0 }
  return new Recorder((context) => new OverRows({ ...plan, ...options }, context))
}

t.test('each row has what the rows up to it come to, by span and by number', (t) => {
  const run = overRows({
    n: { kind: 'count', over: 10 },
    hottest: { kind: 'max', column: 'celsius', rows: 2 },
    sum: { kind: 'sum', column: 'celsius' },
  })
  run.push(batchOf(Reading, [reading(1, 9), reading(5, 3), reading(11, 4)]))
  run.advance([11])
  t.strictSame(linesOf(run.emitted), [
    'at=1 sensor=a celsius=9 n=1 hottest=9 sum=9',
    'at=11 sensor=a celsius=4 n=2 hottest=4 sum=16',
    'at=5 sensor=a celsius=3 n=2 hottest=9 sum=12',
  ])
  t.end()
})

t.test(
  'a late row changes those behind it as far as it reaches, and no others; so does one that is taken back',
  async (t) => {
    const run = overRows(
      { n: { kind: 'count', over: 10 }, mean: { kind: 'mean', column: 'celsius', rows: 2 } },
      { bound: 100 },
    )
    run.push(batchOf(Reading, [reading(10, 1), reading(12, 3), reading(30, 5)]))
    run.advance([30])
    await run.reopen()
    const before = run.emitted.length
    run.push(batchOf(Reading, [reading(9, 7)]))
    run.advance([30])
    t.strictSame(linesOf(run.emitted.slice(before)), [
      '-1 x at=10 sensor=a celsius=1 n=1 mean=1',
      '-1 x at=12 sensor=a celsius=3 n=2 mean=2',
      'at=10 sensor=a celsius=1 n=2 mean=4',
      'at=12 sensor=a celsius=3 n=3 mean=2',
      'at=9 sensor=a celsius=7 n=1 mean=7',
    ])
    run.push(batchOf(Reading, [reading(12, 3, -1)]))
    run.advance([30])
    t.strictSame(linesOf(run.emitted), [
      'at=10 sensor=a celsius=1 n=2 mean=4',
      'at=30 sensor=a celsius=5 n=1 mean=3',
      'at=9 sensor=a celsius=7 n=1 mean=7',
    ])
  },
)

t.test('rows wait for the watermark where they are said once, and go when nothing can reach them', async (t) => {
  const run = overRows(
    { n: { kind: 'count', over: 10 }, last: { kind: 'min', column: 'celsius', rows: 3 } },
    { emit: 'final' },
  )
  run.push(batchOf(Reading, [reading(2, 5), reading(1, 9)]))
  t.equal(linesOf(run.emitted).length, 0)
  run.advance([2])
  t.strictSame(linesOf(run.emitted), ['at=1 sensor=a celsius=9 n=1 last=9'])
  await run.reopen()
  for (let at = 3; at < 400; at++) {
    run.push(batchOf(Reading, [reading(at, at)]))
    run.advance([at])
  }
  for (let i = 0; i < 20; i++) run.advance([400 + i])
  t.equal(linesOf(run.emitted).length, 399)
  t.equal(linesOf(run.emitted).at(-1), 'at=99 sensor=a celsius=99 n=10 last=97')
  t.equal(run.keysOf('back').length, 2, 'what the next one is over')
  t.equal(run.keysOf('rows').length, 0, 'no span reaches one of them any more')
})
