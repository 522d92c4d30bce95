/** The growing bytes of one frame. Blocks of numbers are written in place, at multiples of 8. */
import { userError } from '../base/errors.ts'
import { align8 } from './frame-layout.ts'

/** A frame's length is a number of 32 bits, and is read as one with a sign. */
const FRAME_BYTES_MAX = 2 ** 31 - 8

export class FrameTarget {
  #bytes: Buffer
  at = 0

  constructor(bytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(align8(bytes))
  }

  /** Leaves room and returns where it starts. */
  skip(bytes: number): number {
    this.#reserve(bytes)
    const start = this.at
    this.at += bytes
    return start
  }

  u32(value: number): void {
    this.setU32(this.skip(4), value)
  }

  setU32(at: number, value: number): void {
    this.#bytes.writeUInt32LE(value, at)
  }

  put(bytes: Uint8Array, padded = true): void {
    const start = this.skip(bytes.length)
    this.#bytes.set(bytes, start)
    if (padded) this.pad()
  }

  /** Writes UTF-8 and returns its length in bytes. */
  text(value: string): number {
    this.#reserve(value.length * 3)
    const length = this.#bytes.write(value, this.at)
    this.at += length
    return length
  }

  pad(): void {
    const end = align8(this.at)
    this.#reserve(end - this.at)
    this.#bytes.fill(0, this.at, end)
    this.at = end
  }

  floats(count: number): Float64Array {
    const start = this.skip(count * 8)
    return new Float64Array(this.#bytes.buffer, start, count)
  }

  /** A block of bytes, padded with zeros. */
  bytesBlock(count: number): Uint8Array {
    const start = this.skip(count)
    this.pad()
    return this.#bytes.subarray(start, start + count)
  }

  /** Codes of 1, 2 or 4 bytes; -1 becomes the highest of the width. */
  codes(codes: Int32Array, width: number): void {
    const start = this.skip(codes.length * width)
    const { buffer } = this.#bytes
    if (width === 1) new Uint8Array(buffer, start, codes.length).set(codes)
    else if (width === 2) new Uint16Array(buffer, start, codes.length).set(codes)
    else new Int32Array(buffer, start, codes.length).set(codes)
    this.pad()
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.at)
  }

  #reserve(bytes: number): void {
    if (this.at + bytes <= this.#bytes.length) return
    if (this.at + bytes > FRAME_BYTES_MAX) {
      throw userError(
        'frame-size',
        `what an epoch puts out for one receiver is more than a frame can hold, ${FRAME_BYTES_MAX} bytes: lower the limits ` +
          'epochRowsMax and epochBytesMax, or make smaller rows',
      )
    }
    const larger = Buffer.allocUnsafeSlow(
      Math.min(FRAME_BYTES_MAX, align8(Math.max(this.#bytes.length * 2, this.at + bytes))),
    )
    this.#bytes.copy(larger, 0, 0, this.at)
    this.#bytes = larger
  }
}
