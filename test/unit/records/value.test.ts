import fc from 'fast-check'
import t from 'tap'
import { type FieldKind, optional, string } from '../../../src/records/schema.ts'
import { checkValue, whyNot } from '../../../src/records/value.ts'
import { runs } from '../operators/support.ts'
import { anyValue, plainKinds } from './support.ts'

const type = (kind: FieldKind, nullable = false) => ({ kind, nullable, eventTime: false })
const kinds = plainKinds

t.test('every value of a kind is of its type, and null only where that is optional', async () => {
  const any = fc.constantFrom(...kinds).chain((kind) => fc.tuple(fc.constant(kind), anyValue[kind]))
  fc.assert(
    fc.property(any, ([kind, value]) => whyNot(type(kind), value) === null),
    { numRuns: runs(300) },
  )
  for (const kind of kinds) {
    for (const nothing of [null, undefined]) {
      t.equal(whyNot(type(kind, true), nothing), null)
      t.equal(whyNot(type(kind), nothing), 'it is null')
    }
  }
})

t.test('a value of another type is told by what it is', async (t) => {
  const wrong: [FieldKind, unknown, RegExp][] = [
    ['int', 0.5, /0.5 is not a whole number within ±2\^53/],
    ['int', 2 ** 53, /9007199254740992 is not/],
    ['int', Number.NaN, /NaN is not/],
    ['time', Number.POSITIVE_INFINITY, /Infinity is not/],
    ['date', new Date(0), /it is an object/],
    ['int', '1', /it is a string/],
    ['float', '1', /it is a string/],
    ['bool', 1, /it is a number/],
    ['string', 1, /it is a number/],
    ['bytes', 'a', /it is a string/],
    ['bytes', [1], /it is a list/],
  ]
  for (const [kind, value, why] of wrong) t.match(whyNot(type(kind), value), why, `${kind} ${value}`)
})

t.test('a wrong value is an error of its row, whatever it is: it names field, type and value', async (t) => {
  const circle: unknown[] = []
  circle.push(circle)
  const shown: [unknown, string][] = [
    [1, '1'],
    [{ a: 1 }, '{"a":1}'],
    [Uint8Array.of(1, 2), '2 bytes'],
    [10n, '10'],
    [undefined, 'undefined'],
    [Symbol('a'), 'Symbol(a)'],
    [circle, 'Array'],
    [Object.assign(Object.create(null), { a: 1n }), 'Object'],
  ]
  for (const [value, text] of shown) {
    t.throws(() => checkValue('origin', string(), value), { kind: 'record', code: 'type' }, text)
    t.throws(() => checkValue('origin', string(), value), {
      message: new RegExp(`'origin' must be string, got .*${text.replace(/[()]/g, '\\$&')}`),
    })
  }
  t.doesNotThrow(() => checkValue('origin', optional(string()), null))
})
