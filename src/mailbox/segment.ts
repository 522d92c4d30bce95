/**
 * The file format of the embedded log. A sender's log is a chain of segment files, named by incarnation and index; each
 * life writes files of its own. A segment is a header and records, one an epoch.
 *
 *   segment  0 u32 magic 'UMBS'  4 u32 crc of 8..40  8 u32 layout  12 u32 incarnation  16 u32 index  24 f64 first epoch
 *            32 f64 reserved; 64 bytes in all
 *   record   0 u32 magic 'UMBR'  4 u32 crc of 8..head  8 u32 bytes in all  12 u32 head bytes  16 f64 epoch
 *            24 u32 incarnation  28 u16 edges  30 u16 frames  32 u32 records in flight before it  36 u32 marker bytes
 *            40 u32 layout  44 u32 1 where the sender retires
 *            48 (u32 edge, u32 0, f64 watermark) an edge; (u32 edge, u32 partition, u32 offset, u32 bytes) a frame block;
 *            marker; padding: this is the head; then the frame blocks, which carry checksums of their own
 *
 * The record of epoch e stands in the last segment whose first epoch is at or below e (MB-2): what an older life wrote
 * beyond the point where a newer one began is dead. A segment begins when all before it is durable (MB-3), and a record
 * says how many before it were not yet: a hole before what is so proven is damage, any other is a torn tail.
 */
import { corruptionError } from '../base/errors.ts'
import { checksum } from '../base/hash.ts'
import type { EdgeWatermark, OutgoingRecord } from './log.ts'

const SEGMENT_MAGIC = 0x53424d55
const RECORD_MAGIC = 0x52424d55
const LOG_LAYOUT = 3
export const SEGMENT_HEADER = 64
export const RECORD_HEADER = 48

export interface SegmentHeader {
  readonly incarnation: number
  readonly index: number
  readonly firstEpoch: number
}

export const segmentName = (incarnation: number, index: number): string =>
  `${String(incarnation).padStart(8, '0')}-${String(index).padStart(8, '0')}.seg`

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = Buffer.alloc(SEGMENT_HEADER)
  bytes.writeUInt32LE(SEGMENT_MAGIC, 0)
  bytes.writeUInt32LE(LOG_LAYOUT, 8)
  bytes.writeUInt32LE(header.incarnation, 12)
  bytes.writeUInt32LE(header.index, 16)
  bytes.writeDoubleLE(header.firstEpoch, 24)
  bytes.writeUInt32LE(checksum(bytes.subarray(8, 40)), 4)
  return bytes
}

/** Null for a segment that was never used, or whose first write was torn. */
export function parseSegmentHeader(bytes: Uint8Array): SegmentHeader | null {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (buffer.length < SEGMENT_HEADER || buffer.readUInt32LE(0) !== SEGMENT_MAGIC) return null
  if (buffer.readUInt32LE(4) !== checksum(buffer.subarray(8, 40))) return null
  const layout = buffer.readUInt32LE(8)
  if (layout !== LOG_LAYOUT) throw corruptionError('log', `log layout ${layout} is not ${LOG_LAYOUT}`)
  return { incarnation: buffer.readUInt32LE(12), index: buffer.readUInt32LE(16), firstEpoch: buffer.readDoubleLE(24) }
}

const align8 = (bytes: number): number => (bytes + 7) & ~7

/**
 * The record as chunks to write one behind the other, without copying the frames.
 * @param durable the last epoch that is durable already
 */
export function encodeRecord(
  record: OutgoingRecord,
  incarnation: number,
  durable: number,
): { chunks: Uint8Array[]; bytes: number } {
  const { watermarks, frames, marker } = record
  const markerAt = RECORD_HEADER + watermarks.length * 16 + frames.length * 16
  const headBytes = align8(markerAt + marker.length)
  const head = Buffer.alloc(headBytes)
  const chunks: Uint8Array[] = [head]
  let at = RECORD_HEADER
  for (const { edge, watermark } of watermarks) {
    head.writeUInt32LE(edge, at)
    head.writeDoubleLE(watermark, at + 8)
    at += 16
  }
  let end = headBytes
  for (const block of frames) {
    const bytes = block.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    head.writeUInt32LE(block.edge, at)
    head.writeUInt32LE(block.partition, at + 4)
    head.writeUInt32LE(end, at + 8)
    head.writeUInt32LE(bytes, at + 12)
    at += 16
    end += bytes
    chunks.push(...block.chunks)
  }
  head.set(marker, markerAt)
  head.writeUInt32LE(RECORD_MAGIC, 0)
  head.writeUInt32LE(end, 8)
  head.writeUInt32LE(headBytes, 12)
  head.writeDoubleLE(record.epoch, 16)
  head.writeUInt32LE(incarnation, 24)
  head.writeUInt16LE(watermarks.length, 28)
  head.writeUInt16LE(frames.length, 30)
  head.writeUInt32LE(record.epoch - 1 - durable, 32)
  head.writeUInt32LE(marker.length, 36)
  head.writeUInt32LE(record.layout, 40)
  head.writeUInt32LE(record.isRetired ? 1 : 0, 44)
  head.writeUInt32LE(checksum(head.subarray(8)), 4)
  return { chunks, bytes: end }
}

/** What a record starts with: to look for one behind a hole. */
export const RECORD_START = Buffer.from(Uint32Array.of(RECORD_MAGIC).buffer)

/** The head of a record, taken apart. */
export class RecordHead {
  readonly #head: Buffer
  constructor(head: Uint8Array) {
    this.#head = Buffer.from(head.buffer, head.byteOffset, head.length)
  }

  /** Bytes of the head, from its first 48; 0 when no record starts here. */
  static headBytes(start: Uint8Array): number {
    const buffer = Buffer.from(start.buffer, start.byteOffset, start.length)
    return buffer.length >= RECORD_HEADER && buffer.readUInt32LE(0) === RECORD_MAGIC ? buffer.readUInt32LE(12) : 0
  }

  get isWhole(): boolean {
    return this.#head.readUInt32LE(4) === checksum(this.#head.subarray(8))
  }
  get bytes(): number {
    return this.#head.readUInt32LE(8)
  }
  get epoch(): number {
    return this.#head.readDoubleLE(16)
  }
  /** The last epoch that was durable when the record was written. */
  get durable(): number {
    return this.epoch - 1 - this.#head.readUInt32LE(32)
  }
  get layout(): number {
    return this.#head.readUInt32LE(40)
  }
  get isRetired(): boolean {
    return this.#head.readUInt32LE(44) === 1
  }
  get marker(): Uint8Array {
    const at = RECORD_HEADER + (this.#head.readUInt16LE(28) + this.#head.readUInt16LE(30)) * 16
    return Uint8Array.prototype.slice.call(this.#head, at, at + this.#head.readUInt32LE(36))
  }
  get watermarks(): EdgeWatermark[] {
    return Array.from({ length: this.#head.readUInt16LE(28) }, (_, i) => ({
      edge: this.#head.readUInt32LE(RECORD_HEADER + i * 16),
      watermark: this.#head.readDoubleLE(RECORD_HEADER + i * 16 + 8),
    }))
  }
  /** Where each frame block stands, from the start of the record. */
  *blocks(): Iterable<{ edge: number; partition: number; offset: number; bytes: number }> {
    let at = RECORD_HEADER + this.#head.readUInt16LE(28) * 16
    for (let i = this.#head.readUInt16LE(30); i > 0; i--, at += 16) {
      yield {
        edge: this.#head.readUInt32LE(at),
        partition: this.#head.readUInt32LE(at + 4),
        offset: this.#head.readUInt32LE(at + 8),
        bytes: this.#head.readUInt32LE(at + 12),
      }
    }
  }
}
