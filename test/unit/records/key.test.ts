import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Batch } from '../../../src/records/batch.ts'
import type { Column, Value } from '../../../src/records/column.ts'
import { decodeFrame } from '../../../src/records/frame-decoder.ts'
import { encodeFrame } from '../../../src/records/frame-encoder.ts'
import { hashRows, packKey, packValues, unpackKey } from '../../../src/records/key.ts'
import { eventTime, type FieldKind, type FieldType, makeSchema } from '../../../src/records/schema.ts'
import { batchOf, runs } from '../operators/support.ts'
import { anyValue, hex, oddNaN, plainKinds, stored } from './support.ts'

/** A value as a key has it: one zero, and text that UTF-8 can hold. */
const keyed = (value: Value): Value => (value === 0 ? 0 : stored(value))

const anyKinds = fc.array(fc.constantFrom(...plainKinds), { minLength: 1, maxLength: 3 })
const keyOf = (kinds: readonly FieldKind[]): fc.Arbitrary<Value[]> =>
  fc.tuple(...kinds.map((kind) => fc.option(anyValue[kind], { freq: 4 }).map(keyed)))
/** Several keys of the same kinds. */
const anyKeys = anyKinds.chain((kinds) =>
  fc.record({ kinds: fc.constant(kinds), keys: fc.array(keyOf(kinds), { minLength: 2, maxLength: 8 }) }),
)

/** The order that keys promise: null first, NaN last, text by code points, bytes by bytes. */
function compareValues(a: Value, b: Value): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null)
  if (typeof a === 'string') return compareLists([...a].map(codePoint), [...(b as string)].map(codePoint))
  if (a instanceof Uint8Array) return compareLists([...a], [...(b as Uint8Array)])
  const [left, right] = [Number(a), Number(b)]
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(left)) - Number(Number.isNaN(right))
  return Number(left > right) - Number(left < right)
}

const codePoint = (letter: string): number => letter.codePointAt(0)!

function compareLists(a: readonly number[], b: readonly number[]): number {
  const i = a.findIndex((one, at) => one !== b[at])
  if (i < 0) return a.length === b.length ? 0 : -1
  return i >= b.length ? 1 : Math.sign(a[i]! - b[i]!)
}

const compareKeys = (a: readonly Value[], b: readonly Value[]): number =>
  a.map((value, c) => compareValues(value, b[c]!)).find((order) => order !== 0) ?? 0

t.test('bytes of keys are in the order of their values, and equal only for equal values', async () => {
  fc.assert(
    fc.property(anyKeys, ({ keys }) => {
      for (const a of keys) {
        for (const b of keys) deepStrictEqual(Buffer.compare(packValues(a), packValues(b)), compareKeys(a, b))
      }
    }),
    { numRuns: runs(1000) },
  )
})

t.test('a key is taken apart into its values', async () => {
  fc.assert(
    fc.property(anyKeys, ({ kinds, keys }) => {
      for (const key of keys) deepStrictEqual(unpackKey(packValues(key), kinds), key)
    }),
    { numRuns: runs(500) },
  )
})

t.test('bytes that are not a key of these kinds are corruption, or the key that they are', async () => {
  const anyBytes = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    fc.array(fc.constantFrom(0, 1, 97, 255), { maxLength: 12 }),
  )
  const corruption = { kind: 'corruption', code: 'packed-key' }
  fc.assert(
    fc.property(anyKeys, fc.nat(), ({ kinds, keys }, cut) => {
      const bytes = packValues(keys[0]!)
      const error = (some: Uint8Array) => {
        try {
          return unpackKey(some, kinds)
        } catch (thrown) {
          const { kind, code } = thrown as { kind: string; code: string }
          return { kind, code }
        }
      }
      deepStrictEqual(error(bytes.subarray(0, cut % bytes.length)), corruption)
      deepStrictEqual(error(Buffer.concat([bytes, Buffer.of(cut & 255)])), corruption)
    }),
    { numRuns: runs(500) },
  )
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      try {
        const [value] = unpackKey(Uint8Array.from(bytes), ['bytes'])
        deepStrictEqual(hex(packValues([value!])), hex(Uint8Array.from(bytes)))
      } catch (error) {
        deepStrictEqual((error as { code?: string }).code, 'packed-key')
      }
    }),
    { numRuns: runs(500) },
  )
})

/** The same values in another column: something beneath each null, codes turned round, values that no row has. */
function otherColumn(column: Column): Column {
  switch (column.type) {
    case 'number': {
      const valid = column.valid ?? new Uint8Array(column.data.length).fill(1)
      const data = column.data.map((value, i) => {
        if (valid[i] === 0) return 7
        return Number.isNaN(value) ? oddNaN : value === 0 ? -0 : value
      })
      return { type: 'number', data, valid }
    }
    case 'string': {
      const values = ['never', ...column.values.toReversed()]
      const codes = column.codes.map((code) => (code < 0 ? -1 : column.values.length - code))
      return { type: 'string', values, codes }
    }
    case 'bytes':
      return { type: 'bytes', values: column.values.map((value) => value && Buffer.from(value)) }
  }
}

t.test('a row has the key and the hash of its values, whatever the columns that hold them', async () => {
  fc.assert(
    fc.property(anyKeys, fc.nat(), ({ kinds, keys }, first) => {
      const type = (kind: FieldKind): FieldType => ({ kind, nullable: true, eventTime: false })
      const fields = kinds.map((kind, c): [string, FieldType] => [`k${c}`, type(kind)])
      const schema = makeSchema({ at: eventTime(), ...Object.fromEntries(fields) })
      const rows = keys.map((key) => ({ row: { at: 0, ...Object.fromEntries(key.map((v, c) => [`k${c}`, v])) } }))
      const batch = batchOf(schema, rows)
      const others = [
        new Batch(schema, batch.length, batch.columns.map(otherColumn)),
        decodeFrame(encodeFrame(batch)),
        batch
          .gather(Int32Array.from(keys.keys()).reverse(), keys.length)
          .gather(Int32Array.from(keys.keys()).reverse(), keys.length),
      ]
      // Columns in any order, one of them twice.
      const columns = [...kinds.map((_, c) => 1 + ((c + first) % kinds.length)), 1]
      const hashes = (of: Batch) => {
        const into = new Uint32Array(of.length + 1).fill(5)
        hashRows(of, columns, into)
        deepStrictEqual(into[of.length], 5)
        return [...into]
      }
      const packed = (of: Batch) => keys.map((_, i) => hex(packKey(of, columns, i)))
      const expected = keys.map((key) => hex(packValues(columns.map((c) => key[c - 1]!))))
      for (const of of [batch, ...others]) {
        deepStrictEqual(packed(of), expected)
        deepStrictEqual(hashes(of), hashes(batch))
      }
      for (let i = 0; i < keys.length; i++) {
        const alone = new Uint32Array(1)
        hashRows(batchOf(schema, [rows[i]!]), columns, alone)
        deepStrictEqual(alone[0], hashes(batch)[i])
      }
    }),
    { numRuns: runs(300) },
  )
})

// Both are part of the format: other bytes lose what is stored, other hashes move keys between shards.
t.test('keys and hashes are what they were', async (t) => {
  const key = [1, -1.5, true, null, 'a\0é', Uint8Array.of(0, 9), Number.NaN]
  const packed = [
    '01bff0000000000000',
    '014007ffffffffffff',
    '01bff0000000000000',
    '00',
    '016100ffc3a90000',
    '0100ff090000',
  ]
  t.equal(hex(packValues(key)), [...packed, '01fff8000000000000'].join(''))
  const kinds: FieldKind[] = ['int', 'float', 'bool', 'string', 'string', 'bytes', 'float']
  const names = kinds.map((_, c) => `k${c}`)
  const types = kinds.map((kind, c): [string, FieldType] => [names[c]!, { kind, nullable: true, eventTime: false }])
  const schema = makeSchema({ at: eventTime(), ...Object.fromEntries(types) })
  const batch = batchOf(schema, [{ row: { at: 0, ...Object.fromEntries(key.map((value, c) => [names[c], value])) } }])
  const hash = (...columns: number[]) => {
    const into = new Uint32Array(1)
    hashRows(batch, columns, into)
    return into[0]
  }
  const one = 1364076727
  const each = [one, 1630227064, one, 1853189228, 592097338, 3480111609, 104869765]
  t.strictSame(
    kinds.map((_, c) => hash(c + 1)),
    each,
  )
  t.equal(hash(1, 2, 3, 4, 5, 6, 7), 836740107)
})
