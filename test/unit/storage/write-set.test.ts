/** The write set against a plain map: whatever is sealed, stored or neither, reads see every write in order. */
import { deepStrictEqual, ok } from 'node:assert/strict'
import v8 from 'node:v8'
import vm from 'node:vm'
import fc from 'fast-check'
import t from 'tap'
import { MemoryEnvironment } from '../../../src/storage/memory-environment.ts'
import { WriteSet } from '../../../src/storage/write-set.ts'
import { runs } from '../operators/support.ts'

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1')
const meta = (version: number) => ({ version, body: new Uint8Array(0) })

type Step =
  | { readonly kind: 'write'; readonly table: string; readonly key: Uint8Array; readonly value: Uint8Array | null }
  | { readonly kind: 'look'; readonly table: string; readonly from?: Uint8Array; readonly to?: Uint8Array }
  | { readonly kind: 'seal' | 'commit' | 'drop' }

const table = fc.constantFrom('a', 'b')
const key = fc.uint8Array({ minLength: 1, maxLength: 2 }).map((bytes) => bytes.map((byte) => (byte % 4) * 85))
const bound = fc.option(fc.uint8Array({ maxLength: 2 }), { nil: undefined, freq: 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      table,
      key,
      value: fc.option(fc.uint8Array({ maxLength: 3 })),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('look' as const), table, from: bound, to: bound }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('seal' as const, 'commit' as const, 'drop' as const) }) },
)

t.test('any history of writes, seals and stores reads like a sorted map', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), checkHistory), {
    numRuns: runs(400),
  })
})

async function checkHistory(steps: readonly Step[]): Promise<void> {
  const store = new MemoryEnvironment()
  const set = new WriteSet(store)
  const model = new Map<string, Map<string, Uint8Array>>([
    ['a', new Map()],
    ['b', new Map()],
  ])
  let version = 0
  let sealed: ReturnType<WriteSet['seal']> | null = null
  let isCommitted = false
  for (const step of steps) {
    if (step.kind === 'write') {
      const { table, key, value } = step
      if (value === null) set.table(table).remove(key)
      else set.table(table).put(key, value)
      if (value === null) model.get(table)!.delete(Buffer.from(key).toString('latin1'))
      else model.get(table)!.set(Buffer.from(key).toString('latin1'), value)
    } else if (step.kind === 'look') {
      const { from, to } = step
      const wanted = [...model.get(step.table)!]
        .map(([key, value]) => [bytesOf(key), value] as const)
        .filter(([key]) => (!from || Buffer.compare(key, from) >= 0) && (!to || Buffer.compare(key, to) < 0))
        .sort(([a], [b]) => Buffer.compare(a, b))
      const got = [...set.table(step.table).range({ from, to })]
      deepStrictEqual(got.map(plain), wanted.map(plain))
      for (const [key, value] of wanted) deepStrictEqual(plain([set.table(step.table).get(key)!]), plain([value]))
      if (from?.length) deepStrictEqual(set.table(step.table).get(from) !== undefined, isIn(wanted, from))
    } else if (step.kind === 'seal' && sealed === null) {
      sealed = set.seal()
      isCommitted = false
      deepStrictEqual(set.bytes, 0)
    } else if (step.kind === 'commit' && sealed !== null && !isCommitted) {
      ok(await store.commit(version, meta(++version), sealed))
      isCommitted = true
    } else if (step.kind === 'drop' && isCommitted && sealed !== null) {
      set.sealedStored()
      sealed = null
    }
    deepStrictEqual(set.hasSealed, sealed !== null)
  }
}

const plain = (entry: readonly Uint8Array[]): string[] => entry.map((bytes) => Buffer.from(bytes).toString('hex'))
const isIn = (entries: readonly (readonly [Uint8Array, Uint8Array])[], key: Uint8Array): boolean =>
  entries.some(([other]) => Buffer.compare(other, key) === 0)

t.test('seal gives each table its writes in key order, the last of each key, removals too', async (t) => {
  const set = new WriteSet(new MemoryEnvironment())
  for (const key of ['b', '\xff', 'a', 'ab', '\x00', 'b']) set.table('t').put(bytesOf(key), bytesOf(`${key}!`))
  set.table('t').remove(bytesOf('ab'))
  set.table('u').put(bytesOf('a'), bytesOf('1'))
  const writes = set.seal().map(({ table, key, value }) => [table, text(key), value && text(value)])
  t.same(writes, [
    ['t', '\x00', '\x00!'],
    ['t', 'a', 'a!'],
    ['t', 'ab', null],
    ['t', 'b', 'b!'],
    ['t', '\xff', '\xff!'],
    ['u', 'a', '1'],
  ])
})

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

t.test('a removal hides what is sealed or stored, and a sealed layer is seen until it is stored', async (t) => {
  const store = new MemoryEnvironment()
  const set = new WriteSet(store)
  const table = set.table('t')
  const [x, one] = [bytesOf('x'), bytesOf('1')]
  table.put(x, one)
  const writes = set.seal()
  t.same(table.get(x), one, 'sealed')
  table.remove(x)
  t.equal(table.get(x), undefined, 'removed in the open layer')
  t.same([...table.range()], [])
  t.throws(() => set.seal(), { message: /sealed layer already/ })
  await store.commit(0, meta(1), writes)
  set.sealedStored()
  t.equal(table.get(x), undefined, 'the store has it, the open layer has not')
  await store.commit(1, meta(2), set.seal())
  set.sealedStored()
  t.same([...store.range('t')], [])
})

t.test('bytes count what the open layer holds, a hot key once', async (t) => {
  const set = new WriteSet(new MemoryEnvironment())
  const table = set.table('t')
  t.equal(set.bytes, 0)
  table.put(bytesOf('hot'), new Uint8Array(100))
  const one = set.bytes
  t.ok(one >= 103)
  for (let i = 0; i < 1000; i++) table.put(bytesOf('hot'), new Uint8Array(100))
  t.equal(set.bytes, one, 'a thousand writes of one key hold one value')
  table.put(bytesOf('hot'), new Uint8Array(150))
  t.equal(set.bytes, one + 50)
  table.remove(bytesOf('hot'))
  t.equal(set.bytes, one - 100, 'a removal is held too')
  table.put(bytesOf('other'), new Uint8Array(1000))
  t.ok(set.bytes >= one + 900)
  set.seal()
  t.equal(set.bytes, 0)
  table.put(bytesOf('hot'), new Uint8Array(100))
  t.equal(set.bytes, one, 'the next layer counts anew')
})

t.test('small entries take no more of the heap than is counted', async (t) => {
  v8.setFlagsFromString('--expose-gc')
  const collect = vm.runInNewContext('gc') as () => void
  const set = new WriteSet(new MemoryEnvironment())
  const table = set.table('t')
  collect()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 50_000; i++) {
    const key = Buffer.from(new Uint8Array(16))
    key.writeUInt32BE(Math.imul(i, 2654435761) >>> 0, 0)
    if (i % 2 === 0) table.put(key, Buffer.from(new Uint8Array(24)))
    else table.remove(key)
  }
  collect()
  const taken = process.memoryUsage().heapUsed - before
  t.ok(taken < set.bytes, `${taken} bytes, ${set.bytes} counted`)
})
