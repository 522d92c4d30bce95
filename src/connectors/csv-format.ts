/**
 * CSV as RFC 4180 has it: a header, commas, quotes where needed. Times are ISO 8601 UTC, null is empty. The writer is
 * ours and writes bytes column by column without making a string a row: results are millions of rows, and the common
 * libraries take an object or array each (docs/decisions/0006-csv.md).
 */
import { isoDate, isoTime } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import type { Column } from '../records/column.ts'
import { decimalText } from '../records/decimal.ts'
import { type FieldKind, type FieldType, isNested } from '../records/schema.ts'
import type { RowFormat, SinkConnector } from '../topology/connector.ts'
import { type FileSinkOptions, fileSink } from './file-sink.ts'
import { valueToJson } from './row-json.ts'

const quote = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

/** Longest number, as text. */
const NUMBER_BYTES = 32

class CsvTarget {
  bytes: Buffer
  at = 0

  constructor(bytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytes)
  }

  reserve(bytes: number): void {
    if (this.at + bytes <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + bytes))
    this.bytes.copy(larger, 0, 0, this.at)
    this.bytes = larger
  }

  put(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    if (bytes.length > 40) {
      this.bytes.set(bytes, this.at)
      this.at += bytes.length
    } else for (let i = 0; i < bytes.length; i++) this.bytes[this.at++] = bytes[i]!
  }

  byte(value: number): void {
    if (this.at === this.bytes.length) this.reserve(1)
    this.bytes[this.at++] = value
  }

  /** The shortest text that reads back as the same number. */
  number(value: number): void {
    this.reserve(NUMBER_BYTES)
    if (value >= 0 && value < 1e9 && Number.isInteger(value) && !Object.is(value, -0)) this.#digits(value)
    else this.at += this.bytes.write(String(value), this.at, 'latin1')
  }

  #digits(value: number): void {
    let digits = 1
    for (let limit = 10; value >= limit; limit *= 10) digits++
    let left = value
    for (let i = this.at + digits - 1; i >= this.at; i--) {
      const rest = (left / 10) | 0
      this.bytes[i] = 48 + (left - rest * 10)
      left = rest
    }
    this.at += digits
  }
}

type Writer = (target: CsvTarget, row: number) => void

function columnWriter(column: Column, type: FieldType): Writer {
  const { kind } = type
  if (column.type === 'string') {
    const texts: (Buffer | undefined)[] = []
    const { codes, values } = column
    return (target, row) => {
      const code = codes[row]!
      if (code >= 0) target.put((texts[code] ??= Buffer.from(quote(values[code]!))))
    }
  }
  if (column.type === 'bytes') {
    return (target, row) => {
      const value = column.values[row]
      if (!value) return
      const text = isNested(kind)
        ? quote(JSON.stringify(valueToJson(value, type)))
        : Buffer.from(value).toString('base64')
      target.put(Buffer.from(text))
    }
  }
  const { data, valid } = column
  const write = numberWriter(type)
  return valid === null
    ? (target, row) => write(target, data[row]!)
    : (target, row) => {
        if (valid[row] === 1) write(target, data[row]!)
      }
}

const FORMATS: Partial<Record<FieldKind, (value: number) => string>> = {
  bool: (value) => String(value === 1),
  time: isoTime,
  date: isoDate,
}

/** Neighbouring rows often share a time: the text of the last one is kept. */
function numberWriter({ kind, scale = 0 }: FieldType): (target: CsvTarget, value: number) => void {
  if (kind === 'int' || kind === 'float') return (target, value) => target.number(value)
  const format = FORMATS[kind] ?? ((value: number) => decimalText(value, scale))
  let last = Number.NaN
  let text = Buffer.alloc(0)
  return (target, value) => {
    if (value !== last) {
      last = value
      text = Buffer.from(format(value))
    }
    target.put(text)
  }
}

const COMMA = 44
const NEWLINE = 10

const csvFormat: RowFormat = {
  kind: 'csv',
  definition: null,
  header: (columns) => Buffer.from(`${columns.map(quote).join(',')}\n`),
  encode(batch: Batch, columns: readonly string[], copies: Int32Array | null): Uint8Array {
    const writers = columns.map((name) => columnWriter(batch.column(name), batch.schema.fields[name]!))
    const target = new CsvTarget(batch.length * columns.length * 12 + 64)
    for (let row = 0; row < batch.length; row++) {
      for (let copy = copies === null ? 1 : copies[row]!; copy > 0; copy--) {
        for (let c = 0; c < writers.length; c++) {
          if (c > 0) target.byte(COMMA)
          writers[c]!(target, row)
        }
        target.byte(NEWLINE)
      }
    }
    return target.bytes.subarray(0, target.at)
  },
}

/**
 * Writes rows as CSV with a header.
 * @param options.columns the columns and their order; all, in the order of the schema, where it is not given
 * @example hourly.to(csvFile('hourly.csv', { columns: ['origin', 'window_start', 'departures'] }))
 */
export const csvFile = (path: string, options: FileSinkOptions = {}): SinkConnector =>
  fileSink('csvFile', path, options, csvFormat)
