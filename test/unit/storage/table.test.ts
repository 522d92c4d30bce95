import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { prefixEnd } from '../../../src/storage/table.ts'

t.test('the end of a prefix is above all keys that begin with it, and below all others that follow', async (t) => {
  t.same(prefixEnd(Uint8Array.of(1, 2)), Uint8Array.of(1, 3))
  t.same(prefixEnd(Uint8Array.of(1, 255, 255)), Uint8Array.of(2))
  t.equal(prefixEnd(Uint8Array.of(255, 255)), undefined)
  t.equal(prefixEnd(new Uint8Array(0)), undefined)
  const bytes = fc.uint8Array({ maxLength: 4 }).map((key) => key.map((byte) => (byte % 2 === 0 ? 255 : byte)))
  fc.assert(
    fc.property(bytes, bytes, (prefix, key) => {
      const end = prefixEnd(prefix)
      const isWithin = Buffer.compare(key, prefix) >= 0 && (end === undefined || Buffer.compare(key, end) < 0)
      deepStrictEqual(isWithin, Buffer.compare(key.subarray(0, prefix.length), prefix) === 0)
    }),
  )
})
