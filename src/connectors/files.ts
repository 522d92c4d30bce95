/**
 * A file, or the files of a directory in the order of their names, as one split. This file finds them, makes their bytes
 * a stream, and goes from one to the next; a format (`csv.ts`, `json-lines-source.ts`) makes rows of the bytes of one.
 *
 * Position: `{ file, index, row, offset }`, the name and number of the file, rows read of it, and rows read of all.
 * Offsets count over the whole directory. A resumed reader opens the same file again and passes over its first `row`
 * rows: neither gzip nor quotes that span lines can be entered in the middle.
 */
import path from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import { UmbelError, userError } from '../base/errors.ts'
import type { Files } from '../base/seam.ts'
import type { SourceContext, SplitPosition, SplitReader, SplitRows } from '../topology/connector.ts'
import { RowIntake } from './row-intake.ts'

const CHUNK_BYTES = 1 << 16

/** A path as messages and positions show it. */
export const filePath = (given: string | URL): string => (given instanceof URL ? fileURLToPath(given) : given)

/** One open file of rows. */
export interface RowFile {
  /** Hands the next rows to `into`, or passes over them where it is null. Resolves to their number: below `rowsMax` at the end. */
  read(rowsMax: number, into: RowIntake | null): Promise<number>
  close(): void
}

/** What a format knows. */
export interface FileFormat {
  /** For messages: `csv`. */
  readonly kind: string
  /** Names in a directory that belong to it, without `.gz`. */
  readonly endings: readonly string[]
  /** @throws user error when the file lacks what the schema asks for */
  open(bytes: Readable, file: string): Promise<RowFile>
}

/**
 * The file at a path, or those of a directory that end as the format says, by name. Names that start with a dot are left out.
 * @throws user error when there is none
 */
function findFiles(files: Files, at: string, { kind, endings }: FileFormat): string[] {
  if (!files.exists(at)) throw userError(kind, `there is no file ${at}: check the path of the ${kind} source`)
  if (!files.isDirectory(at)) return [at]
  const names = files.list(at).filter((name) => {
    const plain = name.endsWith('.gz') ? name.slice(0, -3) : name
    return (
      endings.some((ending) => plain.endsWith(ending)) &&
      !name.startsWith('.') &&
      !files.isDirectory(path.join(at, name))
    )
  })
  if (names.length > 0) return names.map((name) => path.join(at, name))
  const wanted = endings.map((ending) => `${ending} or ${ending}.gz`).join(' or ')
  throw userError(kind, `the directory ${at} has no file that ends in ${wanted}: check the path of the ${kind} source`)
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
  const reader = new FilesReader(context, findFiles(context.seam.files, at, format), format)
  try {
    if (position !== null) await reader.goTo(position as unknown as FilesPosition)
  } catch (error) {
    reader.close()
    throw error
  }
  return reader
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

interface FilesPosition {
  readonly file: string
  readonly index: number
  readonly row: number
  readonly offset: number
}

class FilesReader implements SplitReader {
  readonly #context: SourceContext
  readonly #files: readonly string[]
  readonly #format: FileFormat
  readonly #bytesTotal: number
  #index = 0
  #row = 0
  #offset = 0
  #bytesRead = 0
  #open: RowFile | null = null

  constructor(context: SourceContext, files: readonly string[], format: FileFormat) {
    this.#context = context
    this.#files = files
    this.#format = format
    this.#bytesTotal = files.reduce((sum, file) => sum + context.seam.files.size(file), 0)
  }

  async read(rowsMax: number): Promise<SplitRows | null> {
    const intake = new RowIntake(this.#context.schema, this.#offset)
    while (intake.rows < rowsMax) {
      const wanted = rowsMax - intake.rows
      const came = await this.#readOne(wanted, intake)
      this.#row += came
      this.#offset += came
      if (came === wanted) break
      if (this.#index === this.#files.length - 1) break
      this.close()
      this.#index++
      this.#row = 0
    }
    return intake.rows === 0 ? null : intake.finish()
  }

  async goTo({ file, index, row, offset }: FilesPosition): Promise<void> {
    const { kind } = this.#format
    const found = this.#files.findIndex((one) => path.basename(one) === file)
    if (found !== index) {
      const what = found < 0 ? 'is gone' : `is now number ${found + 1} of them and not ${index + 1}`
      throw userError(
        kind,
        `${file}, where the ${kind} source stood, ${what}: put the files back as they were, or start anew`,
      )
    }
    this.#index = index
    this.#bytesRead = this.#files.slice(0, index).reduce((sum, one) => sum + this.#context.seam.files.size(one), 0)
    const passed = await this.#readOne(row, null)
    if (passed < row) {
      throw userError(
        kind,
        `${this.#files[index]} has ${passed} rows and had ${row}: put it back as it was, or start anew`,
      )
    }
    this.#row = row
    this.#offset = offset
  }

  position(): SplitPosition {
    const file = path.basename(this.#files[this.#index]!)
    return { file, index: this.#index, row: this.#row, offset: this.#offset } satisfies FilesPosition
  }

  progress(): number {
    return this.#bytesTotal === 0 ? 1 : Math.min(1, this.#bytesRead / this.#bytesTotal)
  }

  close(): void {
    this.#open?.close()
    this.#open = null
  }

  #readOne(rowsMax: number, into: RowIntake | null): Promise<number> {
    const file = this.#files[this.#index]!
    return explained(this.#format, file, this.#row, async () => {
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
