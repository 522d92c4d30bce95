/** One Parquet file: what it has, and its rows, row group by row group, only the columns that are asked for. */
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  parquetSchema,
  type SchemaElement,
} from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { UmbelError, userError } from '../base/errors.ts'
import type { ReadableFile } from '../base/seam.ts'
import { Batch } from '../records/batch.ts'
import { type FieldType, type Schema, typeName } from '../records/schema.ts'
import type { SourceContext } from '../topology/connector.ts'
import { parquetColumn } from './parquet-column.ts'
import { scaleOf, withStoredDecimals } from './parquet-decimal.ts'

/** What a Parquet column may hold for a field: physical and logical types that convert without loss. */
const TAKES: Record<FieldType['kind'], RegExp> = {
  int: /^(INT32|INT64)$/,
  float: /^(INT32|INT64|FLOAT|DOUBLE)$/,
  decimal: /^(INT32|INT64)$/,
  bool: /^BOOLEAN$/,
  string: /^(STRING|UTF8|ENUM|JSON|BYTE_ARRAY)$/,
  bytes: /^(BYTE_ARRAY|FIXED_LEN_BYTE_ARRAY)$/,
  time: /^TIMESTAMP/,
  date: /^DATE$/,
  // Their parts are columns of their own, which are not put together.
  list: /^JSON$/,
  map: /^JSON$/,
  struct: /^JSON$/,
}

/** What a column of decimals may be read as; digits are checked value by value, none is lost. */
const OF_DECIMALS: ReadonlySet<FieldType['kind']> = new Set(['decimal', 'int', 'float'])

/** A row group of up to so many times the bytes that are asked for is decoded in one go: each go costs a look at all of it. */
const WHOLE = 4

/** Decoded rows, and where in the file they begin. */
export interface RowGroup {
  readonly batch: Batch
  readonly start: number
}

export class ParquetFile {
  readonly #file: ReadableFile
  readonly #name: string
  readonly #schema: Schema
  readonly #buffer: AsyncBuffer
  readonly #metadata: FileMetaData
  /** Digits behind the point, of columns of decimals. */
  readonly #scales: ReadonlyMap<string, number | null>

  private constructor(file: ReadableFile, name: string, schema: Schema, buffer: AsyncBuffer, metadata: FileMetaData) {
    this.#file = file
    this.#name = name
    this.#schema = schema
    this.#buffer = buffer
    this.#metadata = withStoredDecimals(metadata)
    this.#scales = new Map(topOf(metadata).map((element) => [element.name, scaleOf(element)]))
  }

  /** @throws user error when it cannot be read, or lacks what the schema asks for */
  static async open({ seam, schema }: SourceContext, name: string): Promise<ParquetFile> {
    const file = seam.files.openRead(name)
    try {
      const buffer = asyncBuffer(file)
      const metadata = await parquetMetadataAsync(buffer)
      checkColumns(metadata, schema, name)
      return new ParquetFile(file, name, schema, buffer, metadata)
    } catch (error) {
      file.close()
      throw explained(error, `${name} is not a readable parquet file, or is cut short`)
    }
  }

  get rows(): number {
    return Number(this.#metadata.num_rows)
  }

  /**
   * The row group that holds a row, of which only rows before `end` are asked for; of a group that is much larger than
   * `bytesMax` only some from that row on.
   */
  async readGroup(row: number, end: number, bytesMax: number): Promise<RowGroup> {
    let start = 0
    for (const group of this.#metadata.row_groups) {
      const length = Number(group.num_rows)
      if (row >= start + length) {
        start += length
        continue
      }
      const bytes = this.#bytesOf(group)
      if (bytes <= bytesMax * WHOLE) return { batch: await this.#decode(start, Math.min(length, end - start)), start }
      const piece = Math.max(1, Math.floor((length * bytesMax) / bytes))
      return { batch: await this.#decode(row, Math.min(piece, start + length - row, end - row)), start: row }
    }
    throw new Error(`${this.#name} has no row ${row}`)
  }

  /** What the columns that are asked for come to, decoded: no less than the file says, nor than a number a row. */
  #bytesOf({ columns, num_rows }: FileMetaData['row_groups'][number]): number {
    let bytes = 0
    for (const { meta_data } of columns) {
      if (meta_data === undefined || !this.#schema.names.includes(meta_data.path_in_schema[0]!)) continue
      bytes += Math.max(Number(meta_data.total_uncompressed_size), Number(num_rows) * 8)
    }
    return bytes
  }

  close(): void {
    this.#file.close()
  }

  async #decode(start: number, length: number): Promise<Batch> {
    const { names, fields } = this.#schema
    const builders = names.map((field) =>
      parquetColumn(field, fields[field]!, length, {
        file: this.#name,
        first: start,
        scale: this.#scales.get(field) ?? null,
      }),
    )
    // The library calls onChunk where nobody waits: what is thrown there would end the process.
    let failure: unknown = null
    try {
      await parquetRead({
        file: this.#buffer,
        metadata: this.#metadata,
        compressors,
        columns: [...names],
        rowStart: start,
        rowEnd: start + length,
        parsers: PARSERS,
        // Of a piece only its own pages are read, where the file says where they are.
        useOffsetIndex: true,
        // Texts are said to be texts; what is not are bytes.
        utf8: false,
        onChunk: ({ columnName, columnData, rowStart }) => {
          const builder = builders[names.indexOf(columnName)]!
          try {
            builder.take(columnData as ArrayLike<unknown>, rowStart - start)
          } catch (error) {
            failure ??= error
          }
        },
      })
      if (failure !== null) throw failure
    } catch (error) {
      throw explained(error, `${this.#name} cannot be read beyond row ${start}, it is damaged or cut short`)
    }
    return new Batch(
      this.#schema,
      length,
      builders.map((builder) => builder.finish()),
    )
  }
}

/** Whatever a file does not give, the user has to mend it. */
function explained(error: unknown, what: string): UmbelError {
  return error instanceof UmbelError ? error : userError('parquet', `${what}: ${(error as Error).message}`, error)
}

function asyncBuffer(file: ReadableFile): AsyncBuffer {
  const byteLength = file.size()
  return {
    byteLength,
    slice(start, end = byteLength) {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, byteLength) - start))
      if (file.read(start, bytes) < bytes.length) throw new Error(`the file ends within bytes ${start} to ${end}`)
      return bytes.buffer
    },
  }
}

/** Columns within a struct or list have names as well: only those of the top are columns of rows. */
const topOf = (metadata: FileMetaData): SchemaElement[] =>
  parquetSchema(metadata).children.map(({ element }) => element)

function checkColumns(metadata: FileMetaData, schema: Schema, name: string): void {
  const columns = new Map(topOf(metadata).map((element) => [element.name, element]))
  for (const field of schema.names) {
    const element = columns.get(field)
    const type = schema.fields[field]!
    if (element === undefined) {
      throw userError(
        'parquet',
        `${name} has no column '${field}'; it has ${[...columns.keys()].join(', ')}: rename the field or take another file`,
      )
    }
    const found = element.logical_type?.type ?? element.converted_type ?? element.type ?? 'GROUP'
    if (!takes(type, element, found)) {
      throw userError(
        'parquet',
        `column '${field}' of ${name} holds ${found}, which is no ${typeName(type)}: change the field's type`,
      )
    }
  }
}

function takes({ kind }: FieldType, element: SchemaElement, found: string): boolean {
  if (scaleOf(element) !== null) return OF_DECIMALS.has(kind)
  return TAKES[kind].test(found) || TAKES[kind].test(element.type ?? '')
}

// Times as microseconds: dates of JavaScript hold milliseconds only.
const PARSERS = {
  timestampFromMilliseconds: (value: bigint) => Number(value) * 1000,
  timestampFromMicroseconds: (value: bigint) => Number(value),
  timestampFromNanoseconds: (value: bigint) => Number(value / 1000n),
  dateFromDays: (value: number) => value,
} as never
