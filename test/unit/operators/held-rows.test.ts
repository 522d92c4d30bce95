import t from 'tap'
import { HeldRows } from '../../../src/operators/held-rows.ts'
import { eventTime, schema, string } from '../../../src/records/schema.ts'
import { MemoryEnvironment } from '../../../src/storage/memory-environment.ts'
import type { KeyedTable } from '../../../src/storage/table.ts'
import { WriteSet } from '../../../src/storage/write-set.ts'
import { anySchema, batchOf, originOf } from './support.ts'

const Wide = schema({ at: eventTime(), text: string() })
/** Batches of 512 KB, each with rows from all times. */
const [ROWS, BATCH, WIDTH] = [16_000, 500, 1000]
const at = (n: number) => (n * 7919) % ROWS

function reading(table: KeyedTable, onRead: (bytes: number) => void): KeyedTable {
  return {
    get: (key) => table.get(key),
    put: (key, value) => table.put(key, value),
    remove: (key) => table.remove(key),
    *range(options) {
      for (const entry of table.range(options)) {
        onRead(entry[1].length)
        yield entry
      }
    },
  }
}

t.test(
  'rows of all times in every batch are taken in order, a few at once, without reading all that is held for them',
  (t) => {
    let bytes = 0
    const count = (more: number): void => {
      bytes += more
    }
    const tables = new WriteSet(new MemoryEnvironment())
    const table = tables.table('held')
    const held = new HeldRows(reading(table, count), tables.table('progress'), anySchema(Wide))
    for (let from = 0; from < ROWS; from += BATCH) {
      const updates = Array.from({ length: BATCH }, (_, i) => ({
        row: { at: at(from + i), text: `${from + i}`.padEnd(WIDTH) },
        origin: originOf(1, (from + i) % 256),
      }))
      // An epoch, in pieces.
      for (let piece = 0; piece < BATCH; piece += 50) held.hold(batchOf(Wide, updates.slice(piece, piece + 50)))
      held.save()
    }
    const times: number[] = []
    const take = () =>
      held.take(ROWS, { rows: BATCH, bytes: 1e9 }, (rows) => {
        times.push(...rows.map(({ batch, row }) => batch.times[row]!))
        return rows.length
      })
    while (!take()) {}
    t.strictSame(
      times,
      Array.from({ length: ROWS }, (_, i) => i),
    )
    // All of it was looked through 16 times on average, when a batch was held as it came.
    t.ok(bytes < 3 * ROWS * WIDTH, `${bytes} bytes were read for ${ROWS * WIDTH}`)
    t.equal([...table.range()].length, 0, 'nothing is held any more')
    t.end()
  },
)

t.test('rows of many small epochs are put in order together, as long as none of them is due', (t) => {
  const tables = new WriteSet(new MemoryEnvironment())
  const table = tables.table('held')
  const held = new HeldRows(table, tables.table('progress'), anySchema(Wide))
  const budget = { rows: 1000, bytes: 1e9 }
  const taken: number[] = []
  const take = (cut: number) =>
    held.take(cut, budget, (rows) => {
      taken.push(...rows.map(({ batch, row }) => batch.times[row]!))
      return rows.length
    })
  for (let n = 0; n < 100; n++) {
    const row = { at: 100 + at(n), text: `${n}`.padEnd(WIDTH) }
    held.hold(batchOf(Wide, [{ row, origin: originOf(1, n) }]))
    t.equal(take(n), true)
  }
  t.equal([...table.range()].length, 0)
  t.ok(held.memoryBytes >= 100 * WIDTH, 'they count as what is in memory')
  held.save()
  t.equal(held.memoryBytes, 0)
  const frames = [...table.range()].length
  t.ok(frames < 20, `they are in ${frames} frames`)
  held.hold(batchOf(Wide, [{ row: { at: 200, text: '' }, origin: originOf(2) }]))
  t.equal(take(Number.POSITIVE_INFINITY), true)
  t.strictSame(
    taken,
    [...Array.from({ length: 100 }, (_, n) => 100 + at(n)), 200].sort((a, b) => a - b),
  )
  t.end()
})
