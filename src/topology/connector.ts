/**
 * What a source and a sink must offer. A source reads splits (a file, a partition, a generator's part) in order and
 * says where it is; a sink writes what committed epochs have put out, idempotently.
 */
import type { Seam } from '../base/seam.ts'
import type { Batch } from '../records/batch.ts'
import type { Schema } from '../records/schema.ts'

/** A row that does not fit the schema. It goes to the dead letters; the rest goes on. */
export interface RejectedRow {
  /** The row's offset within its split. */
  readonly offset: number
  readonly reason: string
  /** The row as read, for a person to look at. */
  readonly raw: string
}

/** Rows of one split in order. */
export interface SplitRows {
  /** Without diffs and origins. */
  readonly batch: Batch
  /** Offset of each row within the split: of the first one, the others follow, or of each. */
  readonly offsets: number | Float64Array
  readonly rejected: readonly RejectedRow[]
}

/** Where a split's reader is: plain data, kept in the source's marker. */
export type SplitPosition = Readonly<Record<string, unknown>> | null

export interface SplitReader {
  /**
   * The next rows; null at the end; `'wait'` when none are due yet.
   * @param rowsMax no more than about so many
   * @param bytesMax and no more once they have come to so many bytes, where the reader can tell
   */
  read(rowsMax: number, bytesMax?: number): Promise<SplitRows | null | 'wait'>
  /** The position behind the rows handed out so far. */
  position(): SplitPosition
  /** How far through, 0 to 1, where that is known. */
  progress?(): number
  close(): Promise<void> | void
}

export interface SourceContext {
  readonly seam: Seam
  /** The columns that are asked for; the source may have more. */
  readonly schema: Schema
}

export interface SourceConnector {
  /** `parquet`, `csv`, ...: for messages and the definition hash. */
  readonly kind: string
  /** Plain data that tells two definitions apart. */
  readonly definition: unknown
  readonly isBounded: boolean
  /** Number of splits, each with its own order and watermark. */
  readonly splits: number
  /**
   * Looks at the source before anything starts: that it is there and has the columns.
   * @throws user error that names the file or column and the remedy
   */
  check?(context: SourceContext): Promise<void>
  /** @param position where to go on, null at the start */
  open(context: SourceContext, split: number, position: SplitPosition): Promise<SplitReader>
}

export interface SinkContext {
  readonly seam: Seam
  readonly schema: Schema
  /** What is written, in this order. */
  readonly columns: readonly string[]
  /** The file. */
  readonly path: string
  readonly format: RowFormat
}

/** How rows become the bytes of a file. */
export interface RowFormat {
  readonly kind: string
  readonly definition: unknown
  /** Bytes at the start of a file. */
  header(columns: readonly string[]): Uint8Array
  /** These columns of the rows of a batch; `copies[i]` is how often row i is written (once where null). */
  encode(batch: Batch, columns: readonly string[], copies: Int32Array | null): Uint8Array
}

export interface SinkConnector {
  readonly kind: 'file'
  readonly path: string
  /** The columns to write, in this order; all where it is not given. */
  readonly columns?: readonly string[]
  readonly format: RowFormat
}
