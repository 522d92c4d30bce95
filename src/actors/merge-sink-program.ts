/**
 * Writes the final state of a stream that takes rows back: rows and how often each holds are kept in a table, and the
 * file is made from it when the input ends: sorted, to a temporary file, renamed after the marker (SK-1).
 */
import { basename, dirname } from 'node:path'
import { corruptionError } from '../base/errors.ts'
import { checksum, combineHash } from '../base/hash.ts'
import type { Files } from '../base/seam.ts'
import type { InboxBatch } from '../mailbox/inbox.ts'
import { BatchBuilder } from '../records/batch.ts'
import { packKey, unpackKey } from '../records/key.ts'
import type { Schema } from '../records/schema.ts'
import type { Program } from '../recovery/program.ts'
import type { KeyedTable } from '../storage/table.ts'
import type { SinkContext } from '../topology/connector.ts'

const TABLE = 'rows'
const CHUNK_ROWS = 8192
const CHECK_BYTES = 1 << 20

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

  /** @param pieceBytesMax bytes of rows that are made text at a time */
  constructor(context: SinkContext, table: (name: string) => KeyedTable, pieceBytesMax: number) {
    this.#context = context
    this.#pieceBytesMax = pieceBytesMax
    this.#table = () => table(TABLE)
  }

  open(): void {}

  onBatch({ batch }: InboxBatch): void {
    const table = this.#table()
    const columns = batch.schema.names.map((_, c) => c)
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

  *#chunks(): Iterable<Uint8Array> {
    const { schema, format, columns } = this.#context
    let builder = new BatchBuilder(schema)
    let copies: number[] = []
    let bytes = 0
    for (const [key, value] of this.#table().range()) {
      // A row that holds very often is a piece, or several, by itself.
      const most = Math.max(1, Math.floor(this.#pieceBytesMax / key.length))
      for (let left = Buffer.from(value).readDoubleLE(0); left > 0; left -= most) {
        pushPacked(builder, schema, key)
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

function pushPacked(builder: BatchBuilder, schema: Schema, key: Uint8Array): void {
  unpackKey(
    key,
    schema.names.map((name) => schema.fields[name]!.kind),
  ).forEach((value, c) => builder.builders[c]!.push(value))
  builder.end()
}
