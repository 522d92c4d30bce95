/**
 * Reads Parquet files: one, or those of a directory in the order of their names, as one split. A resumed reader decodes
 * the row group where it was again. Which files, and positions: see `file-cursor.ts`; one file: see `parquet-file.ts`.
 */
import { aNumber, check, maybe, only } from '../base/given.ts'
import { Batch } from '../records/batch.ts'
import { rowsWithin } from '../records/batch-bytes.ts'
import type { Column } from '../records/column.ts'
import type { SourceConnector, SourceContext, SplitPosition, SplitReader, SplitRows } from '../topology/connector.ts'
import { FileCursor, filePath, findFiles } from './file-cursor.ts'
import type { ParquetFile, RowGroup } from './parquet-file.ts'

const KIND = { kind: 'parquet', endings: ['.parquet'] }

/**
 * Parquet as a source: a file, or a directory of `.parquet` files. Timestamps without a zone are taken as UTC.
 * @param path the file or directory, as a path or a `file:` URL
 * @param options.rows read no more than so many, of all files together
 * @throws user error `parquet` (when it is checked or opened) that names the file or column
 * @example source('flights', Flight, parquet('data/flights-3m.parquet'))
 */
export function parquet(path: string | URL, options: { rows?: number } = {}): SourceConnector {
  check('parquet', only({ rows: maybe(aNumber) }), options)
  const at = filePath(path)
  return {
    kind: KIND.kind,
    definition: [at, options.rows ?? null],
    isBounded: true,
    splits: 1,
    async check(context) {
      for (const file of findFiles(context.seam.files, at, KIND)) (await openParquet(context, file)).close()
    },
    async open(context, _split, position) {
      const cursor = new FileCursor(context.seam.files, at, KIND, position)
      const reader = new ParquetReader(context, cursor, options.rows ?? Number.POSITIVE_INFINITY)
      try {
        await reader.openFile()
        return reader
      } catch (error) {
        reader.close()
        throw error
      }
    },
  }
}

/** The decoder and its decompressors come with the first file: a tenth of what a worker's start costs. */
async function openParquet(context: SourceContext, name: string): Promise<ParquetFile> {
  const { ParquetFile } = await import('./parquet-file.ts')
  return ParquetFile.open(context, name)
}

class ParquetReader implements SplitReader {
  readonly #context: SourceContext
  readonly #cursor: FileCursor
  readonly #rowsMax: number
  #file: ParquetFile | null = null
  #group: RowGroup | null = null

  constructor(context: SourceContext, cursor: FileCursor, rowsMax: number) {
    this.#context = context
    this.#cursor = cursor
    this.#rowsMax = rowsMax
  }

  /** Opens the file where the cursor stands. @throws user error when it ends before */
  async openFile(): Promise<ParquetFile> {
    this.#file ??= await openParquet(this.#context, this.#cursor.file)
    if (this.#cursor.row > this.#file.rows) throw this.#cursor.shrunk(this.#file.rows)
    return this.#file
  }

  async read(rowsMax: number, bytesMax = Number.POSITIVE_INFINITY): Promise<SplitRows | null> {
    const cursor = this.#cursor
    const left = this.#rowsMax - cursor.offset
    if (left <= 0) return null
    let file = await this.openFile()
    while (cursor.row === file.rows) {
      if (!cursor.nextFile()) return null
      this.close()
      file = await this.openFile()
    }
    const { batch, start } = await this.#groupOf(file, left, bytesMax)
    const { row, offset } = cursor
    const count = Math.min(rowsWithin(batch, row - start, bytesMax) - (row - start), rowsMax)
    cursor.advance(count)
    return { batch: sliceBatch(batch, row - start, row - start + count), offsets: offset, rejected: [] }
  }

  position(): SplitPosition {
    return this.#cursor.position()
  }

  /** By rows within a file and by bytes over all of them; by rows alone where their number is limited. */
  progress(): number {
    const { row, offset, bytes, bytesBefore, bytesTotal } = this.#cursor
    if (offset >= this.#rowsMax) return 1
    const rows = this.#file?.rows ?? 0
    const share = rows === 0 ? 0 : row / rows
    const read = bytesTotal === 0 ? 1 : (bytesBefore + share * bytes) / bytesTotal
    return Math.max(read, offset / this.#rowsMax)
  }

  close(): void {
    this.#file?.close()
    this.#file = null
    this.#group = null
  }

  async #groupOf(file: ParquetFile, left: number, bytesMax: number): Promise<RowGroup> {
    const { row } = this.#cursor
    const known = this.#group
    if (known !== null && row < known.start + known.batch.length) return known
    // The former one goes first: two at once may be more than there is room for.
    this.#group = null
    this.#group = await file.readGroup(row, row + left, bytesMax)
    return this.#group
  }
}

function sliceBatch(batch: Batch, from: number, to: number): Batch {
  if (from === 0 && to === batch.length) return batch
  const columns = batch.columns.map((column): Column => {
    if (column.type === 'string') return { ...column, codes: column.codes.subarray(from, to) }
    if (column.type === 'bytes') return { ...column, values: column.values.slice(from, to) }
    return { ...column, data: column.data.subarray(from, to), valid: column.valid?.subarray(from, to) ?? null }
  })
  return new Batch(batch.schema, to - from, columns)
}
