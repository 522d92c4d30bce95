/**
 * CSV as RFC 4180 has it: a header, commas, quotes where needed. Times are ISO 8601 UTC, null is empty. The writer is
 * ours and column-wise: results are millions of rows, and the common libraries take objects or arrays a row.
 */
import { isoDate, isoTime } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import type { Column } from '../records/column.ts'
import type { FieldKind } from '../records/schema.ts'
import type { RowFormat, SinkConnector } from '../topology/connector.ts'

const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** Text of the rows of one column. */
function columnTexts(column: Column, kind: FieldKind, length: number): string[] {
  if (column.type === 'string') {
    const texts = column.values.map(quote)
    return Array.from({ length }, (_, i) => (column.codes[i]! < 0 ? '' : texts[column.codes[i]!]!))
  }
  if (column.type === 'bytes') {
    return column.values.slice(0, length).map((value) => (value === null ? '' : Buffer.from(value).toString('base64')))
  }
  const { data, valid } = column
  const text = numberText(kind)
  const texts = new Array<string>(length)
  for (let i = 0; i < length; i++) texts[i] = valid !== null && valid[i] === 0 ? '' : text(data[i]!)
  return texts
}

/** Neighbouring rows often share a time: the last one formatted is kept. */
function numberText(kind: FieldKind): (value: number) => string {
  if (kind === 'bool') return (value) => (value === 1 ? 'true' : 'false')
  if (kind !== 'time' && kind !== 'date') return String
  const format = kind === 'time' ? isoTime : isoDate
  let last = Number.NaN
  let text = ''
  return (value) => {
    if (value !== last) {
      last = value
      text = format(value)
    }
    return text
  }
}

const csvFormat: RowFormat = {
  kind: 'csv',
  definition: null,
  header: (columns) => Buffer.from(`${columns.map(quote).join(',')}\n`),
  encode(batch: Batch, columns: readonly string[], copies: Int32Array | null): Uint8Array {
    const { length } = batch
    const texts = columns.map((name) => columnTexts(batch.column(name), batch.schema.fields[name]!.kind, length))
    let text = ''
    for (let i = 0; i < length; i++) {
      let line = texts[0]![i]!
      for (let c = 1; c < texts.length; c++) line += `,${texts[c]![i]}`
      line += '\n'
      text += copies === null ? line : line.repeat(Math.max(0, copies[i]!))
    }
    return Buffer.from(text)
  },
}

/**
 * Writes rows as CSV with a header.
 * @param options.columns the columns and their order; all, in the order of the schema, where it is not given
 * @example hourly.to(csvFile('hourly.csv', { columns: ['origin', 'window_start', 'departures'] }))
 */
export const csvFile = (path: string, options: { columns?: readonly string[] } = {}): SinkConnector => ({
  kind: 'file',
  path,
  columns: options.columns,
  format: csvFormat,
})
