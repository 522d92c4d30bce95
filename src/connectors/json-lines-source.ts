/**
 * Reads files of JSON lines: an object a line, fields found by their keys. A line that is no object, or whose values do not
 * fit, is rejected and the rest goes on. Blank lines are not rows. Files and positions: see `files.ts`.
 */
import type { Readable } from 'node:stream'
import { check, only } from '../base/given.ts'
import type { Value } from '../records/column.ts'
import type { SourceConnector, SourceContext } from '../topology/connector.ts'
import { constantsOf, type FieldOptions, fieldOptions } from './field-options.ts'
import { filePath } from './file-cursor.ts'
import { checkFiles, type FileFormat, openFiles, type RowFile } from './files.ts'
import { jsonParser, type Parse } from './parse-value.ts'
import type { RowIntake } from './row-intake.ts'
import { parseObject } from './row-json.ts'

/** Bytes of one line. A longer one is rejected without being held in memory. */
const LINE_BYTES_MAX = 1 << 24
/** What is kept of a longer one. */
const HEAD_BYTES = 4096
const NEWLINE = 10

/**
 * JSON lines as a source: a file, or a directory of `.jsonl` and `.ndjson` files (also with `.gz`), read as one in the
 * order of their names.
 * @param path the file or directory, as a path or a `file:` URL
 * @throws user error `json-lines` (when it is checked or opened) that names the file and the remedy
 * @example source('clicks', Click, jsonLinesSource('data/clicks', { columns: { at: 'timestamp' } }))
 */
export function jsonLinesSource(path: string | URL, options: FieldOptions = {}): SourceConnector {
  check('jsonLinesSource', only(fieldOptions), options)
  const at = filePath(path)
  return {
    kind: 'json-lines',
    definition: [at, options],
    isBounded: true,
    splits: 1,
    check: async (context) => checkFiles(context, at, jsonLinesFormat(context, options)),
    open: async (context, _split, position) => openFiles(context, at, jsonLinesFormat(context, options), position),
  }
}

interface FieldSource {
  readonly key: string
  readonly parse: Parse<unknown>
  /** What stands for a missing key; undefined where it is judged like any other value. */
  readonly absent: Value | undefined
  readonly isRequired: boolean
}

function jsonLinesFormat({ schema }: SourceContext, options: FieldOptions): FileFormat {
  const constants = constantsOf('json-lines', schema, options)
  const fields = schema.names.map((name): FieldSource => {
    const key = options.columns?.[name] ?? name
    const isRequired = options.required?.includes(name) === true && !constants.has(name)
    return { key, parse: jsonParser(name, schema.fields[name]!), absent: constants.get(name), isRequired }
  })
  return {
    kind: 'json-lines',
    endings: ['.jsonl', '.jsonl.gz', '.ndjson', '.ndjson.gz'],
    open: async (bytes) => new JsonLinesFile(bytes, fields),
  }
}

/** The start of a line that was too long. */
class LongLine {
  readonly head: string
  constructor(head: Buffer) {
    this.head = head.toString('utf8')
  }
}

class JsonLinesFile implements RowFile {
  readonly #bytes: Readable
  readonly #chunks: AsyncIterator<Buffer>
  readonly #fields: readonly FieldSource[]
  #lines: (string | LongLine)[] = []
  #at = 0
  /** The bytes of a line that has not ended yet. */
  #rest: Buffer[] = []
  #restBytes = 0
  #long: LongLine | null = null

  constructor(bytes: Readable, fields: readonly FieldSource[]) {
    this.#bytes = bytes
    this.#chunks = bytes[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    this.#fields = fields
  }

  async read(rowsMax: number, into: RowIntake | null): Promise<number> {
    let count = 0
    while (count < rowsMax && into?.isFull !== true) {
      if (this.#at === this.#lines.length) {
        if (await this.#fill()) continue
        break
      }
      const line = this.#lines[this.#at++]!
      if (typeof line === 'string' && line.trim() === '') continue
      count++
      if (into !== null) this.#take(line, into)
    }
    return count
  }

  close(): void {
    this.#bytes.destroy()
  }

  #take(line: string | LongLine, into: RowIntake): void {
    if (typeof line !== 'string') {
      into.reject(`the line is longer than ${LINE_BYTES_MAX} bytes`, line.head)
      return
    }
    const why = this.#valuesOf(line, into) ?? into.take()
    if (why !== null) into.reject(why, line)
  }

  /** Puts the values of a line in place, or says why there are none. */
  #valuesOf(line: string, into: RowIntake): string | null {
    const json = parseObject(line)
    if (typeof json === 'string') return json
    for (let c = 0; c < this.#fields.length; c++) {
      const { key, parse, absent, isRequired } = this.#fields[c]!
      if (Object.hasOwn(json, key)) into.values[c] = parse(json[key])
      else if (isRequired) return `the line has no '${key}'`
      else into.values[c] = absent === undefined ? parse(undefined) : absent
    }
    return null
  }

  /** The lines that the next chunk ends, maybe none; false at the end of the file. */
  async #fill(): Promise<boolean> {
    const { value: chunk, done } = await this.#chunks.next()
    if (done && this.#restBytes === 0 && this.#long === null) return false
    this.#at = 0
    const end = done ? 0 : chunk.lastIndexOf(NEWLINE)
    this.#lines = end < 0 ? [] : this.#split(done ? Buffer.alloc(0) : chunk.subarray(0, end))
    if (!done) this.#keep(chunk.subarray(end + 1))
    return true
  }

  /** The lines of what was kept and these bytes; nothing is kept then. */
  #split(bytes: Buffer): (string | LongLine)[] {
    const lines: (string | LongLine)[] = Buffer.concat([...this.#rest, bytes])
      .toString('utf8')
      .split('\n')
    if (this.#long !== null) lines[0] = this.#long
    else if ((lines[0] as string).startsWith('\ufeff')) lines[0] = (lines[0] as string).slice(1)
    this.#long = null
    this.#rest = []
    this.#restBytes = 0
    return lines
  }

  #keep(bytes: Buffer): void {
    if (this.#long !== null || bytes.length === 0) return
    this.#rest.push(bytes)
    this.#restBytes += bytes.length
    if (this.#restBytes <= LINE_BYTES_MAX) return
    this.#long = new LongLine(Buffer.concat(this.#rest).subarray(0, HEAD_BYTES))
    this.#rest = []
    this.#restBytes = 0
  }
}
