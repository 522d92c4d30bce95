/** Every reader stops at bytes, whatever the number of rows, passes a row that is larger, and goes on where it was. */
import fs from 'node:fs'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { nodeSeam } from '../../../src/base/real/node-seam.ts'
import { array } from '../../../src/connectors/array.ts'
import { csv } from '../../../src/connectors/csv.ts'
import { generator } from '../../../src/connectors/generator.ts'
import { jsonLinesSource } from '../../../src/connectors/json-lines-source.ts'
import { batchBytes } from '../../../src/records/batch-bytes.ts'
import { eventTime, schema, string } from '../../../src/records/schema.ts'
import type { SourceConnector } from '../../../src/topology/connector.ts'
import { anySchema } from '../operators/support.ts'

const Row = schema({ at: eventTime(), text: string() })
const ROWS = 60
const LARGE = 41
const row = (n: number) => ({ at: n, text: `${n}:`.padEnd(n === LARGE ? 50_000 : 1000, 'x') })
const rows = Array.from({ length: ROWS }, (_, n) => row(n))
const BYTES = 5000

const connectors: Record<string, (t: Test) => SourceConnector> = {
  array: () => array(rows),
  generator: () => generator({ rows: ROWS, row }),
  'json lines': (t) => {
    const text = rows.map((one) => JSON.stringify(one)).join('\n')
    return jsonLinesSource(`${t.testdir({ 'a.jsonl': text })}/a.jsonl`)
  },
  csv: (t) => {
    const directory = t.testdir()
    fs.writeFileSync(`${directory}/a.csv.gz`, gzipSync(`at,text\n${rows.map((r) => `${r.at},${r.text}`).join('\n')}`))
    return csv(directory)
  },
}

for (const [name, make] of Object.entries(connectors)) {
  t.test(name, async (t) => {
    const connector = make(t)
    const context = { seam: nodeSeam, schema: anySchema(Row) }
    let reader = await connector.open(context, 0, null)
    const found: number[] = []
    for (;;) {
      const came = await reader.read(1000, BYTES)
      if (came === null || came === 'wait') break
      const { batch, offsets } = came
      t.equal(offsets, found.length)
      const last = batch.row(batch.length - 1).text as string
      if (batchBytes(batch) - last.length >= BYTES) t.fail(`${batch.length} rows of ${batchBytes(batch)} bytes`)
      found.push(...batch.rows().map(({ text }) => Number.parseInt(text as string, 10)))
      const position = reader.position()
      await reader.close()
      reader = await connector.open(context, 0, position)
    }
    await reader.close()
    t.strictSame(
      found,
      rows.map(({ at }) => at),
    )
  })
}
