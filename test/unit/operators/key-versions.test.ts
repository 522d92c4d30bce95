import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { hashString } from '../../../src/base/hash.ts'
import { KeyVersions, type VersionTables } from '../../../src/operators/key-versions/key-versions.ts'
import { NONE } from '../../../src/operators/key-versions/version-values.ts'
import { ScratchTable } from '../../../src/operators/scratch-table.ts'
import type { Batch } from '../../../src/records/batch.ts'
import { decodeFrame } from '../../../src/records/frame-decoder.ts'
import { eventTime, int, optional, schema, string } from '../../../src/records/schema.ts'
import { batchOf, originOf, runs } from './support.ts'

const Version = schema({
  at: eventTime(),
  text: optional(string()),
  number: int(),
  value: optional(string()),
  n: int(),
})
type Row = { at: number; text: string | null; number: number; value: string | null; n: number }
const TYPES = { keys: [optional(string()), int()], values: [optional(string()), int()] }
const LIMITS = { batchBytesMax: 100, outboxBytesMax: 100, cacheBytesMax: 1 << 14, writeSetBytesMax: 1 << 20 }

const newTables = (): VersionTables => ({ blocks: new ScratchTable(), bounds: new ScratchTable() })
const over = (tables: VersionTables, limits = LIMITS) => new KeyVersions(tables, TYPES, limits)
const keysOf = (batch: Batch) => batch.columns.slice(1, 3)

let seq = 0
/** Puts rows in, in their order. */
function put(versions: KeyVersions, rows: readonly Row[], horizon = Number.NEGATIVE_INFINITY): void {
  const batch = batchOf(
    Version,
    rows.map((row) => ({ row, origin: originOf(1, seq++ % 256) })),
  )
  const first = versions.add(batch, versions.look(keysOf(batch), rows.length), batch.columns.slice(3))
  const { lists } = versions
  lists.horizon = Math.max(lists.horizon, horizon)
  for (let i = 0; i < rows.length; i++) lists.link(first + i)
}

/** The value that each key has at a time; undefined where there is none. */
function valuesAt(versions: KeyVersions, keys: readonly Pick<Row, 'text' | 'number'>[], at: number) {
  const batch = batchOf(
    Version,
    keys.map((key) => ({ row: { ...key, at, value: null, n: 0 } })),
  )
  const ids = versions.look(keysOf(batch), keys.length)
  const found = Int32Array.from(ids, (id) => versions.lists.at(id, at))
  const numbers = versions.columns.column(1, found) as { data: Float64Array; valid: Uint8Array | null }
  return Array.from(found, (version, i) => (version === NONE ? undefined : numbers.data[i]))
}

const row = (number: number, at: number, n: number, text: string | null = 'k'): Row => ({
  ...{ at, text, number, value: n % 3 === 0 ? null : `v${n}`, n },
})

t.test('many keys become many blocks, and each is found again by another instance', (t) => {
  const tables = newTables()
  const last = new Map<number, number>()
  for (let round = 0; round < 12; round++) {
    const versions = over(tables)
    const rows = Array.from({ length: 1500 }, (_, i) => row((i * 4 + round) % 6000, round, round * 1500 + i))
    put(versions, rows)
    for (const { number, n } of rows) last.set(number, n)
    versions.flush()
  }
  const blocks = new Set([...tables.blocks.range()].map(([key]) => Buffer.from(key).readUInt32BE(0)))
  t.ok(blocks.size > 5, `${blocks.size} blocks`)
  const keys = Array.from(last.keys(), (number) => ({ text: 'k', number }))
  t.equal(keys.length, 6000)
  t.strictSame(valuesAt(over(tables), keys, 100), [...last.values()])
  const strangers = [
    { text: 'k', number: 6000 },
    { text: null, number: 1 },
  ]
  t.strictSame(valuesAt(over(tables), strangers, 100), [undefined, undefined])
  t.end()
})

t.test('frames of a block are joined: what is read again and again is in few of them', (t) => {
  const tables = newTables()
  for (let round = 0; round < 40; round++) {
    const versions = over(tables)
    put(versions, [row(round % 7, round, round)], round)
    versions.flush()
  }
  t.ok([...tables.blocks.range()].length <= 4)
  t.end()
})

function textsOfOneHash(): [string, string] {
  const known = new Map<number, string>()
  for (let i = 0; ; i++) {
    const text = `k${i}`
    const hash = hashString(text)
    if (known.has(hash)) return [known.get(hash)!, text]
    known.set(hash, text)
  }
}

t.test('keys of one hash are told apart', (t) => {
  const pair = textsOfOneHash()
  const tables = newTables()
  for (const [text, at] of [...pair, ...pair].map((text, i) => [text, i + 1] as const)) {
    const versions = over(tables)
    put(versions, [row(1, at, at, text)])
    versions.flush()
  }
  const keys = pair.map((text) => ({ text, number: 1 }))
  t.strictSame(valuesAt(over(tables), keys, 2), [1, 2])
  t.strictSame(valuesAt(over(tables), keys, 9), [3, 4])
  t.end()
})

t.test('superseded versions go also where keys of one hash come in turn', (t) => {
  const pair = textsOfOneHash()
  const tables = newTables()
  for (let at = 0; at < 400; at += 10) {
    const versions = over(tables)
    put(
      versions,
      Array.from({ length: 10 }, (_, i) => row(1, at + i, at + i, pair[i % 2])),
      at,
    )
    versions.flush()
  }
  const rows = [...tables.blocks.range()].reduce((sum, [, frame]) => sum + decodeFrame(frame).length, 0)
  t.ok(rows < 100, `${rows} rows`)
  t.end()
})

t.test('blocks of large rows are small in rows, and no flush writes them all', (t) => {
  const tables = newTables()
  let most = 0
  for (let round = 0; round < 10; round++) {
    const versions = over(tables)
    put(
      versions,
      Array.from({ length: 50 }, (_, i) => ({ ...row(round * 50 + i, 1, 1), value: 'v'.repeat(8000) })),
    )
    versions.flush()
    for (const [, frame] of tables.blocks.range()) most = Math.max(most, frame.length)
  }
  t.ok(most < 200_000, `${most} bytes`)
  t.end()
})

t.test('rows are looked up in pieces that memory has room for', (t) => {
  const tables = newTables()
  const limits = { ...LIMITS, writeSetBytesMax: 1 << 18 }
  const keys = Array.from({ length: 2000 }, (_, i) => row(i, 1, i))
  const filled = over(tables)
  put(
    filled,
    keys.map((one) => ({ ...one, value: `${one.n}${'v'.repeat(1000)}` })),
  )
  filled.flush()
  const versions = over(tables, limits)
  let most = 0
  for (const piece of versions.pieces(
    batchOf(
      Version,
      keys.map((one) => ({ row: one })),
    ),
  )) {
    versions.look(keysOf(piece), piece.length)
    most = Math.max(most, versions.memoryBytes)
  }
  t.ok(versions.lookRows < 256, `${versions.lookRows} rows`)
  t.ok(most < 1 << 20, `${most} bytes`)
  t.end()
})

t.test('what is in memory stays within bounds, in the midst of what is put in', (t) => {
  const limits = { ...LIMITS, writeSetBytesMax: 1 << 16 }
  const versions = over(newTables(), limits)
  let most = 0
  for (let round = 0; round < 50; round++) {
    put(
      versions,
      Array.from({ length: 100 }, (_, i) => row(round * 100 + i, 1, i)),
    )
    most = Math.max(most, versions.memoryBytes)
  }
  t.ok(most < limits.writeSetBytesMax * 2, `${most} bytes`)
  t.strictSame(
    valuesAt(
      versions,
      [
        { text: 'k', number: 4999 },
        { text: 'k', number: 0 },
      ],
      1,
    ),
    [99, 0],
  )
  t.end()
})

t.test('those who take over get the versions of the keys that they choose', (t) => {
  const [from, to] = [newTables(), newTables()]
  const versions = over(from)
  put(
    versions,
    Array.from({ length: 3000 }, (_, i) => row(i, i % 5, i)),
  )
  versions.flush()
  const taking = over(to)
  const chosen = (keys: { type: string }[], length: number) =>
    Int32Array.from({ length }, (_, i) => i).filter(
      (i) => (keys[1] as never as { data: Float64Array }).data[i]! % 3 === 0,
    )
  for (const _ of taking.takeOver(from, chosen)) void _
  const keys = Array.from({ length: 3000 }, (_, number) => ({ text: 'k', number }))
  t.strictSame(
    valuesAt(over(to), keys, 9),
    keys.map(({ number }) => (number % 3 === 0 ? number : undefined)),
  )
  t.end()
})

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      rows: fc.array(fc.tuple(fc.constantFrom('a', 'b', null), fc.nat(2), fc.nat(9)), { maxLength: 6 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('flush' as const, 'reopen' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('advance' as const), by: fc.nat(5) }) },
)

t.test('random histories: at each time from the horizon on the version that brute force finds', async () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const tables = newTables()
      const limits = { ...LIMITS, cacheBytesMax: 0 }
      let versions = over(tables, limits)
      let horizon = 0
      let n = 0
      const rows: Row[] = []
      for (const one of steps) {
        if (one.kind === 'put') {
          const added = one.rows.map(([text, number, ahead]) => row(number, horizon + ahead, ++n, text))
          // Of rows of one time the later one has the higher origin.
          seq = rows.length
          put(versions, added, horizon)
          rows.push(...added)
        } else if (one.kind === 'advance') horizon += one.by
        else {
          versions.flush()
          if (one.kind === 'reopen') versions = over(tables, limits)
        }
      }
      const keys = ['a', 'b', null].flatMap((text) => [0, 1, 2].map((number) => ({ text, number })))
      for (let at = horizon; at < horizon + 10; at++) {
        const expected = keys.map(({ text, number }) => {
          const of = rows.filter((one) => one.text === text && one.number === number && one.at <= at)
          return of.reduce<Row | undefined>(
            (best, one) => (best === undefined || one.at >= best.at ? one : best),
            undefined,
          )?.n
        })
        deepStrictEqual(valuesAt(versions, keys, at), expected)
      }
    }),
    { numRuns: runs(300) },
  )
})
