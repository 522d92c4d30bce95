/**
 * Reads CSV files as RFC 4180 has them: a header, then a row per record. Columns are found by their names in the header of
 * each file; a row whose values do not fit, or that has too few or too many, is rejected and the rest goes on. A quote
 * out of place is kept as text. Blank lines are not rows. Files and positions: see `files.ts`.
 */
import { userError } from '../base/errors.ts'
import { aText, check, maybe, only } from '../base/given.ts'
import type { Value } from '../records/column.ts'
import { type Schema, typeName } from '../records/schema.ts'
import type { SourceConnector, SourceContext } from '../topology/connector.ts'
import { CsvRecords } from './csv-records.ts'
import { constantsOf, type FieldOptions, fieldOptions } from './field-options.ts'
import { filePath } from './file-cursor.ts'
import { checkFiles, type FileFormat, openFiles, type RowFile } from './files.ts'
import { type Parse, textParser } from './parse-value.ts'
import type { RowIntake } from './row-intake.ts'

/** Options of `csv`. */
export interface CsvOptions extends FieldOptions {
  /** Between the values of a row. Default: a comma. */
  readonly delimiter?: string
}

/**
 * CSV as a source: a file, or a directory of `.csv` and `.csv.gz` files, read as one in the order of their names.
 * @param path the file or directory, as a path or a `file:` URL
 * @throws user error `csv` (when it is checked or opened) that names the file or column and the remedy
 * @example source('airports', Airport, csv('data/airports.csv', { constants: { since: 0 }, columns: { code: 'iata' } }))
 */
export function csv(path: string | URL, options: CsvOptions = {}): SourceConnector {
  check('csv', only({ ...fieldOptions, delimiter: maybe(aText) }), options)
  const at = filePath(path)
  return {
    kind: 'csv',
    definition: [at, options],
    isBounded: true,
    splits: 1,
    check: async (context) => checkFiles(context, at, csvFormat(context, options)),
    open: async (context, _split, position) => openFiles(context, at, csvFormat(context, options), position),
  }
}

function csvFormat({ schema }: SourceContext, options: CsvOptions): FileFormat {
  const { delimiter = ',' } = options
  const given = constantsOf('csv', schema, options)
  const constants = schema.names.map((name) => given.get(name) ?? null)
  const parsers = schema.names.map((name) => textParser(name, schema.fields[name]!))
  return {
    kind: 'csv',
    endings: ['.csv', '.csv.gz'],
    async open(bytes, file) {
      const records = new CsvRecords(bytes, file, delimiter)
      try {
        const header = await records.next()
        if (header === null) {
          const why = records.isUnclosed ? 'a quote in it is not closed' : 'it is empty'
          throw userError('csv', `${file} has no header, ${why}: its first line must name the columns`)
        }
        const sources = columnsOf(header, schema, options, file)
        return new CsvFile(records, file, delimiter, { header, sources, parsers, constants })
      } catch (error) {
        records.close()
        throw error
      }
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
  readonly #records: CsvRecords
  readonly #file: string
  readonly #delimiter: string
  readonly #mapping: Mapping
  #hasEnded = false

  constructor(records: CsvRecords, file: string, delimiter: string, mapping: Mapping) {
    this.#records = records
    this.#file = file
    this.#delimiter = delimiter
    this.#mapping = mapping
  }

  async read(rowsMax: number, into: RowIntake | null): Promise<number> {
    let count = 0
    while (count < rowsMax && !this.#hasEnded && into?.isFull !== true) {
      const record = this.#records.take() ?? (await this.#records.next())
      if (record === null) {
        this.#hasEnded = true
        if (!this.#records.isUnclosed) break
        into?.reject(`a quote is not closed before the end of ${this.#file}: close it`, '')
      } else if (record.length === 1 && record[0] === '') continue
      else if (into !== null) this.#take(record, into)
      count++
    }
    return count
  }

  close(): void {
    this.#records.close()
  }

  #take(record: readonly string[], into: RowIntake): void {
    const { header, sources, parsers, constants } = this.#mapping
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
}
