import t from 'tap'
import { array } from '../../../src/connectors/array.ts'
import { date, eventTime, int, optional, schema } from '../../../src/records/schema.ts'
import { checkResume, contextOf, readAll } from './support.ts'

const Visit = schema({ at: eventTime(), day: optional(date()), n: optional(int()) })
const visits = contextOf(Visit)

t.test('times are microseconds, Date or ISO text; other properties are left out', async (t) => {
  const source = array([
    { at: 1, n: 5, x: 1 },
    { at: new Date(2), day: new Date(0) },
    { at: '1970-01-01T00:00:00.000003Z', day: '1970-01-03' },
  ])
  const { rows, offsets } = await readAll(source, visits)
  t.same(rows, [
    { at: 1, day: null, n: 5 },
    { at: 2000, day: 0, n: null },
    { at: 3, day: 2, n: null },
  ])
  t.same(offsets, [0, 1, 2])
})

t.test('rows that do not fit are rejected', async (t) => {
  const { rows, offsets, rejected } = await readAll(array([{ n: 1 }, { at: 1, n: 'x' }, { at: 2, n: 3 }]), visits)
  t.same(rows, [{ at: 2, day: null, n: 3 }])
  t.same(offsets, [2])
  t.same(rejected, [
    { offset: 0, reason: `'at' must be event time, got undefined: it is null`, raw: '{"n":1}' },
    { offset: 1, reason: `'n' must be int?, got "x": it is a string`, raw: '{"at":1,"n":"x"}' },
  ])
})

t.test('rows go to the splits in turn', async (t) => {
  const source = array(
    Array.from({ length: 7 }, (_, at) => ({ at })),
    { splits: 3 },
  )
  t.equal(source.splits, 3)
  for (const [split, wanted] of [
    [0, 3, 6],
    [1, 4],
    [2, 5],
  ].entries()) {
    const { rows, offsets } = await readAll(source, visits, { split, rowsMax: 2 })
    t.same(
      rows.map(({ at }) => at),
      wanted,
    )
    t.same(
      offsets,
      wanted.map((_, i) => i),
      'offsets count within the split',
    )
  }
  t.throws(() => array([], { splits: 0 }), { kind: 'user', code: 'array' })
})

t.test('resuming at every row gives the same rest', async (t) => {
  const source = array([{ at: 1 }, { at: 'x' }, { at: 2 }, { at: 3 }, {}, { at: 4 }], { splits: 2 })
  await checkResume(t, source, visits, 0)
  await checkResume(t, source, visits, 1)
})

t.test('the definition holds a hash of the rows as they were given', async (t) => {
  const rows = [{ at: 1, x: Number.NaN, b: Uint8Array.of(1) }]
  const source = array(rows)
  const hash = (given: object[]) => (array(given).definition as { hash: string }).hash
  t.match(source.definition, { rows: 1, splits: 1, hash: /^[0-9a-f]{16}$/ })
  t.equal(hash([{ at: 1, x: Number.NaN, b: Uint8Array.of(1) }]), hash(rows))
  t.not(hash([{ at: 1, x: null, b: Uint8Array.of(1) }]), hash(rows))
  t.not(hash([{ at: 1, x: Number.NaN, b: Uint8Array.of(2) }]), hash(rows))
  t.not(hash([{ at: 2 }]), hash([{ at: 1 }]))
  rows[0]!.at = 2
  t.same((await readAll(source, visits)).rows[0]!.at, 1, 'later changes are not seen')
})

t.test('an empty array ends at once', async (t) => {
  const reader = await array([]).open(visits, 0, null)
  t.equal(await reader.read(1), null)
  t.equal(reader.progress!(), 1)
})
