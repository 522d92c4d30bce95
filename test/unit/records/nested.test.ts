import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { UserValue, Value } from '../../../src/records/column.ts'
import { decodeFrame } from '../../../src/records/frame-decoder.ts'
import { encodeFrame } from '../../../src/records/frame-encoder.ts'
import { describeSchema, readDescription } from '../../../src/records/frame-layout.ts'
import { packNested, unpacked } from '../../../src/records/nested.ts'
import { RowCursor } from '../../../src/records/row-cursor.ts'
import {
  bool,
  eventTime,
  type FieldType,
  float,
  int,
  list,
  map,
  optional,
  sameType,
  schema,
  string,
  struct,
  typeName,
} from '../../../src/records/schema.ts'
import { checkValue, whyNot } from '../../../src/records/value.ts'
import { anySchema, batchOf, runs } from '../operators/support.ts'

const Address = struct({ zip: string(), lines: list(optional(string())), at: optional(struct({ x: float() })) })
const types: FieldType[] = [list(int()), list(list(optional(bool()))), map(optional(float())), map(Address), Address]

const text = fc.string({ unit: fc.constantFrom('a', '\0', '\xff', '☃'), maxLength: 3 })
function anyOf({ kind, nullable, of, fields }: FieldType): fc.Arbitrary<UserValue> {
  const one = (): fc.Arbitrary<UserValue> => {
    if (kind === 'int') return fc.maxSafeInteger()
    // There is one zero and one NaN in a packed value.
    if (kind === 'float') return fc.double().map((x) => x + 0)
    if (kind === 'bool') return fc.boolean()
    if (kind === 'string') return text
    if (kind === 'list') return fc.array(anyOf(of!), { maxLength: 3 })
    if (kind === 'map') return fc.dictionary(text, anyOf(of!), { maxKeys: 3, noNullPrototype: true })
    const members = Object.entries(fields!).map(([name, type]) => [name, anyOf(type)] as const)
    return fc.record(Object.fromEntries(members), { noNullPrototype: true })
  }
  return nullable ? fc.option(one()) : one()
}

t.test('a packed value gives back what went in, and equal values have equal bytes', async () => {
  for (const type of types) {
    fc.assert(
      fc.property(anyOf(type), (value) => {
        const packed = packNested(type, value)
        deepStrictEqual(unpacked(type, packed), value)
        deepStrictEqual(whyNot(type, value), null)
        const turned =
          type.kind === 'map' ? Object.fromEntries(Object.entries(value as object).reverse()) : structuredClone(value)
        deepStrictEqual(packNested(type, turned), packed)
      }),
      { numRuns: runs(100) },
    )
  }
})

t.test('lists are ordered as their values are', async () => {
  const numbers = fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 4 })
  const compare = (a: readonly number[], b: readonly number[]): number => {
    const at = a.findIndex((x, i) => x !== b[i])
    return at < 0 || at >= b.length ? a.length - b.length : a[at]! - b[at]!
  }
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      const order = Buffer.compare(packNested(list(int()), a), packNested(list(int()), b))
      deepStrictEqual(order, Math.sign(compare(a, b)))
    }),
    { numRuns: runs(300) },
  )
})

t.test('rows with nested values go through batches, frames and row views', async () => {
  const Nested = schema({ at: eventTime(), tags: list(string()), rest: optional(map(list(int()))), home: Address })
  const row = fc.record({
    at: fc.nat(),
    ...Object.fromEntries(['tags', 'rest', 'home'].map((name) => [name, anyOf(anySchema(Nested).fields[name]!)])),
  }) as fc.Arbitrary<Record<string, UserValue>>
  const plain = (rows: readonly object[]) => rows.map((one) => ({ ...one }))
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 5 }), (rows) => {
      const batch = batchOf(
        Nested,
        rows.map((one) => ({ row: one })),
      )
      const through = decodeFrame(encodeFrame(batch), anySchema(Nested))
      deepStrictEqual(through.rows(), plain(rows))
      // Its schema can be read from the frame alone.
      deepStrictEqual(decodeFrame(encodeFrame(batch)).rows(), plain(rows))
      const cursor = new RowCursor(anySchema(Nested)).bind(through)
      deepStrictEqual(
        rows.map((_, i) => ({ ...cursor.moveTo(i) })),
        plain(rows),
      )
    }),
    { numRuns: runs(100) },
  )
})

t.test('types are told by name, and a description names them too', (t) => {
  t.strictSame(types.map(typeName), [
    'list<int>',
    'list<list<bool?>>',
    'map<float?>',
    'map<struct<zip: string, lines: list<string?>, at: struct<x: float>?>>',
    'struct<zip: string, lines: list<string?>, at: struct<x: float>?>',
  ])
  t.ok(sameType(list(int()), list(int())))
  t.notOk(sameType(list(int()), list(optional(int()))))
  t.notOk(sameType(struct({ a: int() }), struct({ b: int() })))
  const Nested = anySchema(schema({ at: eventTime(), home: optional(Address), n: int() }))
  const read = readDescription(describeSchema(Nested), 3)
  t.strictSame(Object.values(read).map(typeName), Object.values(Nested.fields).map(typeName))
  t.throws(() => struct({ 'a-b': int() }), { code: 'schema', message: /'a-b'/ })
  t.end()
})

t.test('what is not of the type is told with the place', (t) => {
  const why = (type: FieldType, value: unknown) => whyNot(type, value)
  t.equal(why(list(int()), 3), 'it is a number')
  t.equal(why(list(int()), [1, 2.5]), 'at [1] 2.5 is not a whole number within ±2^53')
  t.equal(why(map(int()), [1]), 'it is a list')
  t.equal(why(map(int()), { a: 'x' }), "at ['a'] it is a string")
  t.equal(why(Address, { zip: '1', lines: [null, 7] }), 'at .lines at [1] it is a number')
  t.equal(why(Address, { lines: [] }), 'at .zip it is null')
  t.equal(why(Address, { zip: '1', lines: [], more: 1 }), null, 'members that it does not have are not looked at')
  t.equal(why(list(int()), new Uint8Array(3)), 'it is an object')
  t.throws(() => checkValue('tags', list(string()), ['a', 1]), {
    kind: 'record',
    message: `'tags' must be list<string>, got ["a",1]: at [1] it is a number`,
  })
  const missing: Value = null
  t.strictSame(unpacked(optional(list(int())), missing), null)
  t.end()
})
