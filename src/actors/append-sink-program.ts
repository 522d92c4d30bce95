/**
 * Writes rows that are never taken back to a file that only grows. Each epoch's bytes are on disk before its marker,
 * which holds the file's length and checksum; a recovery cuts the file to that length (SK-1). At the end of the input
 * the file gets its name, which is repeated after a crash.
 */
import { corruptionError } from '../base/errors.ts'
import { checksum } from '../base/hash.ts'
import type { DurableFile } from '../base/seam.ts'
import type { InboxBatch } from '../mailbox/inbox.ts'
import type { Batch } from '../records/batch.ts'
import { piecesOf } from '../records/batch-bytes.ts'
import type { Program } from '../recovery/program.ts'
import type { SinkContext } from '../topology/connector.ts'

export interface SinkMarkerState {
  readonly bytes: number
  readonly checksum: number
  readonly isWhole: boolean
}

export class AppendSinkProgram implements Program {
  readonly tables = []
  output = () => {}
  readonly #context: SinkContext
  readonly #partial: string
  #file: DurableFile | null = null
  /** The epoch's rows, as they came: written out they may be many times as large. */
  #pending: Batch[] = []
  #bytes = 0
  #checksum = 0
  #isWhole = false

  readonly #pieceBytesMax: number

  /** @param pieceBytesMax bytes of rows that are made text at a time */
  constructor(context: SinkContext, pieceBytesMax: number) {
    this.#context = context
    this.#pieceBytesMax = pieceBytesMax
    this.#partial = `${context.path}.partial`
  }

  open(markerState: unknown): void {
    const { files } = this.#context.seam
    const state = (markerState ?? { bytes: 0, checksum: 0, isWhole: false }) as SinkMarkerState
    this.#bytes = state.bytes
    this.#checksum = state.checksum
    this.#isWhole = state.isWhole
    if (state.isWhole) return
    const found = files.exists(this.#partial) ? files.size(this.#partial) : 0
    if (found < state.bytes) {
      throw corruptionError(
        'sink',
        `${this.#partial} has ${found} bytes, but ${state.bytes} were committed: it was deleted or cut; run with --fresh to start over`,
      )
    }
    this.#file = files.openWrite(this.#partial, state.bytes)
  }

  onBatch({ batch }: InboxBatch): void {
    this.#pending.push(batch)
  }

  advance(): boolean {
    return true
  }
  watermarkOf(): number {
    return Number.NEGATIVE_INFINITY
  }
  flush(): void {}
  digest(): number {
    return 0
  }
  memoryBytes(): number {
    return 0
  }

  async prepare(_epoch: number, isLast: boolean): Promise<void> {
    this.#isWhole = isLast
    const { format, columns } = this.#context
    let chunks: Uint8Array[] = this.#bytes === 0 ? [format.header(columns)] : []
    let size = 0
    const batches = this.#pending
    this.#pending = []
    for (const batch of batches) {
      for (const piece of piecesOf(batch, this.#pieceBytesMax)) {
        const text = format.encode(piece, columns, null)
        chunks.push(text)
        size += text.length
        if (size < this.#pieceBytesMax) continue
        await this.#write(chunks)
        chunks = []
        size = 0
      }
    }
    await this.#write(chunks)
  }

  markerState(): SinkMarkerState {
    return { bytes: this.#bytes, checksum: this.#checksum, isWhole: this.#isWhole }
  }

  publish(markerState: unknown): void {
    const { isWhole, bytes } = markerState as SinkMarkerState
    if (!isWhole) return
    const { path, seam } = this.#context
    const { files } = seam
    if (files.exists(this.#partial) && files.size(this.#partial) === bytes) files.rename(this.#partial, path)
    else if (!files.exists(path) || files.size(path) !== bytes) {
      throw corruptionError(
        'sink',
        `${path} was committed with ${bytes} bytes but is not there; run with --fresh to start over`,
      )
    }
  }

  close(): void {
    this.#file?.close()
  }

  async #write(chunks: readonly Uint8Array[]): Promise<void> {
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    if (size === 0) return
    for (const chunk of chunks) this.#checksum = checksum(chunk, this.#checksum)
    await this.#file!.write(chunks, this.#bytes)
    this.#bytes += size
  }
}
