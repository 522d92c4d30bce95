/**
 * Reads a Parquet file, row group by row group, only the columns that are asked for. One file is one split; its rows
 * are numbered through. Position: the next row; a resumed reader decodes the row group that holds it again.
 */
import { fileURLToPath } from 'node:url'
import { type AsyncBuffer, type FileMetaData, parquetMetadataAsync, parquetRead } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { userError } from '../base/errors.ts'
import type { ReadableFile } from '../base/seam.ts'
import { Batch } from '../records/batch.ts'
import type { Column } from '../records/column.ts'
import type { FieldType, Schema } from '../records/schema.ts'
import { typeName } from '../records/schema.ts'
import type { SourceConnector, SourceContext, SplitPosition, SplitReader, SplitRows } from '../topology/connector.ts'
import { parquetColumn } from './parquet-column.ts'

/** What a Parquet column may hold for a field: physical and logical types that convert without loss. */
const TAKES: Record<FieldType['kind'], RegExp> = {
  int: /^(INT32|INT64)$/,
  float: /^(INT32|INT64|FLOAT|DOUBLE)$/,
  bool: /^BOOLEAN$/,
  string: /^(STRING|UTF8|ENUM|JSON|BYTE_ARRAY)$/,
  bytes: /^(BYTE_ARRAY|FIXED_LEN_BYTE_ARRAY)$/,
  time: /^TIMESTAMP/,
  date: /^DATE$/,
}

/**
 * A Parquet file as a source. Timestamps without a zone are taken as UTC.
 * @param path the file, as a path or a `file:` URL
 * @throws user error `parquet` (when it is checked or opened) that names the file or column
 * @example source('flights', Flight, parquet('data/flights-3m.parquet'))
 */
export function parquet(path: string | URL, options: { rows?: number } = {}): SourceConnector {
  const file = path instanceof URL ? fileURLToPath(path) : path
  return {
    kind: 'parquet',
    definition: [file, options.rows ?? null],
    isBounded: true,
    splits: 1,
    check: async (context) => {
      const opened = await openFile(context, file)
      opened.close()
    },
    async open(context, _split, position) {
      const opened = await openFile(context, file)
      return new ParquetReader(opened, context.schema, options.rows ?? Number.POSITIVE_INFINITY, position)
    },
  }
}

interface OpenedFile {
  readonly buffer: AsyncBuffer
  readonly metadata: FileMetaData
  readonly name: string
  close(): void
}

async function openFile({ seam, schema }: SourceContext, name: string): Promise<OpenedFile> {
  if (!seam.files.exists(name)) {
    throw userError('parquet', `there is no file ${name}: check the path of the parquet source`)
  }
  const file = seam.files.openRead(name)
  try {
    const buffer = asyncBuffer(file)
    const metadata = await parquetMetadataAsync(buffer)
    checkColumns(metadata, schema, name)
    return { buffer, metadata, name, close: () => file.close() }
  } catch (error) {
    file.close()
    if ((error as { kind?: string }).kind === 'user') throw error
    throw userError(
      'parquet',
      `${name} is not a readable parquet file, or is cut short: ${(error as Error).message}`,
      error,
    )
  }
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

function checkColumns(metadata: FileMetaData, schema: Schema, name: string): void {
  const columns = new Map(metadata.schema.slice(1).map((element) => [element.name, element]))
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
    if (!TAKES[type.kind].test(found) && !TAKES[type.kind].test(element.type ?? '')) {
      throw userError(
        'parquet',
        `column '${field}' of ${name} holds ${found}, which is no ${typeName(type)}: change the field's type`,
      )
    }
  }
}

class ParquetReader implements SplitReader {
  readonly #file: OpenedFile
  readonly #schema: Schema
  readonly #rows: number
  #row: number
  #group: { batch: Batch; start: number } | null = null

  constructor(file: OpenedFile, schema: Schema, rows: number, position: SplitPosition) {
    this.#file = file
    this.#schema = schema
    this.#rows = Math.min(rows, Number(file.metadata.num_rows))
    this.#row = (position?.row as number | undefined) ?? 0
  }

  async read(rowsMax: number): Promise<SplitRows | null> {
    if (this.#row >= this.#rows) return null
    if (this.#group === null || this.#row >= this.#group.start + this.#group.batch.length) {
      this.#group = null
      this.#group = await this.#readGroup()
    }
    const { batch, start } = this.#group
    const from = this.#row - start
    const to = Math.min(batch.length, from + rowsMax, this.#rows - start)
    const offset = this.#row
    this.#row += to - from
    return { batch: sliceBatch(batch, from, to), offsets: offset, rejected: [] }
  }

  position(): SplitPosition {
    return { row: this.#row }
  }

  progress(): number {
    return this.#rows === 0 ? 1 : this.#row / this.#rows
  }

  close(): void {
    this.#file.close()
  }

  async #readGroup(): Promise<{ batch: Batch; start: number }> {
    const { buffer, metadata, name } = this.#file
    let start = 0
    let length = 0
    for (const group of metadata.row_groups) {
      length = Number(group.num_rows)
      if (this.#row < start + length) break
      start += length
    }
    length = Math.min(length, this.#rows - start)
    const builders = this.#schema.names.map((field) => parquetColumn(field, this.#schema.fields[field]!, length, name))
    try {
      await parquetRead({
        file: buffer,
        metadata,
        compressors,
        columns: [...this.#schema.names],
        rowStart: start,
        rowEnd: start + length,
        parsers: PARSERS,
        onChunk: ({ columnName, columnData, rowStart }) => {
          builders[this.#schema.names.indexOf(columnName)]!.take(columnData as ArrayLike<unknown>, rowStart - start)
        },
      })
    } catch (error) {
      if ((error as { kind?: string }).kind === 'user') throw error
      throw userError(
        'parquet',
        `${name} cannot be read beyond row ${start}, it is damaged or cut short: ${(error as Error).message}`,
        error,
      )
    }
    return {
      batch: new Batch(
        this.#schema,
        length,
        builders.map((builder) => builder.finish()),
      ),
      start,
    }
  }
}

// Times as microseconds: dates of JavaScript hold milliseconds only.
const PARSERS = {
  timestampFromMilliseconds: (value: bigint) => Number(value) * 1000,
  timestampFromMicroseconds: (value: bigint) => Number(value),
  timestampFromNanoseconds: (value: bigint) => Number(value / 1000n),
  dateFromDays: (value: number) => value,
} as never

function sliceBatch(batch: Batch, from: number, to: number): Batch {
  if (from === 0 && to === batch.length) return batch
  const columns = batch.columns.map((column): Column => {
    if (column.type === 'string') return { ...column, codes: column.codes.subarray(from, to) }
    if (column.type === 'bytes') return { ...column, values: column.values.slice(from, to) }
    return { ...column, data: column.data.subarray(from, to), valid: column.valid?.subarray(from, to) ?? null }
  })
  return new Batch(batch.schema, to - from, columns)
}
