/**
 * Writes the final state of a stream that takes rows back, or of a table: rows and how often each holds are kept, and the
 * file is made of that when the input ends: sorted, to a temporary file, renamed after the marker (SK-1). Rows of a table
 * are the same whatever the time of their updates: each that holds in the end is written with the time from which it does.
 */
import { basename, dirname } from 'node:path'
import { copyOf } from '../base/bytes.ts'
import { corruptionError } from '../base/errors.ts'
import { checksum, combineHash } from '../base/hash.ts'
import type { Files } from '../base/seam.ts'
import type { InboxBatch } from '../mailbox/inbox.ts'
import { BatchBuilder } from '../records/batch.ts'
import { packKey, unpackKey } from '../records/key.ts'
import type { Program } from '../recovery/program.ts'
import type { KeyedTable } from '../storage/table.ts'
import type { SinkContext } from '../topology/connector.ts'

const TABLE = 'rows'
const CHUNK_ROWS = 8192
const CHECK_BYTES = 1 << 20

/** A packed row, and how often it holds. */
interface CountedRow {
  readonly key: Uint8Array
  readonly count: number
}

export interface MergeOptions {
  /** Bytes of rows that are made text at a time. */
  readonly pieceBytesMax: number
  readonly isTable: boolean
}

interface MergeMarkerState {
  readonly temporary: string
  readonly bytes: number
  readonly checksum: number
}

export class MergeSinkProgram implements Program {
  readonly tables = [TABLE]
  output = () => {}
  readonly #context: SinkContext
  readonly #table: () => KeyedTable
  #digest = 0
  #made: MergeMarkerState | null = null

  readonly #pieceBytesMax: number
  readonly #isTable: boolean
  /** Names of the columns in the order of the packed rows: of a table the time comes last. */
  readonly #names: readonly string[]

  constructor(context: SinkContext, table: (name: string) => KeyedTable, { pieceBytesMax, isTable }: MergeOptions) {
    this.#context = context
    this.#pieceBytesMax = pieceBytesMax
    this.#isTable = isTable
    this.#table = () => table(TABLE)
    const { names, time } = context.schema
    this.#names = isTable ? [...names.filter((name) => name !== time), time] : names
  }

  open(): void {}

  onBatch({ batch }: InboxBatch): void {
    const table = this.#table()
    const columns = this.#names.map((name) => batch.schema.names.indexOf(name))
    for (let i = 0; i < batch.length; i++) {
      const key = packKey(batch, columns, i)
      const known = table.get(key)
      const copies = (known === undefined ? 0 : Buffer.from(known).readDoubleLE(0)) + batch.diff(i)
      this.#digest = combineHash(combineHash(this.#digest, checksum(key)), copies)
      if (copies === 0) table.remove(key)
      else {
        const value = Buffer.alloc(8)
        value.writeDoubleLE(copies)
        table.put(key, value)
      }
    }
  }

  advance(): boolean {
    return true
  }
  watermarkOf(): number {
    return Number.NEGATIVE_INFINITY
  }
  flush(): void {}
  digest(): number {
    const digest = this.#digest
    this.#digest = 0
    return digest
  }
  memoryBytes(): number {
    return 0
  }

  async prepare(epoch: number, isLast: boolean): Promise<void> {
    if (!isLast) return
    const temporary = `${this.#context.path}.${epoch}.tmp`
    const file = this.#context.seam.files.openWrite(temporary, 0)
    let bytes = 0
    let sum = 0
    const write = async (chunk: Uint8Array): Promise<void> => {
      await file.write([chunk], bytes)
      bytes += chunk.length
      sum = checksum(chunk, sum)
    }
    await write(this.#context.format.header(this.#context.columns))
    for (const chunk of this.#chunks()) await write(chunk)
    file.close()
    this.#made = { temporary, bytes, checksum: sum }
  }

  markerState(): MergeMarkerState | null {
    return this.#made
  }

  publish(markerState: unknown): void {
    const state = markerState as MergeMarkerState | null
    if (state === null) return
    const { path, seam } = this.#context
    const { files } = seam
    if (files.exists(state.temporary)) files.rename(state.temporary, path)
    else if (!files.exists(path) || checksumOf(files, path) !== state.checksum) {
      throw corruptionError('sink', `${path} was committed but is not there; run with --fresh to start over`)
    }
    this.#removeLeftovers()
  }

  /** Of epochs that died before their markers. */
  #removeLeftovers(): void {
    const { path, seam } = this.#context
    const directory = dirname(path)
    for (const name of seam.files.list(directory)) {
      if (!name.startsWith(`${basename(path)}.`)) continue
      if (/^\d+\.tmp$/.test(name.slice(basename(path).length + 1))) seam.files.remove(`${directory}/${name}`)
    }
  }

  *#rows(): Iterable<CountedRow> {
    for (const [key, value] of this.#table().range()) yield { key, count: Buffer.from(value).readDoubleLE(0) }
  }

  /** Rows of a table stand next to each other, by time: what their updates come to is how often they hold. */
  *#holding(): Iterable<CountedRow> {
    let [since, sum]: [Uint8Array | null, number] = [null, 0]
    for (const { key, count } of this.#rows()) {
      if (since === null || !isSameBut(since, key, TIME_BYTES)) {
        if (since !== null) yield { key: since, count: sum }
        ;[since, sum] = [null, 0]
      }
      if (since === null || (sum <= 0 && sum + count > 0)) since = copyOf(key)
      sum += count
    }
    if (since !== null) yield { key: since, count: sum }
  }

  #push(builder: BatchBuilder, key: Uint8Array): void {
    const { schema } = this.#context
    const kinds = this.#names.map((name) => schema.fields[name]!.kind)
    const values = unpackKey(key, kinds)
    schema.names.forEach((name, c) => {
      builder.builders[c]!.push(values[this.#names.indexOf(name)]!)
    })
    builder.end()
  }

  *#chunks(): Iterable<Uint8Array> {
    const { schema, format, columns } = this.#context
    let builder = new BatchBuilder(schema)
    let copies: number[] = []
    let bytes = 0
    for (const { key, count } of this.#isTable ? this.#holding() : this.#rows()) {
      // A row that holds very often is a piece, or several, by itself.
      const most = Math.max(1, Math.floor(this.#pieceBytesMax / key.length))
      for (let left = count; left > 0; left -= most) {
        this.#push(builder, key)
        copies.push(Math.min(left, most))
        bytes += key.length * Math.min(left, most)
        if (copies.length < CHUNK_ROWS && bytes < this.#pieceBytesMax) continue
        bytes = 0
        yield format.encode(builder.finish(), columns, Int32Array.from(copies))
        builder = new BatchBuilder(schema)
        copies = []
      }
    }
    if (copies.length > 0) yield format.encode(builder.finish(), columns, Int32Array.from(copies))
  }
}

/** In pieces: the file may be larger than memory. */
function checksumOf(files: Files, path: string): number {
  const file = files.openRead(path)
  try {
    const piece = new Uint8Array(CHECK_BYTES)
    let sum = 0
    for (let at = 0, count = 0; (count = file.read(at, piece)) > 0; at += count)
      sum = checksum(piece.subarray(0, count), sum)
    return sum
  } finally {
    file.close()
  }
}

/** Of a packed time. */
const TIME_BYTES = 9

/** Whether two packed rows are the same but for their last bytes. */
const isSameBut = (a: Uint8Array, b: Uint8Array, bytes: number): boolean =>
  a.length === b.length && Buffer.compare(a.subarray(0, -bytes), b.subarray(0, -bytes)) === 0
