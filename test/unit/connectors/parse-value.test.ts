import t, { type Test } from 'tap'
import { jsonParser, Misfit, type Parse, textParser, valueParser } from '../../../src/connectors/parse-value.ts'
import { valueToJson } from '../../../src/connectors/row-json.ts'
import type { Value } from '../../../src/records/column.ts'
import { packNested, unpacked } from '../../../src/records/nested.ts'
import {
  bool,
  bytes,
  date,
  decimal,
  eventTime,
  float,
  int,
  list,
  map,
  optional,
  string,
  struct,
  time,
} from '../../../src/records/schema.ts'

const at = Date.UTC(2001, 0, 13, 9, 30) * 1000

/** Pairs of what is read and what comes of it; a RegExp is matched against the reason. */
function check<From>(t: Test, parse: Parse<From>, pairs: [From, unknown][]): void {
  for (const [from, wanted] of pairs) {
    const got = parse(from)
    const name = String(typeof from === 'object' ? JSON.stringify(from) : from)
    if (wanted instanceof RegExp) t.match(got instanceof Misfit ? got.reason : got, wanted, name)
    else t.same(got, wanted, name)
  }
}

t.test('text becomes the field type, or a reason that names field, type and value', async (t) => {
  check(t, textParser('delay', int()), [
    ['12', 12],
    ['-12', -12],
    ['+12', 12],
    [' 12 ', 12],
    ['007', 7],
    ['12.0', 12],
    ['-0', 0],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740993', /^'delay' must be int, got "9007199254740993": it is not within ±2\^53$/],
    ['1.5', /it is not a whole number/],
    ['1e3', /it is not a whole number/],
    ['0x10', /it is not a whole number/],
    ['abc', /^'delay' must be int, got "abc": it is not a whole number$/],
    ['', /^'delay' must be int, got "": it is empty$/],
    ['x'.repeat(200), /^'delay' must be int, got "x{99}\.\.\.: it is not a whole number$/],
  ])
  check(t, textParser('share', float()), [
    ['1', 1],
    ['-1.5e3', -1500],
    ['.5', 0.5],
    ['5.', 5],
    ['nan', Number.NaN],
    ['NaN', Number.NaN],
    ['inf', Number.POSITIVE_INFINITY],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['-infinity', Number.NEGATIVE_INFINITY],
    ['1e999', /beyond the range/],
    ['1,5', /it is not a number/],
    ['0x10', /it is not a number/],
    ['', /it is empty/],
  ])
  check(t, textParser('isLate', bool()), [
    ['true', true],
    ['False', false],
    [' TRUE ', true],
    ['1', /'isLate' must be bool, got "1": it is neither true nor false/],
    ['yes', /neither true nor false/],
  ])
  check(t, textParser('name', string()), [
    ['', ''],
    [' a ', ' a '],
    ['null', 'null'],
  ])
  check(t, textParser('blob', bytes()), [
    ['AQID', Uint8Array.of(1, 2, 3)],
    ['AQ==', Uint8Array.of(1)],
    ['', new Uint8Array(0)],
    ['AQ', /it is not base64/],
    ['A!ID', /it is not base64/],
  ])
  check(t, textParser('at', eventTime()), [
    ['2001-01-13T09:30:00Z', at],
    ['979378200', at],
    ['979378200.5', /'at' must be event time, got "979378200.5": a time as a float is refused/],
    ['', /it is empty/],
  ])
  check(t, textParser('day', date()), [['2001-01-13', 11_335]])
})

t.test('empty text is null for a nullable field, but not for a nullable string', async (t) => {
  for (const type of [int(), float(), bool(), time(), date(), bytes()]) {
    t.equal(textParser('x', optional(type as ReturnType<typeof int>))(''), null, type.kind)
  }
  t.equal(textParser('x', optional(int()))('  '), null)
  t.equal(textParser('x', optional(string()))(''), '')
  t.match(textParser('delay', optional(int()))('abc'), { reason: /^'delay' must be int\?, got "abc": / })
  t.match(textParser('delay', optional(int()))('null'), { reason: /it is not a whole number/ })
})

t.test('JSON is taken as it is, and text in it is read as text', async (t) => {
  check(t, jsonParser('delay', int()), [
    [12, 12],
    ['12', 12],
    [1.5, /'delay' must be int, got 1.5: 1.5 is not a whole number within ±2\^53/],
    ['1.5', /it is not a whole number/],
    [true, /it is a boolean/],
    [null, /it is null/],
    [undefined, /'delay' must be int, got undefined: it is missing/],
    [{ a: 1 }, /it is (an object|a list)/],
  ])
  check(t, jsonParser('price', decimal(2)), [
    [0.3, 30],
    [-12.3, -1230],
    [1e3, 100_000],
    [123456789012345, /its units are not within/],
    [1234567890123.45, 123_456_789_012_345],
    [0.1 + 0.2, /'price' must be decimal\(2\), got 0.30000000000000004: .*more than 15 digits.* write it as text/],
    [1.234, /more than 2 digits behind the point/],
  ])
  check(t, jsonParser('share', float()), [
    [1, 1],
    ['-Infinity', Number.NEGATIVE_INFINITY],
    ['1.5', 1.5],
  ])
  check(t, jsonParser('isLate', bool()), [
    [true, true],
    ['false', false],
    [1, /it is a number/],
  ])
  check(t, jsonParser('name', string()), [
    ['', ''],
    [{ a: [1] }, '{"a":[1]}'],
    [1, /it is a number/],
    [[1], /it is (an object|a list)/],
  ])
  check(t, jsonParser('at', time()), [
    ['2001-01-13 09:30', at],
    [979378200, at],
    [979378200000, at],
    [979378200.5, /a time as a float is refused/],
    [true, /it is a boolean/],
  ])
  check(t, jsonParser('day', date()), [
    ['2001-01-13', 11_335],
    [11_335, 11_335],
  ])
  check(t, jsonParser('blob', bytes()), [
    ['AQID', Uint8Array.of(1, 2, 3)],
    [1, /it is a number/],
  ])
  check(t, jsonParser('delay', optional(int())), [
    [null, null],
    [undefined, null],
    ['', null],
  ])
})

t.test('values of a program are not cast, but times may be Date or ISO text', async (t) => {
  check(t, valueParser('delay', optional(int())), [
    [12, 12],
    [undefined, null],
    ['12', /'delay' must be int\?, got "12": it is a string/],
    [1.5, /not a whole number/],
  ])
  check(t, valueParser('at', eventTime()), [
    [at, at],
    [979378200, 979378200],
    [new Date(at / 1000), at],
    ['2001-01-13T09:30:00Z', at],
    ['soon', /'at' must be event time, got "soon": write ISO 8601/],
    [new Date(Number.NaN), /it is an invalid Date/],
    [1.5, /not a whole number/],
    [null, /it is null/],
  ])
  check(t, valueParser('day', date()), [
    [11_335, 11_335],
    [new Date('2001-01-13'), 11_335],
    [new Date('2001-01-13T09:30:00Z'), /it has a time of day/],
    ['2001-01-13', 11_335],
  ])
  check(t, valueParser('blob', bytes()), [
    [Uint8Array.of(1), Uint8Array.of(1)],
    ['AQ==', /it is a string/],
  ])
})

t.test('lists, maps and structs are read from JSON, also where it is text, and written as JSON', (t) => {
  const Stop = struct({ at: time(), gate: optional(string()) })
  const type = list(Stop)
  const given = [{ at: '2026-01-01T00:00:00Z', gate: 'A1', more: 1 }, { at: 1_767_225_600_000_000 }]
  const at = 1_767_225_600_000_000
  const stops = [
    { at, gate: 'A1' },
    { at, gate: null },
  ]
  const seen = (value: Value | Misfit) => (value instanceof Misfit ? value.reason : unpacked(type, value))
  t.strictSame(seen(jsonParser('stops', type)(given)), stops)
  t.strictSame(seen(textParser('stops', type)(JSON.stringify(given))), stops)
  t.strictSame(seen(valueParser('stops', type)(stops)), stops)
  t.strictSame(seen(valueParser('stops', type)([{ at: new Date(at / 1000), gate: 'A1' }])), stops.slice(0, 1))
  t.strictSame(valueToJson(packNested(type, stops), type), [
    { at: '2026-01-01T00:00:00.000Z', gate: 'A1' },
    { at: '2026-01-01T00:00:00.000Z', gate: null },
  ])
  t.match(seen(jsonParser('stops', type)([{ at: 'soon' }])), /^'stops\[\]\.at' must be time, got "soon": /)
  t.equal(
    seen(jsonParser('stops', type)(7)),
    "'stops' must be list<struct<at: time, gate: string?>>, got 7: it is not a list",
  )
  t.equal(
    seen(jsonParser('stops', type)(null)),
    "'stops' must be list<struct<at: time, gate: string?>>, got null: it is null",
  )
  t.match(seen(textParser('stops', type)('[1')), /it is not JSON/)
  t.strictSame(unpacked(map(int()), jsonParser('n', map(int()))({ a: '1', b: 2 }) as Value), { a: 1, b: 2 })
  t.equal(jsonParser('n', optional(map(int())))(null), null)
  t.end()
})
