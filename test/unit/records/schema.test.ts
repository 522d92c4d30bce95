import t from 'tap'
import {
  bool,
  bytes,
  date,
  eventTime,
  type FieldType,
  fieldOf,
  float,
  int,
  makeSchema,
  optional,
  sameType,
  schema,
  string,
  time,
  typeName,
} from '../../../src/records/schema.ts'
import { anySchema } from '../operators/support.ts'

const Flight = schema({ origin: string(), at: eventTime(), delay: optional(int()) })

t.test('a schema has its fields in the order of declaration, and knows its event time', async (t) => {
  t.strictSame(Flight.names, ['origin', 'at', 'delay'])
  t.equal(Flight.time, 'at')
  t.strictSame(Flight.fields.delay, { kind: 'int', nullable: true, eventTime: false })
})

t.test('exactly one event time: none or several are an error of the user that names the fields', async (t) => {
  t.throws(() => makeSchema({ a: int(), b: time() }), {
    kind: 'user',
    code: 'schema',
    message: 'a schema has exactly one eventTime() field, this one has 0 (a, b)',
  })
  t.throws(() => makeSchema({ a: eventTime(), b: eventTime() }), { kind: 'user', message: /this one has 2 \(a, b\)/ })
  t.throws(() => makeSchema({}), { kind: 'user', code: 'schema', message: /has 0/ })
})

t.test('a name that is no identifier, or that every object has, is an error that says what to take', async (t) => {
  const bad = ['', ' a', 'a b', 'a-b', 'a.b', '1a', '0', 'ä', 'a\n', '__proto__', 'constructor', 'toString', 'toJSON']
  for (const name of [...bad, 'n'.repeat(256)]) {
    const fields = Object.fromEntries<FieldType>([
      ['at', eventTime()],
      [name, int()],
    ])
    t.throws(
      () => makeSchema(fields),
      { kind: 'user', code: 'schema', message: /take up to 255 letters, digits and _/ },
      name,
    )
  }
  for (const name of ['a', '_', 'A1', 'snake_case', 'camelCase', '_1', 'n'.repeat(255)]) {
    t.strictSame(makeSchema({ at: eventTime(), [name]: int() }).names, ['at', name])
  }
})

t.test('a field that is not there is an error that lists those that are', async (t) => {
  t.strictSame(fieldOf(anySchema(Flight), 'delay'), Flight.fields.delay)
  for (const name of ['dest', '', 'constructor', 'toString', '__proto__']) {
    t.throws(() => fieldOf(anySchema(Flight), name), {
      kind: 'user',
      code: 'field',
      message: `there is no field '${name}'; the fields are origin, at, delay`,
    })
  }
})

t.test('types by name, and which are the same', async (t) => {
  const types = [int(), float(), bool(), string(), bytes(), time(), date()] as FieldType[]
  const optionals = [optional(int()), optional(string())] as FieldType[]
  t.strictSame([...types, ...optionals, eventTime()].map(typeName), [
    'int',
    'float',
    'bool',
    'string',
    'bytes',
    'time',
    'date',
    'int?',
    'string?',
    'event time',
  ])
  const all = [...types, ...optionals]
  for (const a of all) for (const b of all) t.equal(sameType(a, b), a === b, `${typeName(a)} and ${typeName(b)}`)
  t.ok(sameType(eventTime(), time()), 'an event time is a time')
})
