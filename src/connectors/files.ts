/**
 * A file of rows, or those of a directory, read as streams of bytes. This file makes their bytes a stream, and goes from
 * one to the next; a format (`csv.ts`, `json-lines-source.ts`) makes rows of the bytes of one.
 *
 * Which files, and positions: see `file-cursor.ts`. A resumed reader opens the same file again and passes over the rows
 * that were read: neither gzip nor quotes that span lines can be entered in the middle.
 */
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { UmbelError, userError } from '../base/errors.ts'
import type { Files } from '../base/seam.ts'
import type { SourceContext, SplitPosition, SplitReader, SplitRows } from '../topology/connector.ts'
import { FileCursor, type FileKind, findFiles } from './file-cursor.ts'
import { RowIntake } from './row-intake.ts'

const CHUNK_BYTES = 1 << 16

/** One open file of rows. */
export interface RowFile {
  /**
   * Hands the next rows to `into` until that is full, or passes over them where it is null. Resolves to their number: below
   * `rowsMax` at the end, or when it is full.
   */
  read(rowsMax: number, into: RowIntake | null): Promise<number>
  close(): void
}

/** What a format knows. */
export interface FileFormat extends FileKind {
  /** @throws user error when the file lacks what the schema asks for */
  open(bytes: Readable, file: string): Promise<RowFile>
}

/** The bytes of a file, unpacked if it ends in `.gz`. `onRead` is told how many were read of the file itself. */
function byteStream(files: Files, file: string, onRead: (count: number) => void = () => {}): Readable {
  const opened = files.openRead(file)
  let at = 0
  const bytes = new Readable({
    highWaterMark: CHUNK_BYTES,
    read() {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      const count = opened.read(at, chunk)
      at += count
      onRead(count)
      this.push(count === 0 ? null : chunk.subarray(0, count))
    },
    destroy(error, done) {
      opened.close()
      done(error)
    },
  })
  // What fails shows where the rows are read; the pipeline then closes the file.
  return file.endsWith('.gz') ? pipeline(bytes, createGunzip({ chunkSize: CHUNK_BYTES }), () => {}) : bytes
}

/** Opens each file at a path once, as far as its header. @throws user error of the first that does not fit */
export async function checkFiles(context: SourceContext, at: string, format: FileFormat): Promise<void> {
  for (const file of findFiles(context.seam.files, at, format)) {
    const opened = await explained(format, file, 0, () => format.open(byteStream(context.seam.files, file), file))
    opened.close()
  }
}

/** Opens the reader of all files at a path, from a position on. @throws user error when they are not as they were */
export async function openFiles(
  context: SourceContext,
  at: string,
  format: FileFormat,
  position: SplitPosition,
): Promise<SplitReader> {
  const cursor = new FileCursor(context.seam.files, at, format, position)
  const reader = new FilesReader(context, cursor, format)
  try {
    await reader.passOver()
    return reader
  } catch (error) {
    reader.close()
    throw error
  }
}

/** Whatever a file does not give, the user has to mend it. */
async function explained<T>({ kind }: FileFormat, file: string, row: number, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof UmbelError) throw error
    const { message } = error as Error
    throw userError(
      kind,
      `${file} cannot be read beyond row ${row} (${message}): see whether it is damaged or cut short`,
      error,
    )
  }
}

class FilesReader implements SplitReader {
  readonly #context: SourceContext
  readonly #cursor: FileCursor
  readonly #format: FileFormat
  #bytesRead: number
  #open: RowFile | null = null

  constructor(context: SourceContext, cursor: FileCursor, format: FileFormat) {
    this.#context = context
    this.#cursor = cursor
    this.#format = format
    this.#bytesRead = cursor.bytesBefore
  }

  async read(rowsMax: number, bytesMax = Number.POSITIVE_INFINITY): Promise<SplitRows | null> {
    const cursor = this.#cursor
    const intake = new RowIntake(this.#context.schema, cursor.offset, bytesMax)
    while (intake.rows < rowsMax) {
      const wanted = rowsMax - intake.rows
      const came = await this.#readOne(wanted, intake)
      cursor.advance(came)
      if (came === wanted || intake.isFull || !cursor.nextFile()) break
      this.close()
    }
    return intake.rows === 0 ? null : intake.finish()
  }

  /** Reads on to the row where the cursor stands. */
  async passOver(): Promise<void> {
    const { row } = this.#cursor
    const passed = row === 0 ? 0 : await this.#readOne(row, null)
    if (passed < row) throw this.#cursor.shrunk(passed)
  }

  position(): SplitPosition {
    return this.#cursor.position()
  }

  progress(): number {
    const { bytesTotal } = this.#cursor
    return bytesTotal === 0 ? 1 : Math.min(1, this.#bytesRead / bytesTotal)
  }

  close(): void {
    this.#open?.close()
    this.#open = null
  }

  #readOne(rowsMax: number, into: RowIntake | null): Promise<number> {
    const { file, row } = this.#cursor
    return explained(this.#format, file, into === null ? 0 : row, async () => {
      this.#open ??= await this.#format.open(this.#bytesOf(file), file)
      return this.#open.read(rowsMax, into)
    })
  }

  #bytesOf(file: string): Readable {
    return byteStream(this.#context.seam.files, file, (count) => {
      this.#bytesRead += count
    })
  }
}
