/**
 * The records of a stream of CSV, pulled: csv-parse takes a chunk of bytes only when its last records have been taken, so
 * what is in memory is a chunk or two. It knows nothing of headers and types.
 */
import { pipeline, type Readable } from 'node:stream'
import { type CsvError, type Parser, parse } from 'csv-parse'
import { userError } from '../base/errors.ts'

/** Characters of one record. More mostly means a quote that is not closed. */
const RECORD_CHARACTERS_MAX = 1 << 24

export class CsvRecords {
  /** Whether the stream has ended within quotes; what stands in them is then not among the records. */
  isUnclosed = false
  readonly #bytes: Readable
  readonly #parser: Parser
  #wake: () => void = () => {}
  #isEnded = false
  #failure: Error | null = null

  /** @param file the name, for messages */
  constructor(bytes: Readable, file: string, delimiter: string) {
    this.#bytes = bytes
    this.#parser = parse({
      bom: true,
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      relax_quotes: true,
      max_record_size: RECORD_CHARACTERS_MAX,
      skip_records_with_error: true,
      on_skip: (error) => this.#onSkip(error, file),
    })
    this.#parser.on('readable', () => this.#wake())
    pipeline(bytes, this.#parser, (error) => {
      this.#isEnded = true
      this.#failure = error ?? null
      this.#wake()
    })
  }

  /** The next record if it is there already. A promise a record would cost a fifth of the speed. */
  take(): string[] | null {
    return this.#parser.read() as string[] | null
  }

  /** The next record, waited for; null at the end. @throws what the stream fails with */
  async next(): Promise<string[] | null> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure
      const record = this.take()
      if (record !== null || this.#isEnded) return record
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  close(): void {
    this.#parser.destroy()
    this.#bytes.destroy()
  }

  #onSkip(error: CsvError | undefined, file: string): undefined {
    if (error?.code !== 'CSV_QUOTE_NOT_CLOSED') {
      const remedy = 'close the quote that runs on'
      throw userError('csv', `a row of ${file} is longer than ${RECORD_CHARACTERS_MAX} characters: ${remedy}`, error)
    }
    this.isUnclosed = true
  }
}
