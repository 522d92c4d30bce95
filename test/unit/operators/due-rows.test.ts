import t from 'tap'
import { findDue, type Position } from '../../../src/operators/due-rows.ts'
import { HeldBatches } from '../../../src/operators/held-batches.ts'
import type { Batch } from '../../../src/records/batch.ts'
import { eventTime, schema, string } from '../../../src/records/schema.ts'
import { MemoryEnvironment } from '../../../src/storage/memory-environment.ts'
import { WriteSet } from '../../../src/storage/write-set.ts'
import { anySchema, batchOf, originOf } from './support.ts'

const Wide = schema({ at: eventTime(), text: string() })
const WIDTH = 1000
/** Rows of 1 KB, whose times are scattered over the batches. */
const ROWS = 4000
const at = (n: number) => (n * 1237) % ROWS

function heldRows(frameRows: number) {
  const writes = new WriteSet(new MemoryEnvironment())
  const held = new HeldBatches(writes.table('held'), anySchema(Wide), { rows: frameRows, bytes: 1 << 20 })
  for (let from = 0; from < ROWS; from += 200) {
    const updates = Array.from({ length: 200 }, (_, i) => ({
      row: { at: at(from + i), text: `${from + i}`.padEnd(WIDTH) },
      origin: originOf(1, (from + i) % 256),
    }))
    held.hold(batchOf(Wide, updates))
  }
  return { held, writes }
}

t.test('as many rows are found as spend the budget, in order, until there are no more', (t) => {
  const { held } = heldRows(100)
  const most = { rows: 1000, bytes: 150 * WIDTH }
  const times: number[] = []
  let from: Position | null = null
  for (;;) {
    const { rows, next } = findDue(held, from, 3000, most)
    times.push(...rows.map(({ batch, row }) => batch.times[row]!))
    t.ok(rows.length <= 150)
    // What they keep in memory: their batches, whole.
    const batches = new Set<Batch>(rows.map(({ batch }) => batch))
    const kept = [...batches].reduce((sum, { length }) => sum + length, 0)
    if (kept > rows.length * 2) t.fail(`${rows.length} rows keep ${kept}`)
    if (next === null) break
    from = next
  }
  t.strictSame(
    times,
    Array.from({ length: 3000 }, (_, i) => i),
  )
  t.end()
})

t.test('nothing is written to find them', (t) => {
  const { held, writes } = heldRows(100)
  const before = writes.bytes
  findDue(held, null, 3000, { rows: 10, bytes: 1e9 })
  t.equal(writes.bytes, before)
  t.end()
})

t.test('one row that is larger than the budget is found alone', (t) => {
  const { held } = heldRows(100)
  const { rows, next } = findDue(held, null, 3000, { rows: 1000, bytes: 10 })
  t.equal(rows.length, 1)
  t.equal(next?.time, 1)
  t.end()
})

t.test('a batch is held in frames of bounded size', (t) => {
  const { writes } = heldRows(10)
  const sizes = [...writes.table('held').range()].map(([, frame]) => frame.length)
  t.equal(sizes.length, ROWS / 10)
  t.ok(Math.max(...sizes) < 12 * WIDTH)
  t.end()
})
