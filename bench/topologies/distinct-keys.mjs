/** Rows that all have keys of their own, of 140 bytes, in one window: the state grows with every row. */
import { Batch, count, eventTime, int, schema, source, string, sum, topology, tumbling } from 'umbel'

const Item = schema({ at: eventTime(), key: string(), value: int() })
const ROWS = Number(new URL(import.meta.url).searchParams.get('rows') ?? 1_000_000)
const PAD = 'x'.repeat(120)

const items = {
  kind: 'distinct-keys',
  definition: ROWS,
  isBounded: true,
  splits: 1,
  async open({ schema: wanted }, _split, position) {
    let next = position?.next ?? 0
    return {
      async read() {
        if (next >= ROWS) return null
        const length = Math.min(8192, ROWS - next)
        const of = {
          at: { type: 'number', data: Float64Array.from({ length }, (_, i) => next + i), valid: null },
          value: { type: 'number', data: Float64Array.from({ length }, (_, i) => (next + i) % 1000), valid: null },
          key: {
            type: 'string',
            codes: Int32Array.from({ length }, (_, i) => i),
            // Scattered, so that keys do not come in order.
            values: Array.from(
              { length },
              (_, i) => `${(Math.imul(next + i, 2654435761) >>> 0).toString(16)}${PAD}${next + i}`,
            ),
          },
        }
        const offsets = next
        next += length
        return {
          batch: new Batch(
            wanted,
            length,
            wanted.names.map((name) => of[name]),
          ),
          offsets,
          rejected: [],
        }
      },
      position: () => ({ next }),
      progress: () => next / ROWS,
      close() {},
    }
  },
}

export default topology(
  'distinct-keys',
  source('items', Item, items)
    .keyBy('key')
    .window(tumbling('1d'))
    .aggregate({ items: count(), total: sum('value') })
    .drop('window_start')
    .output('groups'),
)
