/**
 * Reads CSV files as RFC 4180 has them: a header, then a row per record. Columns are found by their names in the header of
 * each file; a row whose values do not fit, or that has too few or too many, is rejected and the rest goes on. A quote
 * out of place is kept as text. Blank lines are not rows. Files and positions: see `files.ts`.
 */
import { pipeline, type Readable } from 'node:stream'
import { type CsvError, type Parser, parse } from 'csv-parse'
import { userError } from '../base/errors.ts'
import type { Value } from '../records/column.ts'
import { type Schema, typeName } from '../records/schema.ts'
import type { SourceConnector, SourceContext } from '../topology/connector.ts'
import { constantsOf } from './constants.ts'
import { checkFiles, type FileFormat, filePath, openFiles, type RowFile } from './files.ts'
import { type Parse, textParser } from './parse-value.ts'
import type { RowIntake } from './row-intake.ts'

/** Characters of one row. More mostly means a quote that is not closed. */
const ROW_CHARACTERS_MAX = 1 << 24

/** Options of `csv`. */
export interface CsvOptions {
  /** Values of fields that a file has no column for. Times in microseconds, as `Date` or as ISO text. */
  readonly constants?: Readonly<Record<string, Value | Date>>
  /** Between the values of a row. Default: a comma. */
  readonly delimiter?: string
  /** The column of a field, where its name is another than the field's. */
  readonly columns?: Readonly<Record<string, string>>
  /** Nullable fields whose column must be there; a missing one of the others is null in every row. */
  readonly required?: readonly string[]
}

/**
 * CSV as a source: a file, or a directory of `.csv` and `.csv.gz` files, read as one in the order of their names.
 * @param path the file or directory, as a path or a `file:` URL
 * @throws user error `csv` (when it is checked or opened) that names the file or column and the remedy
 * @example source('airports', Airport, csv('data/airports.csv', { constants: { since: 0 }, columns: { code: 'iata' } }))
 */
export function csv(path: string | URL, options: CsvOptions = {}): SourceConnector {
  const at = filePath(path)
  return {
    kind: 'csv',
    definition: [at, options],
    isBounded: true,
    splits: 1,
    check: (context) => checkFiles(context, at, csvFormat(context, options)),
    open: (context, _split, position) => openFiles(context, at, csvFormat(context, options), position),
  }
}

function csvFormat({ schema }: SourceContext, options: CsvOptions): FileFormat {
  const constants = constantsOf('csv', schema, options.constants)
  const parsers = schema.names.map((name) => textParser(name, schema.fields[name]!))
  return {
    kind: 'csv',
    endings: ['.csv'],
    async open(bytes, file) {
      const rows = new CsvFile(bytes, file, options.delimiter ?? ',')
      try {
        await rows.readHeader((header) => {
          const sources = columnsOf(header, schema, options, file)
          return { header, sources, parsers, constants: schema.names.map((name) => constants.get(name) ?? null) }
        })
      } catch (error) {
        rows.close()
        throw error
      }
      return rows
    },
  }
}

/** How the values of a record become those of a row. */
interface Mapping {
  readonly header: readonly string[]
  /** The position of each field's value in a record, -1 where the constant stands. */
  readonly sources: readonly number[]
  readonly parsers: readonly Parse<string>[]
  readonly constants: readonly Value[]
}

/** The position of each field's column, -1 where there is none. @throws user error when there must be one */
function columnsOf(header: readonly string[], schema: Schema, options: CsvOptions, file: string): number[] {
  return schema.names.map((name) => {
    const column = options.columns?.[name] ?? name
    const found = header.indexOf(column)
    if (found >= 0 && header.indexOf(column, found + 1) >= 0) {
      throw userError('csv', `${file} has two columns '${column}': rename one of them`)
    }
    const type = schema.fields[name]!
    const isConstant = Object.hasOwn(options.constants ?? {}, name)
    if (found >= 0 || isConstant || (type.nullable && !options.required?.includes(name))) return found
    throw userError(
      'csv',
      `${file} has no column '${column}' for field '${name}' (${typeName(type)}); it has ${header.join(', ')}: ` +
        `name the right one in columns, give a value in constants, or make the field optional`,
    )
  })
}

class CsvFile implements RowFile {
  readonly #bytes: Readable
  readonly #file: string
  readonly #delimiter: string
  readonly #parser: Parser
  #mapping: Mapping | null = null
  #wake: () => void = () => {}
  #ended = false
  #failure: Error | null = null
  #unclosed = false

  constructor(bytes: Readable, file: string, delimiter: string) {
    this.#bytes = bytes
    this.#file = file
    this.#delimiter = delimiter
    this.#parser = parse({
      bom: true,
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      relax_quotes: true,
      max_record_size: ROW_CHARACTERS_MAX,
      skip_records_with_error: true,
      on_skip: (error) => this.#onSkip(error),
    })
    this.#parser.on('readable', () => this.#wake())
    pipeline(bytes, this.#parser, (error) => {
      this.#ended = true
      this.#failure = error ?? null
      this.#wake()
    })
  }

  /** @throws user error when there is no header */
  async readHeader(mappingOf: (header: string[]) => Mapping): Promise<void> {
    const header = await this.#next()
    if (header === null)
      throw userError(
        'csv',
        `${this.#file} has no header, it is empty or a quote is not closed: its first line must name the columns`,
      )
    this.#mapping = mappingOf(header)
  }

  async read(rowsMax: number, into: RowIntake | null): Promise<number> {
    const { length } = this.#mapping!.header
    let count = 0
    while (count < rowsMax) {
      const record = (this.#parser.read() as string[] | null) ?? (await this.#next())
      if (record === null) break
      if (record.length === 1 && record[0] === '' && length > 1) continue
      count++
      if (into !== null) this.#take(record, into)
    }
    if (count < rowsMax && this.#unclosed) {
      this.#unclosed = false
      into?.reject(`a quote is not closed before the end of ${this.#file}: close it`, '')
      count++
    }
    return count
  }

  close(): void {
    this.#parser.destroy()
    this.#bytes.destroy()
  }

  #take(record: readonly string[], into: RowIntake): void {
    const { header, sources, parsers, constants } = this.#mapping!
    if (record.length !== header.length) {
      into.reject(`the row has ${record.length} values and the header ${header.length}`, this.#rawOf(record))
      return
    }
    for (let c = 0; c < sources.length; c++) {
      into.values[c] = sources[c]! < 0 ? constants[c]! : parsers[c]!(record[sources[c]!]!)
    }
    const why = into.take()
    if (why !== null) into.reject(why, this.#rawOf(record))
  }

  /** The row as it would be written: to keep the bytes of each row would cost a fifth of the speed. */
  #rawOf(record: readonly string[]): string {
    const texts = record.map((text) =>
      text.includes(this.#delimiter) || /["\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text,
    )
    return texts.join(this.#delimiter)
  }

  /** The next record, waited for; null at the end. */
  async #next(): Promise<string[] | null> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure
      const record = this.#parser.read() as string[] | null
      if (record !== null || this.#ended) return record
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  #onSkip(error: CsvError | undefined): undefined {
    if (error?.code === 'CSV_QUOTE_NOT_CLOSED') this.#unclosed = true
    else
      throw userError(
        'csv',
        `a row of ${this.#file} is longer than ${ROW_CHARACTERS_MAX} characters: close the quote that runs on`,
        error,
      )
  }
}
