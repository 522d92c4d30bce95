import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type CellSpec, CellStore, isBeyond } from '../../../src/operators/cells.ts'
import { RunMerge } from '../../../src/operators/merge-runs.ts'
import { PaneTable } from '../../../src/operators/pane-table.ts'
import { CHUNK_GROUPS, decodeChunk, encodeChunk } from '../../../src/operators/run.ts'
import { MemoryEnvironment } from '../../../src/storage/memory-environment.ts'
import type { KeyedTable } from '../../../src/storage/table.ts'
import { WriteSet } from '../../../src/storage/write-set.ts'
import { fractionOf, nearest, total } from '../../oracle/exact.ts'
import { LIMITS, runs } from './support.ts'

const specs: CellSpec[] = [
  { kind: 'count', column: -1 },
  { kind: 'present', column: 0 },
  { kind: 'sum', column: 0 },
  { kind: 'min', column: 0 },
  { kind: 'max', column: 0 },
]
/** Sums that one, two and more components hold, and none finite. */
const summands = fc.oneof(
  fc.constantFrom(1e-30, 1, 1e16, 1e40, -1e40, 1e200, Number.POSITIVE_INFINITY, Number.NaN),
  fc.integer({ min: -99, max: 99 }),
)
type Groups = ReadonlyMap<string, readonly number[]>

/** A group per key: a row per value. */
function fill(groups: Groups): { keys: string[]; store: CellStore; slots: Int32Array } {
  const store = new CellStore(specs)
  const keys = [...groups.keys()].sort()
  store.take()
  const slots = Int32Array.from(keys, (key) => {
    const slot = store.take()
    const [count, present, sum, least, most] = store.cells
    for (const x of groups.get(key)!) {
      count!.high[slot]!++
      present!.high[slot]!++
      sum!.add(slot, x)
      if (isBeyond('min', x, least!.high[slot]!)) least!.high[slot] = x
      if (isBeyond('max', x, most!.high[slot]!)) most!.high[slot] = x
    }
    return slot
  })
  return { keys, store, slots }
}

/** What a group comes to, by its values alone. */
function expectedOf(values: readonly number[]): unknown[] {
  const odd = values.filter((x) => !Number.isFinite(x))
  const sum = odd.length > 0 ? odd.reduce((a, b) => a + b) : nearest(total(values.map(fractionOf)))
  const ordered = values.filter((x) => x === x)
  const ends = ordered.length === 0 ? [Number.NaN, Number.NaN] : [Math.min(...ordered), Math.max(...ordered)]
  return [values.length, values.length, sum, ...ends]
}

function seen(store: Pick<CellStore, 'cells'>, slot: number): unknown[] {
  return store.cells.map((cell) => {
    if (!cell.isSum) return cell.high[slot]
    const parts = cell.components(slot)
    return Number.isFinite(parts[0] ?? 0) ? nearest(total(parts.map(fractionOf))) : parts[0]
  })
}

const expectedAll = (groups: Groups) => [...groups.keys()].sort().map((key) => [key, ...expectedOf(groups.get(key)!)])

const keys = fc.oneof(
  fc.constantFrom('', 'a', 'b', 'ab', '\0', '\xff', '\x01ab\0\0'),
  fc.string({ unit: fc.constantFrom('a', '\0', '\xff'), maxLength: 3 }),
)
const groupsOf = (maxLength: number) =>
  fc
    .array(fc.tuple(keys, fc.array(summands, { minLength: 1, maxLength: 4 })), { maxLength })
    .map((entries) => new Map(entries))

t.test('a chunk gives back what went in', async () => {
  fc.assert(
    fc.property(groupsOf(12), fc.nat(3), (groups, skipped) => {
      const all = fill(groups)
      const from = Math.min(skipped, all.keys.length)
      const part = all.keys.slice(from)
      const chunk = decodeChunk(encodeChunk(part, all.store.cells, all.slots, from), specs)
      deepStrictEqual(
        [...chunk.keys].map((key, i) => [key, ...seen(chunk, i)]),
        expectedAll(groups).slice(from),
      )
    }),
    { numRuns: runs(300) },
  )
})

t.test('a chunk of whole-number keys gives back what went in, in the order of numbers', async () => {
  const numbers = fc.uniqueArray(fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -20, max: 20 })), { minLength: 1 })
  fc.assert(
    fc.property(numbers, (unordered) => {
      const keys = unordered.sort((a, b) => a - b)
      const store = new CellStore(specs)
      const slots = Int32Array.from(keys, () => store.take())
      keys.forEach((key, i) => {
        store.cells[2]!.add(slots[i]!, key)
      })
      const chunk = decodeChunk(encodeChunk(keys, store.cells, slots, 0), specs)
      deepStrictEqual([...chunk.keys], keys)
      deepStrictEqual(
        keys.map((_, i) => seen(chunk, i)[2]),
        keys,
      )
    }),
    { numRuns: runs(100) },
  )
})

t.test('a chunk is decoded from the middle of a buffer', (t) => {
  const groups = new Map([['a', [1, 2]]])
  const { keys, store, slots } = fill(groups)
  const bytes = encodeChunk(keys, store.cells, slots, 0)
  const padded = new Uint8Array(bytes.length + 3)
  padded.set(bytes, 3)
  t.strictSame(seen(decodeChunk(padded.subarray(3), specs), 0), [2, 2, 3, 1, 2])
  t.end()
})

t.test('bytes that are no chunk are refused as corrupt', (t) => {
  const { keys, store, slots } = fill(new Map([['a', [1]]]))
  const bytes = encodeChunk(keys, store.cells, slots, 0)
  const other = bytes.slice()
  for (const layout of [0, 2, 3]) {
    other[0] = layout
    t.throws(() => decodeChunk(other, specs), { kind: 'corruption', code: 'run' }, `layout ${layout}`)
  }
  t.throws(() => decodeChunk(bytes.subarray(0, 10), specs), { kind: 'corruption', code: 'run' })
  t.throws(() => decodeChunk(Buffer.concat([bytes, Buffer.alloc(1)]), specs), { kind: 'corruption', code: 'run' })
  t.throws(() => decodeChunk(bytes, specs.slice(1)), { kind: 'corruption', code: 'run' })
  for (let length = 0; length < bytes.length; length++) {
    t.throws(
      () => decodeChunk(bytes.subarray(0, length), specs),
      { kind: 'corruption', code: 'run' },
      `cut to ${length}`,
    )
  }
  t.end()
})

/** All groups of some cursors, merged. */
function merged(cursors: ConstructorParameters<typeof RunMerge>[1], blockMax: number): unknown[][] {
  const merge = new RunMerge(specs, cursors)
  const groups: unknown[][] = []
  while (!merge.isDone) {
    const { keys, store, slots } = merge.block({
      groups: blockMax,
      bytes: Number.POSITIVE_INFINITY,
      groupBytes: 0,
      isWide: true,
    })
    deepStrictEqual(keys.length <= blockMax && keys.length > 0, true)
    keys.forEach((key, i) => void groups.push([key, ...seen(store, slots[i]!)]))
  }
  return groups
}

const tableOf = (writes: WriteSet): KeyedTable => writes.table('panes')
const together = (all: readonly Groups[]): Groups => {
  const sum = new Map<string, number[]>()
  for (const groups of all) for (const [key, values] of groups) sum.set(key, [...(sum.get(key) ?? []), ...values])
  return sum
}

t.test('a pane is the sum of its runs, through merges of levels and reopening', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ pane: fc.constantFrom(-5, 0, 7.5e15), groups: groupsOf(6), reopen: fc.boolean() }), {
        maxLength: 30,
      }),
      fc.integer({ min: 1, max: 5 }),
      fc.option(keys),
      (appends, blockMax, after) => {
        const table = tableOf(new WriteSet(new MemoryEnvironment()))
        let panes = new PaneTable(table, specs, LIMITS)
        const said = new Map<number, Groups[]>()
        for (const { pane, groups, reopen } of appends) {
          if (reopen) panes = new PaneTable(table, specs, LIMITS)
          if (groups.size === 0) continue
          const { keys, store, slots } = fill(groups)
          panes.append(pane, keys, store.cells, slots)
          panes.merge()
          said.set(pane, [...(said.get(pane) ?? []), groups])
        }
        deepStrictEqual(
          panes.panes(),
          [...said.keys()].sort((a, b) => a - b),
        )
        for (const [pane, parts] of said) {
          const all = expectedAll(together(parts))
          deepStrictEqual(panes.has(pane), true)
          deepStrictEqual(merged(panes.cursors(pane, null, 5), blockMax), all)
          if (after !== null) {
            deepStrictEqual(
              merged(panes.cursors(pane, after, 5), blockMax),
              all.filter(([key]) => (key as string) > after),
            )
          }
          const asked = [...all.map(([key]) => key as string), 'none'].sort()
          const store = new CellStore(specs)
          const slots = Int32Array.from(asked, () => store.take())
          const untouched = seen(store, store.take())
          panes.read(pane, asked, store, slots)
          deepStrictEqual(
            asked.map((key, i) => [key, ...seen(store, slots[i]!)]),
            asked.map((key) => all.find(([known]) => known === key) ?? [key, ...untouched]),
          )
        }
        for (const pane of said.keys()) panes.remove(pane)
        deepStrictEqual([panes.panes(), panes.merge(), [...table.range()]], [[], false, []])
      },
    ),
    { numRuns: runs(150) },
  )
})

t.test('eight runs of a level become one of the next', (t) => {
  const table = tableOf(new WriteSet(new MemoryEnvironment()))
  const panes = new PaneTable(table, specs, LIMITS)
  const { keys, store, slots } = fill(
    new Map([
      ['a', [1]],
      ['b', [2]],
    ]),
  )
  const counts: number[] = []
  for (let i = 1; i <= 65; i++) {
    panes.append(0, keys, store.cells, slots)
    panes.merge()
    counts.push([...table.range()].length)
  }
  t.strictSame(counts.slice(0, 17), [1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7, 8, 2, 3])
  t.equal(counts[63], 1, 'and eight of those one of the level above')
  t.equal(counts[64], 2)
  t.strictSame(merged(panes.cursors(0, null, 5), 10), [
    ['a', 65, 65, 65, 1, 1],
    ['b', 65, 65, 130, 2, 2],
  ])
  t.strictSame(merged(new PaneTable(table, specs, LIMITS).cursors(0, null, 5), 10).length, 2)
  t.end()
})

t.test('runs of several chunks are merged, searched and gone on with behind any key', (t) => {
  const table = tableOf(new WriteSet(new MemoryEnvironment()))
  const panes = new PaneTable(table, specs, LIMITS)
  const key = (i: number) => String(i).padStart(5, '0')
  const size = 2 * CHUNK_GROUPS + 7
  for (let run = 0; run < 10; run++) {
    const groups = new Map(Array.from({ length: size }, (_, i) => [key(i * 2 + (run % 2)), [run]]))
    const { keys, store, slots } = fill(groups)
    panes.append(3, keys, store.cells, slots)
    panes.merge()
  }
  const all = merged(panes.cursors(3, null, 100), 1000)
  t.equal(all.length, 2 * size)
  t.strictSame(all[5], [key(5), 5, 5, 25, 1, 9])
  for (const at of [0, CHUNK_GROUPS - 1, CHUNK_GROUPS, 2 * CHUNK_GROUPS - 1, 2 * CHUNK_GROUPS, 2 * size - 1]) {
    const rest = merged(new PaneTable(table, specs, LIMITS).cursors(3, key(at), 100), 1000)
    t.equal(rest.length, 2 * size - 1 - at)
    t.strictSame(rest[0], all[at + 1])
    const store = new CellStore(specs)
    const slot = store.take()
    panes.read(3, [key(at)], store, Int32Array.of(slot))
    t.strictSame(seen(store, slot), all[at]!.slice(1))
  }
  panes.remove(3)
  panes.merge()
  t.strictSame([...table.range()], [])
  t.end()
})

t.test('a pane that is removed leaves from flush to flush, over a restart too, within the write set', (t) => {
  const limits = { ...LIMITS, writeSetBytesMax: 1 << 16 }
  const writes = new WriteSet(new MemoryEnvironment())
  const table = tableOf(writes)
  let panes = new PaneTable(table, specs, limits)
  const groups = new Map(Array.from({ length: 2000 }, (_, i) => [String(i).padStart(4, '0').padEnd(70_000, '.'), [i]]))
  const { keys, store, slots } = fill(groups)
  panes.append(0, keys, store.cells, slots)
  const left = () => [...table.range()].length
  const all = left()
  t.ok(all >= 1000, `${all} chunks`)
  const before = writes.bytes
  panes.remove(0)
  t.equal(left(), all, 'not at once')
  t.notOk(
    panes.has(0) || panes.cursors(0, null, 5).length > 0 || panes.panes().length > 0,
    'but nobody sees it any more',
  )
  const counts: number[] = []
  for (let flushes = 0; left() > 0; flushes++) {
    if (flushes === 10) {
      panes = new PaneTable(table, specs, limits)
      t.strictSame(panes.panes(), [0], 'what is left is a pane that is over')
      panes.remove(0)
    }
    const last = left()
    panes.merge()
    counts.push(last - left())
  }
  t.ok(counts.length > 10 && Math.max(...counts) * 512 <= limits.writeSetBytesMax / 2, `${counts}`)
  t.ok(writes.bytes <= before)
  t.end()
})

t.test('a pane that comes again is not taken for the one that leaves', (t) => {
  const table = tableOf(new WriteSet(new MemoryEnvironment()))
  const panes = new PaneTable(table, specs, { ...LIMITS, writeSetBytesMax: 0 })
  for (const value of [1, 2]) {
    const { keys, store, slots } = fill(new Map([['a', [value]]]))
    panes.append(0, keys, store.cells, slots)
    if (value === 1) panes.remove(0)
  }
  panes.merge()
  t.strictSame(merged(panes.cursors(0, null, 5), 10), [['a', 1, 1, 2, 2, 2]])
  t.end()
})

t.test('long keys make chunks of fewer groups, and parts of a chunk are read alone', (t) => {
  const table = tableOf(new WriteSet(new MemoryEnvironment()))
  const panes = new PaneTable(table, specs, LIMITS)
  const key = (i: number) => String(i).padStart(4, '0').padEnd(8000, '.')
  const groups = new Map(Array.from({ length: 100 }, (_, i) => [key(i), [i]]))
  const { keys, store, slots } = fill(groups)
  panes.append(0, keys, store.cells, slots)
  const sizes = [...table.range()].map(([, chunk]) => chunk.length)
  t.ok(Math.max(...sizes) < 100_000, `${Math.max(...sizes)} bytes`)
  t.strictSame(
    merged(panes.cursors(0, key(41), 3), 7).map(([found]) => found),
    Array.from({ length: 58 }, (_, i) => key(42 + i)),
  )
  t.end()
})

t.test('chunks fill whole pages of the store, also those that a merge writes', (t) => {
  const PAGE = 4096
  // What LMDB and the seal put around a value.
  const AROUND = 28
  for (const [pages, cacheBytesMax] of [
    [1, 200],
    [1, 512 << 10],
    [3, (128 * 3.5) << 12],
  ] as const) {
    const table = tableOf(new WriteSet(new MemoryEnvironment()))
    const panes = new PaneTable(table, specs, { ...LIMITS, cacheBytesMax })
    for (let run = 0; run < 8; run++) {
      const name = (i: number) => String(i * 8 + run).padStart(60 + (i % 70), '0')
      const { keys, store, slots } = fill(new Map(Array.from({ length: 500 }, (_, i) => [name(i), [i]])))
      panes.append(0, keys, store.cells, slots)
    }
    while (panes.merge()) {}
    t.equal(panes.runs(0), 1)
    const sizes = [...table.range()].map(([, chunk]) => chunk.length + AROUND)
    t.ok(
      sizes.every((size) => size <= pages * PAGE),
      `${sizes}`,
    )
    t.ok(
      sizes.slice(0, -1).every((size) => size > 0.9 * pages * PAGE),
      'and are nearly full',
    )
  }
  t.end()
})

/** Counts the bytes that are put. */
function counted(table: KeyedTable): KeyedTable & { bytes: number } {
  const counting = {
    ...table,
    bytes: 0,
    put(key: Uint8Array, value: Uint8Array) {
      counting.bytes += value.length
      table.put(key, value)
    },
  }
  return counting
}

t.test('merges go on in slices from flush to flush, and a pane is the sum of its runs in between', async () => {
  const name = (i: number) => String(i).padStart(4, '0')
  // Chunks of some 50 groups: a slice ends within them.
  const most = { cacheBytesMax: 512 << 10, writeSetBytesMax: 20_000 }
  const run = fc.record({
    from: fc.nat(400),
    step: fc.integer({ min: 1, max: 3 }),
    size: fc.integer({ min: 1, max: 150 }),
    pane: fc.nat(1),
    reopen: fc.nat(9),
  })
  fc.assert(
    fc.property(fc.array(run, { minLength: 20, maxLength: 60 }), fc.integer({ min: 0, max: 900 }), (all, after) => {
      const table = counted(tableOf(new WriteSet(new MemoryEnvironment())))
      const open = () => new PaneTable(table, specs, { ...LIMITS, ...most })
      let panes = open()
      const said = new Map<number, Groups[]>()
      for (const { pane, from, step, size, reopen } of all) {
        if (reopen === 0) panes = open()
        const groups = new Map(Array.from({ length: size }, (_, i) => [name(from + i * step), [i]]))
        const { keys, store, slots } = fill(groups)
        panes.append(pane, keys, store.cells, slots)
        said.set(pane, [...(said.get(pane) ?? []), groups])
        table.bytes = 0
        panes.merge()
        // A slice may go beyond by a chunk, and what is left of chunks that it has begun.
        deepStrictEqual(table.bytes < 20_000 + 17 * 8000, true)
      }
      for (const [pane, parts] of said) {
        const expected = expectedAll(together(parts))
        deepStrictEqual(merged(panes.cursors(pane, null, 7), 100), expected)
        const behind = expected.filter(([key]) => (key as string) > name(after))
        deepStrictEqual(merged(panes.cursors(pane, name(after), 7), 100), behind)
        const store = new CellStore(specs)
        const slots = Int32Array.from(expected, () => store.take())
        const keys = expected.map(([key]) => key as string)
        panes.read(pane, keys, store, slots)
        deepStrictEqual(
          keys.map((key, i) => [key, ...seen(store, slots[i]!)]),
          expected,
        )
      }
      for (let flush = 0; panes.merge(); flush++) deepStrictEqual(flush < 500, true)
      for (const pane of said.keys()) panes.remove(pane)
      const isLeft = () => !table.range()[Symbol.iterator]().next().done
      for (let flush = 0; isLeft(); panes.merge(), flush++) deepStrictEqual(flush < 500, true)
    }),
    { numRuns: runs(10) },
  )
})

t.test('the number of runs grows with the logarithm of the state, however small the slices are', (t) => {
  const table = counted(tableOf(new WriteSet(new MemoryEnvironment())))
  const limits = { ...LIMITS, cacheBytesMax: 512 << 10, writeSetBytesMax: 64_000 }
  const panes = new PaneTable(table, specs, limits)
  const flushes = 200
  const size = 200
  let merges = 0
  let runsMax = 0
  for (let flush = 0; flush < flushes; flush++) {
    const groups = new Map(Array.from({ length: size }, (_, i) => [String(i * flushes + flush).padStart(8, '0'), [1]]))
    const { keys, store, slots } = fill(groups)
    panes.append(0, keys, store.cells, slots)
    do {
      panes.merge()
      merges++
    } while (panes.isBehind)
    runsMax = Math.max(runsMax, panes.runs(0))
  }
  t.ok(runsMax <= 4 * 24, `${runsMax} runs at the most`)
  t.ok(merges < 2 * flushes, `${merges} slices`)
  const all = merged(panes.cursors(0, null, 16), 1000)
  t.equal(all.length, flushes * size)
  t.ok(all.every(([key, count], i) => key === String(i).padStart(8, '0') && count === 1))
  t.end()
})
