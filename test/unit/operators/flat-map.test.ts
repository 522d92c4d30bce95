import t from 'tap'
import { Explode, Transform } from '../../../src/operators/flat-map.ts'
import type { Given } from '../../../src/operators/user-code.ts'
import type { Batch } from '../../../src/records/batch.ts'
import { originBytes } from '../../../src/records/origin.ts'
import { eventTime, int, list, makeSchema, optional, schema, string } from '../../../src/records/schema.ts'
import { anySchema, batchOf, originOf } from './support.ts'

const Order = schema({ at: eventTime(), items: list(string()), prices: optional(list(int())), n: int() })
const order = (at: number, items: readonly string[], prices: readonly number[] | null = null) => ({
  ...{ at, items, prices },
  n: items.length,
})
const updates = [
  { row: order(1, ['a', 'b'], [3, 4]), diff: 1, origin: originOf(1, 1) },
  { row: order(2, []), diff: 1, origin: originOf(1, 2) },
  { row: order(3, ['c'], [5]), diff: -1, origin: originOf(2, 9) },
]
const origins = (batch: Batch) =>
  Array.from({ length: batch.length }, (_, i) => Buffer.from(originBytes(batch.origins!, i)).toString('hex'))
const part = (head: number, seq: number, at: number) =>
  Buffer.from(originOf(head, seq)).toString('hex') + at.toString(16).padStart(16, '0')

function collect() {
  const out: Batch[] = []
  const refused: [Given['row'], unknown][] = []
  const guard = {
    call() {},
    refuse: ({ row }: Given, error: unknown) => void refused.push([row, error]),
    mayRefuse: true,
  }
  return { out, refused, guard, emit: (batch: Batch) => out.push(batch) }
}
const seen = ([batch]: Batch[]) => batch!.rows().map((row, i) => ({ ...row, diff: batch!.diff(i) }))

t.test('each element gets a row, in step over several lists, and without elements there is one with nulls', (t) => {
  const { out, refused, guard, emit } = collect()
  const output = makeSchema({ ...Order.fields, items: optional(string()), prices: optional(int()) })
  const explode = new Explode(anySchema(Order), output, ['items', 'prices'], emit, guard)
  explode.onBatch(batchOf(Order, updates))
  t.strictSame(seen(out), [
    { at: 1, items: 'a', prices: 3, n: 2, diff: 1 },
    { at: 1, items: 'b', prices: 4, n: 2, diff: 1 },
    { at: 2, items: null, prices: null, n: 0, diff: 1 },
    { at: 3, items: 'c', prices: 5, n: 1, diff: -1 },
  ])
  t.strictSame(origins(out[0]!), [part(1, 1, 0), part(1, 1, 1), part(1, 2, 0), part(2, 9, 0)])
  t.equal(refused.length, 0)
  explode.onBatch(batchOf(Order, [{ row: order(4, ['a', 'b'], [1]), diff: 1, origin: originOf(1, 3) }]))
  t.equal(out.length, 1, 'a row with lists of different lengths is refused')
  t.match(refused, [[{ at: 4 }, { code: 'explode', message: /'items' 2, 'prices' 1/ }]])
  t.end()
})

t.test('rows of another schema are made at the time of the row, and refused where they do not fit', (t) => {
  const { out, refused, guard, emit } = collect()
  const Item = schema({ when: eventTime(), item: string(), price: optional(int()) })
  const transform = new Transform(
    {
      input: anySchema(Order),
      output: anySchema(Item),
      compute: (row) => {
        const { items, n } = row as unknown as ReturnType<typeof order>
        if (n === 1) return { item: items[0]!, price: 7 }
        return items.map((item) => ({ item: item === 'bad' ? 3 : item, when: -1 }))
      },
    },
    emit,
    guard,
  )
  transform.onBatch(batchOf(Order, [...updates, { row: order(4, ['good', 'bad']), diff: 1, origin: originOf(1, 3) }]))
  t.strictSame(seen(out), [
    { when: 1, item: 'a', price: null, diff: 1 },
    { when: 1, item: 'b', price: null, diff: 1 },
    { when: 3, item: 'c', price: 7, diff: -1 },
  ])
  t.strictSame(origins(out[0]!), [part(1, 1, 0), part(1, 1, 1), part(2, 9, 0)])
  t.match(refused, [[{ at: 4 }, { code: 'type', message: /'item' must be string, got 3/ }]])
  t.end()
})
