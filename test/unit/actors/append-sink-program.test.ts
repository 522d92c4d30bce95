import t from 'tap'
import { AppendSinkProgram } from '../../../src/actors/append-sink-program.ts'
import { nodeSeam } from '../../../src/base/real/node-seam.ts'
import { jsonLines } from '../../../src/connectors/json-lines.ts'
import { eventTime, schema, string } from '../../../src/records/schema.ts'
import { anySchema, batchOf } from '../operators/support.ts'

t.test('rows are made text a few at a time: a text that stands once in a batch is written with each row', async (t) => {
  const Row = schema({ at: eventTime(), text: string() })
  const sizes: number[] = []
  const format = {
    ...jsonLines,
    encode: (...args: Parameters<typeof jsonLines.encode>) => {
      const bytes = jsonLines.encode(...args)
      sizes.push(bytes.length)
      return bytes
    },
  }
  const path = `${t.testdir()}/o.jsonl`
  const sink = new AppendSinkProgram(
    { seam: nodeSeam, schema: anySchema(Row), columns: ['text'], path, format },
    50_000,
  )
  sink.open(null)
  const text = 'x'.repeat(10_000)
  const batch = batchOf(
    Row,
    Array.from({ length: 100 }, (_, at) => ({ row: { at, text } })),
  )
  sink.onBatch({ edge: 0, batch })
  t.strictSame(sizes, [], 'not before the epoch is written')
  await sink.prepare(1, true)
  t.ok(Math.max(...sizes) < 60_000, `${Math.max(...sizes)} bytes`)
  sink.publish(sink.markerState())
  sink.close()
  const lines = Buffer.from(nodeSeam.files.read(path)).toString().trimEnd().split('\n')
  t.strictSame([lines.length, new Set(lines).size, JSON.parse(lines[0]!)], [100, 1, { text }])
})
