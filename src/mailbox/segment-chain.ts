/** The segments of one sender on disk: which there are, where an epoch stands, and where the log ends. */
import { UmbelError } from '../base/errors.ts'
import type { Files, ReadableFile } from '../base/seam.ts'
import { checkFrame, frameBytes } from '../records/frame-decoder.ts'
import { parseSegmentHeader, RECORD_HEADER, RecordHead, SEGMENT_HEADER, type SegmentHeader } from './segment.ts'

/** Read in one go for a head: most heads are shorter, so that one system call does. */
const HEAD_CHUNK = 2048

export interface Segment extends SegmentHeader {
  readonly path: string
}

/** The used segments of a sender, in order of (incarnation, index). */
export function listSegments(files: Files, directory: string): Segment[] {
  const segments: Segment[] = []
  for (const name of files.list(directory)) {
    if (!name.endsWith('.seg')) continue
    const path = `${directory}/${name}`
    const file = files.openRead(path)
    try {
      const bytes = new Uint8Array(SEGMENT_HEADER)
      file.read(0, bytes)
      const header = parseSegmentHeader(bytes)
      if (header !== null) segments.push({ ...header, path })
    } finally {
      file.close()
    }
  }
  return segments
}

/** The segment that holds `epoch`: the last that begins at or below it (MB-2). */
export const segmentOf = (segments: readonly Segment[], epoch: number): Segment | undefined =>
  segments.findLast((segment) => segment.firstEpoch <= epoch)

/** The head of the record at `position`, or null where no whole one stands. */
export function readHead(file: ReadableFile, position: number): RecordHead | null {
  const chunk = new Uint8Array(HEAD_CHUNK)
  const length = file.read(position, chunk)
  const headBytes = RecordHead.headBytes(chunk.subarray(0, length))
  if (headBytes < RECORD_HEADER) return null
  let head = chunk.subarray(0, Math.min(headBytes, length))
  if (headBytes > length) {
    if (position + headBytes > file.size()) return null
    head = new Uint8Array(headBytes)
    file.read(position, head)
  }
  const record = new RecordHead(head)
  return record.isWhole ? record : null
}

/** True when every frame of the record passes its checksum. */
export function framesAreWhole(file: ReadableFile, position: number, record: RecordHead): boolean {
  for (const block of record.blocks()) {
    const bytes = new Uint8Array(block.bytes)
    if (file.read(position + block.offset, bytes) < bytes.length) return false
    try {
      for (let at = 0; at < bytes.length; ) {
        const length = frameBytes(bytes, at)
        if (length <= 0) return false
        checkFrame(bytes.subarray(at, at + length))
        at += length
      }
    } catch (error) {
      if (error instanceof UmbelError) return false
      throw error
    }
  }
  return true
}

/**
 * The last epoch of the log. Heads are checked from the start of the retained log; the frames of the last two segments
 * too, since only writes that were in flight at a crash can be torn.
 */
export function findEnd(files: Files, segments: readonly Segment[]): number {
  let end = segments.length > 0 ? Math.min(...segments.map((segment) => segment.firstEpoch)) - 1 : 0
  segments.forEach((segment, i) => {
    const limit = Math.min(Number.POSITIVE_INFINITY, ...segments.slice(i + 1).map((later) => later.firstEpoch - 1))
    if (segment.firstEpoch !== end + 1 || segment.firstEpoch > limit) return
    const file = files.openRead(segment.path)
    try {
      let position = SEGMENT_HEADER
      while (end < limit) {
        const record = readHead(file, position)
        if (record === null || record.epoch !== end + 1) break
        if (i >= segments.length - 2 && !framesAreWhole(file, position, record)) break
        end++
        position += record.bytes
      }
    } finally {
      file.close()
    }
  })
  return end
}
