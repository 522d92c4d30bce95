/** JSON lines: one object a line, as in `row-json.ts`. */
import type { Batch } from '../records/batch.ts'
import { valueAt } from '../records/column.ts'
import type { RowFormat, SinkConnector } from '../topology/connector.ts'
import { type FileSinkOptions, fileSink } from './file-sink.ts'
import { valueToJson } from './row-json.ts'

export const jsonLines: RowFormat = {
  kind: 'json-lines',
  definition: null,
  header: () => new Uint8Array(0),
  encode(batch: Batch, columns: readonly string[], copies: Int32Array | null): Uint8Array {
    const sources = columns.map((name) => ({ name, column: batch.column(name), type: batch.schema.fields[name]! }))
    let text = ''
    for (let i = 0; i < batch.length; i++) {
      const object = Object.fromEntries(
        sources.map(({ name, column, type }) => [name, valueToJson(valueAt(column, type.kind, i), type)]),
      )
      text += `${JSON.stringify(object)}\n`.repeat(copies === null ? 1 : Math.max(0, copies[i]!))
    }
    return Buffer.from(text)
  },
}

/** Writes rows as JSON lines. @example flights.to(jsonLinesFile('flights.jsonl')) */
export const jsonLinesFile = (path: string, options: FileSinkOptions = {}): SinkConnector =>
  fileSink('jsonLinesFile', path, options, jsonLines)
