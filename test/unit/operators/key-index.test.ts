import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { KeyIndex } from '../../../src/operators/key-index.ts'
import { Batch } from '../../../src/records/batch.ts'
import { type Value, valueAt } from '../../../src/records/column.ts'
import { packValues } from '../../../src/records/key.ts'
import { eventTime, type FieldType, makeSchema } from '../../../src/records/schema.ts'
import { batchOf, runs } from './support.ts'

const VALUES = {
  int: fc.oneof(
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom(2 ** 40, -(2 ** 40), 2 ** 31, -(2 ** 31), 2 ** 53 - 1),
  ),
  float: fc.oneof(
    fc.constantFrom(0, -0, 0.5, -0.5, 1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
    fc.double({ noNaN: true }),
  ),
  bool: fc.boolean(),
  string: fc.oneof(
    fc.constantFrom('', 'a', 'a\0', 'a\0b', 'ab', 'ä', '\u{1F600}', '\uFFFD'),
    fc.string({ maxLength: 3 }),
  ),
  bytes: fc.uint8Array({ maxLength: 2 }),
  time: fc.integer({ min: -2, max: 2 }),
  date: fc.integer({ min: -2, max: 2 }),
} as const
type Kind = keyof typeof VALUES
const kinds = Object.keys(VALUES) as Kind[]

const keySet = fc
  .array(fc.tuple(fc.constantFrom(...kinds), fc.boolean()), { minLength: 1, maxLength: 3 })
  .chain((types) =>
    fc.record({
      types: fc.constant(types.map(([kind, nullable]): FieldType => ({ kind, nullable, eventTime: false }))),
      keys: fc.array(
        fc.tuple(
          ...types.map(([kind, nullable]) =>
            nullable ? fc.option(VALUES[kind] as fc.Arbitrary<Value>) : (VALUES[kind] as fc.Arbitrary<Value>),
          ),
        ),
        { maxLength: 40 },
      ),
      cuts: fc.array(fc.integer({ min: 1, max: 10 })),
    }),
  )

const textOf = (key: readonly Value[]) => Buffer.from(packValues(key)).toString('latin1')

t.test('equal keys have one id, by batch or by value; texts, order and columns follow the values', async () => {
  fc.assert(
    fc.property(keySet, ({ types, keys, cuts }) => {
      const names = types.map((_, c) => `k${c}`)
      const schema = makeSchema({ at: eventTime(), ...Object.fromEntries(types.map((type, c) => [names[c]!, type])) })
      const index = new KeyIndex(
        types.map((_, c) => c + 1),
        types,
      )
      const idOfText = new Map<string, number>()
      let from = 0
      for (const cut of [...cuts, keys.length]) {
        const part = keys.slice(from, from + cut)
        from += cut
        const batch = batchOf(
          schema,
          part.map((key) => ({ row: { at: 0, ...Object.fromEntries(key.map((value, c) => [names[c]!, value])) } })),
        )
        const ids = new Int32Array(batch.length)
        index.resolve(batch, ids)
        part.forEach((key, i) => {
          const text = textOf(key)
          const known = idOfText.get(text)
          deepStrictEqual(ids[i], known ?? ids[i])
          idOfText.set(text, ids[i]!)
          deepStrictEqual(index.idOf(key), ids[i])
          deepStrictEqual(index.text(ids[i]!), text)
        })
        // Sorting in between makes ranks that later keys must be merged into.
        const sorted = Int32Array.from(new Set(idOfText.values()))
        deepStrictEqual(sorted.length, idOfText.size)
        index.sort(sorted)
        deepStrictEqual(
          Array.from(sorted, (id) => index.text(id)),
          [...idOfText.keys()].sort(),
        )
      }
      const all = Int32Array.from(idOfText.values())
      const columns = index.columns(all)
      const texts = Array.from(all, (_, i) => textOf(columns.map((column, c) => valueAt(column, types[c]!.kind, i))))
      deepStrictEqual(texts, [...idOfText.keys()])
    }),
    { numRuns: runs(500) },
  )
})

t.test('many keys: ids stay consecutive and apart through every growth', (t) => {
  const types: FieldType[] = ['int', 'string'].map((kind) => ({ kind: kind as Kind, nullable: true, eventTime: false }))
  const schema = makeSchema({ at: eventTime(), n: types[0]!, s: types[1]! })
  const index = new KeyIndex([1, 2], types)
  const key = (i: number) => ({
    n: i % 7 === 0 ? null : (i * 2654435761) % 2 ** 40,
    s: i % 5 === 0 ? null : `s${i % 3000}`,
  })
  const distinct = new Set(Array.from({ length: 20_000 }, (_, i) => JSON.stringify(key(i)))).size
  const batch = batchOf(
    schema,
    Array.from({ length: 20_000 }, (_, i) => ({ row: { at: 0, ...key(i) } })),
  )
  const first = new Int32Array(batch.length)
  index.resolve(batch, first)
  t.equal(new Set(first).size, distinct)
  t.equal(Math.max(...first), distinct - 1)
  t.equal(index.size, distinct)
  const again = new Int32Array(batch.length)
  index.resolve(batch, again)
  t.strictSame(again, first)
  t.ok(index.memoryBytes > distinct * 24)
  index.clear()
  t.equal(index.size, 0)
  t.equal(index.idOf([1, 'x']), 0, 'after clearing, numbers begin anew')
  t.end()
})

t.test('one column of many numbers, null among them at any time', (t) => {
  for (const nullAt of [0, 1500, 2999, -1]) {
    const type: FieldType = { kind: 'float', nullable: true, eventTime: false }
    const index = new KeyIndex([1], [type])
    const values = Array.from({ length: 3000 }, (_, i) => (i === nullAt ? null : ((i * 7919) % 3001) - 1500.5))
    const ids = Int32Array.from(values, (value) => index.idOf([value]))
    t.equal(new Set(ids).size, 3000)
    t.equal(index.idOf([0]), 3000, 'what stands for null is no number')
    t.strictSame(
      values.map((value) => index.idOf([value])),
      [...ids],
    )
    const sorted = ids.slice()
    index.sort(sorted)
    const [column] = index.columns(sorted)
    const back = Array.from(sorted, (_, i) => valueAt(column!, 'float', i))
    t.strictSame(
      back,
      [...values].sort((a, b) => (a === null ? -1 : b === null ? 1 : a - b)),
    )
  }
  t.end()
})

t.test('the two zeros are one key, and NaN is one', (t) => {
  const type: FieldType = { kind: 'float', nullable: false, eventTime: false }
  const index = new KeyIndex([0], [type])
  t.equal(index.idOf([-0]), index.idOf([0]))
  t.equal(index.idOf([Number.NaN]), index.idOf([Number.NaN]))
  t.equal(index.size, 2)
  const [column] = index.columns(Int32Array.of(0))
  t.ok(Object.is(valueAt(column!, 'float', 0), 0))
  t.end()
})

t.test('no columns: one group of everything', (t) => {
  const index = new KeyIndex([], [])
  const schema = makeSchema({ at: eventTime() })
  const ids = Int32Array.of(9, 9)
  index.resolve(new Batch(schema, 2, [{ type: 'number', data: Float64Array.of(1, 2), valid: null }]), ids)
  t.strictSame([...ids], [0, 0])
  t.equal(index.size, 1)
  t.equal(index.text(0), '')
  t.strictSame(index.columns(ids), [])
  t.end()
})
