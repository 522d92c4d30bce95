/**
 * Where a reader is that takes a file, or the files of a directory in the order of their names, as one split.
 *
 * Position: `{ file, index, row, offset }`, the name and number of the file, rows read of it, and rows read of all.
 * Offsets count over the whole directory.
 */
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type UmbelError, userError } from '../base/errors.ts'
import type { Files } from '../base/seam.ts'
import type { SplitPosition } from '../topology/connector.ts'

/** A path as messages and positions show it. */
export const filePath = (given: string | URL): string => (given instanceof URL ? fileURLToPath(given) : given)

/** Which files of a directory a format takes. */
export interface FileKind {
  /** For messages: `csv`. */
  readonly kind: string
  /** How their names end. */
  readonly endings: readonly string[]
}

/**
 * The file at a path, or those of a directory that end as the format says, by name. Names that start with a dot are left out.
 * @throws user error when there is none
 */
export function findFiles(files: Files, at: string, { kind, endings }: FileKind): string[] {
  if (!files.exists(at)) throw userError(kind, `there is no file ${at}: check the path of the ${kind} source`)
  if (!files.isDirectory(at)) return [at]
  const names = files
    .list(at)
    .filter((name) => !name.startsWith('.') && endings.some((ending) => name.endsWith(ending)))
    .map((name) => path.join(at, name))
    .filter((file) => !files.isDirectory(file))
  if (names.length > 0) return names
  const wanted = endings.join(' or ')
  throw userError(kind, `the directory ${at} has no file that ends in ${wanted}: check the path of the ${kind} source`)
}

interface FilesPosition {
  readonly file: string
  readonly index: number
  readonly row: number
  readonly offset: number
}

export class FileCursor {
  readonly bytesTotal: number
  readonly #kind: string
  readonly #files: readonly string[]
  readonly #sizes: readonly number[]
  #index = 0
  #row = 0
  #offset = 0

  /** @throws user error when there is no file, or not the one of the position in its place */
  constructor(files: Files, at: string, kind: FileKind, position: SplitPosition) {
    this.#kind = kind.kind
    this.#files = findFiles(files, at, kind)
    this.#sizes = this.#files.map((file) => files.size(file))
    this.bytesTotal = this.#bytesOf(this.#files.length)
    if (position !== null) this.#goTo(position as unknown as FilesPosition)
  }

  get file(): string {
    return this.#files[this.#index]!
  }

  /** Rows read of this file. */
  get row(): number {
    return this.#row
  }

  /** Rows read of all files. */
  get offset(): number {
    return this.#offset
  }

  get bytes(): number {
    return this.#sizes[this.#index]!
  }

  /** Bytes of the files that were read to their end. */
  get bytesBefore(): number {
    return this.#bytesOf(this.#index)
  }

  advance(rows: number): void {
    this.#row += rows
    this.#offset += rows
  }

  /** Goes to the start of the next file; false when there is none. */
  nextFile(): boolean {
    if (this.#index === this.#files.length - 1) return false
    this.#index++
    this.#row = 0
    return true
  }

  position(): SplitPosition {
    return {
      file: path.basename(this.file),
      index: this.#index,
      row: this.#row,
      offset: this.#offset,
    } satisfies FilesPosition
  }

  /** What to throw when the file ends before the row. */
  shrunk(rows: number): UmbelError {
    return userError(
      this.#kind,
      `${this.file} has ${rows} rows and had ${this.#row}: put it back as it was, or start anew`,
    )
  }

  #goTo({ file, index, row, offset }: FilesPosition): void {
    const found = this.#files.findIndex((one) => path.basename(one) === file)
    if (found !== index) {
      const what = found < 0 ? 'is gone' : `is now number ${found + 1} of them and not ${index + 1}`
      throw userError(
        this.#kind,
        `${file}, where the ${this.#kind} source stood, ${what}: put the files back as they were, or start anew`,
      )
    }
    this.#index = index
    this.#row = row
    this.#offset = offset
  }

  #bytesOf(count: number): number {
    return this.#sizes.slice(0, count).reduce((sum, size) => sum + size, 0)
  }
}
