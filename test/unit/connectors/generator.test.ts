import t from 'tap'
import { generator } from '../../../src/connectors/generator.ts'
import { bool, eventTime, int, optional, schema, string } from '../../../src/records/schema.ts'
import { contextOf, drain, readAll, StillClock } from './support.ts'

const Reading = schema({ at: eventTime(), sensor: string(), n: optional(int()) })
const readings = contextOf(Reading)
const row = (index: number) => ({ at: index * 1000, sensor: `s${index % 3}`, n: index % 2 ? index : null })
const times = (rows: { at?: unknown }[]) => rows.map(({ at }) => (at as number) / 1000)
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

t.test('rows are made from their numbers, and end where they are bounded', async (t) => {
  const source = generator({ rows: 5, row })
  t.equal(source.isBounded, true)
  const { rows, offsets } = await readAll(source, readings, { rowsMax: 2 })
  t.same(rows, range(0, 5).map(row))
  t.same(offsets, range(0, 5))
  t.equal(generator({ row }).isBounded, false)
})

t.test('the columnar form gives the same as the rows', async (t) => {
  const batch = (from: number, count: number) => {
    const of = range(from, from + count)
    return {
      at: Float64Array.from(of, (i) => i * 1000),
      sensor: { type: 'string' as const, codes: Int32Array.from(of, (i) => i % 3), values: ['s0', 's1', 's2'] },
      n: of.map((i) => (i % 2 ? i : null)),
      unasked: of,
    }
  }
  for (const rowsMax of [1, 7, 1000]) {
    const columnar = await readAll(generator({ rows: 100, batch }), readings, { rowsMax })
    t.same(columnar, await readAll(generator({ rows: 100, row }), readings, { rowsMax }))
  }
})

t.test('columns of the wrong kind, length or values are user errors', async (t) => {
  const refused = (columns: object, message: RegExp) => {
    const good = { at: new Float64Array(2), sensor: ['a', 'b'], n: [1, null] }
    const source = generator({ rows: 2, batch: () => ({ ...good, ...columns }) })
    return t.rejects(readAll(source, readings), { kind: 'user', code: 'generator', message })
  }
  await refused({ at: undefined }, /batch gave nothing for 'at'/)
  await refused({ at: new Float64Array(3) }, /batch gave 3 values for 'at': give 2 values of the field's type/)
  await refused({ sensor: new Float64Array(2) }, /batch gave numbers for 'sensor', a string/)
  await refused({ sensor: ['a'] }, /batch gave 1 values for 'sensor'/)
  await refused({ n: [1, 'x'] }, /batch gave a value in row 1 that does not fit, 'n' must be int\?, got "x"/)
  await refused(
    { n: { type: 'string', codes: new Int32Array(2), values: ['a'] } },
    /batch gave a string column for 'n', a int/,
  )
  const thrower = generator({
    row: () => {
      throw new Error('no more')
    },
  })
  await t.rejects(readAll(thrower, readings), { kind: 'user', message: /rows 0 to 999 could not be made: no more/ })
})

t.test('rows that do not fit are rejected', async (t) => {
  const source = generator({ rows: 4, row: (i) => ({ at: i, sensor: i === 2 ? 7 : 's' }) })
  const { offsets, rejected } = await readAll(source, readings)
  t.same(offsets, [0, 1, 3])
  t.match(rejected, [{ offset: 2, reason: /'sensor' must be string, got 7/, raw: '{"at":2,"sensor":7}' }])
})

t.test('a reader resumes by number and gives the same rest', async (t) => {
  for (const splits of [1, 3]) {
    const source = generator({ rows: 40, splits, row })
    for (const split of range(0, splits)) {
      const whole = await readAll(source, readings, { split, rowsMax: 1 })
      for (const [step, position] of whole.positions.entries()) {
        const rest = await readAll(source, readings, { split, position, rowsMax: 3 })
        t.same(rest.rows, whole.rows.slice(step + 1))
        t.same(rest.offsets, whole.offsets.slice(step + 1))
      }
    }
  }
})

t.test('the splits together give each row once, whatever their number', async (t) => {
  for (const [rows, splits, rowsPerSecond] of [
    [100, 1],
    [100, 3],
    [7, 8],
    [0, 2],
    [50_000, 4],
    [1000, 4, 1_000_000_000],
    [100, 3, 1e9],
  ] as [number, number, number?][]) {
    const source = generator({ rows, splits, rowsPerSecond, row })
    const clock = new StillClock()
    const all: number[] = []
    for (const split of range(0, splits)) {
      const reader = await source.open(contextOf(Reading, clock), split, null)
      clock.ms += 1e6
      const { rows, offsets } = await drain(reader)
      t.ok(
        times(rows).every((number, i) => number === offsets[i]),
        'the offset is the number',
      )
      t.ok(
        offsets.every((offset, i) => i === 0 || offset > offsets[i - 1]!),
        'in order',
      )
      all.push(...offsets)
    }
    const isWhole = all.length === rows && all.sort((a, b) => a - b).every((number, i) => number === i)
    t.ok(isWhole, `${rows} rows, ${splits} splits`)
  }
})

t.test('a reader waits while it is ahead of its rate, by the clock of the seam', async (t) => {
  const clock = new StillClock()
  const reader = await generator({ rowsPerSecond: 100, row }).open(contextOf(Reading, clock), 0, null)
  const due = async (rowsMax = 1000) => times((await drain(reader, rowsMax)).rows)
  t.same(await due(), [0], 'the first row is due at once')
  t.equal(await reader.read(10), 'wait')
  clock.ms = 9.99
  t.equal(await reader.read(10), 'wait')
  clock.ms = 10
  t.same(await due(), [1])
  clock.ms = 55
  t.same(await due(2), [2, 3, 4, 5], 'what falls behind is made up for')
  clock.ms = 1000
  t.equal((await due()).length, 95)

  const position = JSON.parse(JSON.stringify(reader.position()))
  clock.ms = 500_000
  const resumed = await generator({ rowsPerSecond: 100, row }).open(contextOf(Reading, clock), 0, position)
  t.same(times((await drain(resumed)).rows), [101], 'the time in which nothing ran is not made up for')
  clock.ms += 20
  t.same(times((await drain(resumed)).rows), [102, 103])
})

t.test('with a rate the splits keep in step', async (t) => {
  const clock = new StillClock()
  const source = generator({ rowsPerSecond: 1000, splits: 4, row })
  const readers = await Promise.all(range(0, 4).map((split) => source.open(contextOf(Reading, clock), split, null)))
  for (clock.ms = 0; clock.ms < 1000; clock.ms += 7) {
    const latest: number[] = []
    for (const reader of readers) {
      await drain(reader)
      latest.push((reader.position() as { index: number }).index)
    }
    t.ok(Math.max(...latest) - Math.min(...latest) <= 50, `${latest} at ${clock.ms} ms`)
  }
})

t.test('options out of range are refused', async (t) => {
  const refused = (options: object, message: RegExp) =>
    t.throws(() => generator({ row, ...options }), { kind: 'user', code: 'generator', message })
  refused({ rowsPerSecond: 0 }, /rowsPerSecond of a generator is 0: take a number above 0/)
  refused({ rowsPerSecond: Number.NaN }, /rowsPerSecond/)
  refused({ rows: -1 }, /rows of a generator is -1/)
  refused({ rows: 1.5 }, /rows of a generator is 1.5/)
  refused({ splits: 0 }, /splits of a generator is 0/)
})

t.test('the definition tells functions and options apart', async (t) => {
  t.same(generator({ row }).definition, generator({ row }).definition)
  t.notSame(generator({ row }).definition, generator({ row: (i) => ({ at: i }) }).definition)
  t.notSame(generator({ row }).definition, generator({ row, rows: 5 }).definition)
})

t.test('only the columns that are asked for are made', async (t) => {
  const Narrow = schema({ at: eventTime(), isOdd: bool() })
  const asked: string[][] = []
  const source = generator({
    rows: 2,
    batch: (from, count, { names }) => {
      asked.push([...names])
      return { at: new Float64Array(count), isOdd: [from % 2 === 1, from % 2 === 0], other: [] }
    },
  })
  t.same((await readAll(source, contextOf(Narrow))).rows, [
    { at: 0, isOdd: false },
    { at: 0, isOdd: true },
  ])
  t.same(asked, [['at', 'isOdd']])
})
