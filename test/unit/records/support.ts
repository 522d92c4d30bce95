/** What the tests of the records share: a schema of every type, and arbitrary values of them. */
import fc from 'fast-check'
import type { Value } from '../../../src/records/column.ts'
import {
  bool,
  bytes,
  date,
  eventTime,
  type FieldKind,
  float,
  int,
  isNested,
  optional,
  schema,
  string,
  time,
} from '../../../src/records/schema.ts'
import type { PlainRow } from '../operators/support.ts'

/** Every type, as such and optional. */
export const Every = schema({
  at: eventTime(),
  i: int(),
  f: float(),
  b: bool(),
  s: string(),
  y: bytes(),
  t: time(),
  d: date(),
  noI: optional(int()),
  noF: optional(float()),
  noB: optional(bool()),
  noS: optional(string()),
  noY: optional(bytes()),
  noT: optional(time()),
  noD: optional(date()),
})

/** A NaN with other bits than the constant has: what a division of zero by zero gives on most machines. */
export const oddNaN: number = new Float64Array(new BigUint64Array([0xfff8_0000_0000_0001n]).buffer)[0]!

const edges = [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]
const whole = fc.oneof(fc.maxSafeInteger(), fc.constantFrom(...edges), fc.integer({ min: -3, max: 3 }))
const double = fc.oneof(
  fc.double(),
  fc.constantFrom(0, -0, Number.NaN, oddNaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324, 2 ** 53, 0.1),
  fc.integer({ min: -3, max: 3 }),
)
const lone = ['\ud800', '\udfff', 'a\udc00', '\udbff\udbff', '\ufffd']
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc.string({ maxLength: 2 }),
  fc.constantFrom('', '\0', 'a\0', 'a\0\0b', '\x7f', 'é', '☃', '😀', '\uffff', ...lone),
)
const blob = fc.oneof(
  fc.uint8Array({ maxLength: 4 }),
  fc.constantFrom(...[[], [0], [0, 0], [0, 255], [255]].map((x) => Uint8Array.from(x))),
)

/** Values of a kind; those that are hard to keep come often. */
export const anyValue: Record<FieldKind, fc.Arbitrary<Value>> = {
  int: whole,
  float: double,
  decimal: whole,
  bool: fc.boolean(),
  string: text,
  bytes: blob,
  time: whole,
  date: whole,
  // Packed, as they are kept: see nested.test.ts.
  list: blob,
  map: blob,
  struct: blob,
}

/** Kinds whose types need nothing else said. */
export const plainKinds = (Object.keys(anyValue) as FieldKind[]).filter((kind) => !isNested(kind) && kind !== 'decimal')

export const row: fc.Arbitrary<PlainRow> = fc.record(
  Object.fromEntries(
    Every.names.map((name) => {
      const { kind, nullable } = Every.fields[name as keyof typeof Every.fields]
      return [name, nullable ? fc.option(anyValue[kind]) : anyValue[kind]]
    }),
  ),
)

/** A value as it comes back from bytes: text is UTF-8, which has no lone surrogates, and all NaN are one. */
export const stored = (value: Value): Value =>
  typeof value === 'string'
    ? Buffer.from(value).toString()
    : value instanceof Uint8Array
      ? Uint8Array.from(value)
      : value

export const storedRow = (plain: PlainRow): PlainRow =>
  Object.fromEntries(Object.entries(plain).map(([name, value]) => [name, stored(value as Value)]))

/** An origin: a head, then eight bytes of the place behind it. */
export function originOf(head: readonly number[], seq: number): Uint8Array {
  const bytes = Buffer.alloc(head.length + 8)
  bytes.set(head)
  bytes.writeBigUInt64BE(BigInt(seq), head.length)
  return Uint8Array.from(bytes)
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The rows of a batch as they would be in memory, whatever classes hold their bytes. */
export const plainRows = (rows: readonly PlainRow[]): PlainRow[] =>
  rows.map((plain) =>
    Object.fromEntries(Object.entries(plain).map(([k, v]) => [k, v instanceof Uint8Array ? Uint8Array.from(v) : v])),
  )
