/**
 * The segments of one sender on disk: which there are, where an epoch stands, and where the log ends.
 *
 * Only writes that were in flight when a life ended can be torn, and the log says which those may be: the next segment
 * begins when they are durable (MB-3), and each record counts those before it. A hole anywhere else is damage, and never
 * makes a shorter history.
 */
import { corruptionError, UmbelError } from '../base/errors.ts'
import type { Files, ReadableFile } from '../base/seam.ts'
import { checkFrame, frameBytes } from '../records/frame-decoder.ts'
import {
  parseSegmentHeader,
  RECORD_HEADER,
  RECORD_START,
  RecordHead,
  SEGMENT_HEADER,
  type SegmentHeader,
} from './segment.ts'

/** Read in one go for a head: most heads are shorter, so that one system call does. */
const HEAD_CHUNK = 2048
/** Read in one go behind a hole. */
const SCAN_CHUNK = 1 << 20

export interface Segment extends SegmentHeader {
  readonly path: string
}

/** The used segments of a sender, in order of (incarnation, index). */
export function listSegments(files: Files, directory: string): Segment[] {
  const segments: Segment[] = []
  for (const name of files.list(directory)) {
    if (!name.endsWith('.seg')) continue
    const path = `${directory}/${name}`
    const file = openSegment(files, path)
    if (file === null) continue
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

/** Null where the sender has removed the segment since it was listed: trimmed, or left unused by a dead life. */
export function openSegment(files: Files, path: string): ReadableFile | null {
  try {
    return files.openRead(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
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

export interface SegmentTail {
  /** The last epoch of the log, 0 where there is none. */
  readonly end: number
  /** The segment that holds it, or would hold the next; null where there is no log. */
  readonly segment: Segment | null
  /** Where the last record of that segment ends. */
  readonly length: number
}

/**
 * Finds the end. Heads are checked from the start of the retained log; the frames of the last segment too.
 * @param segments those that `listSegments` found
 * @throws corruption `log` when a record is missing or damaged that others prove to have been durable
 */
export function findTail(files: Files, segments: readonly Segment[]): SegmentTail {
  const first = Math.min(...segments.map((segment) => segment.firstEpoch))
  let tail: SegmentTail = { end: segments.length > 0 ? first - 1 : 0, segment: null, length: 0 }
  segments.forEach((segment, i) => {
    const limit = Math.min(...segments.slice(i + 1).map((later) => later.firstEpoch - 1))
    // Superseded: a newer life began at or before its first record.
    if (segment.firstEpoch > limit) return
    tail = walk(files, segment, limit)
    if (limit < Number.POSITIVE_INFINITY && tail.end < limit)
      throw (tail.length === sizeOf(files, segment) ? gap : damage)(segment.path, tail.end + 1, limit)
  })
  return tail
}

/** The last epoch of the log; see `findTail`. */
export const findEnd = (files: Files, segments: readonly Segment[]): number => findTail(files, segments).end

/** @param limit the last epoch of the segment, infinite for the last segment of the log, whose tail may be torn */
function walk(files: Files, segment: Segment, limit: number): SegmentTail {
  const file = openSegment(files, segment.path)
  if (file === null) throw damage(segment.path, segment.firstEpoch, limit)
  const mayBeTorn = limit === Number.POSITIVE_INFINITY
  try {
    let end = segment.firstEpoch - 1
    let length = SEGMENT_HEADER
    while (end < limit) {
      let record = readWhole(file, length, end + 1, mayBeTorn)
      if (record === null && mayBeTorn) {
        const proven = provenBehind(file, length)
        // Looked at again: the log may be live, and have grown meanwhile.
        if (proven > end) record = readWhole(file, length, end + 1, mayBeTorn)
        if (proven > end && record === null) throw damage(segment.path, end + 1, proven)
      }
      if (record === null) break
      end++
      length += record.bytes
    }
    return { end, segment, length }
  } finally {
    file.close()
  }
}

/**
 * Checks a file without a whole header: it was never used, or its first write was torn.
 * @throws corruption `log` when it holds what was durable beyond `end`, the end of the other segments
 */
export function checkUnused(files: Files, path: string, end: number): void {
  const file = files.openRead(path)
  try {
    const proven = provenBehind(file, 0)
    if (proven > end) throw damage(path, end + 1, proven)
  } finally {
    file.close()
  }
}

function readWhole(file: ReadableFile, position: number, epoch: number, withFrames: boolean): RecordHead | null {
  const record = readHead(file, position)
  if (record === null || record.epoch !== epoch) return null
  return withFrames && !framesAreWhole(file, position, record) ? null : record
}

/** True when every frame of the record passes its checksum. */
function framesAreWhole(file: ReadableFile, position: number, record: RecordHead): boolean {
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

/** The last epoch that some record at or behind `position` proves to have been durable; 0 where none does. */
function provenBehind(file: ReadableFile, position: number): number {
  const size = file.size()
  let proven = 0
  for (let start = position; start < size; start += SCAN_CHUNK) {
    const chunk = Buffer.alloc(Math.min(SCAN_CHUNK, size - start))
    file.read(start, chunk)
    for (let at = chunk.indexOf(RECORD_START); at >= 0; at = chunk.indexOf(RECORD_START, at + 1)) {
      // Records stand at multiples of 8, so none starts across two chunks.
      const record = at % 8 === 0 ? readHead(file, start + at) : null
      if (record !== null) proven = Math.max(proven, record.durable)
    }
  }
  return proven
}

/** What can be done where a log is not whole. */
export const LOG_REMEDY = 'restore the file, or the whole job from a copy, or begin afresh (--fresh)'

const damage = (path: string, missing: number, proven: number) =>
  corruptionError(
    'log',
    `the record of epoch ${missing} is missing or damaged in ${path}, but the log was durable up to epoch ${proven}: ` +
      LOG_REMEDY,
  )

/** Where the file itself is whole, and what came behind it is not there. */
const gap = (path: string, missing: number, proven: number) =>
  corruptionError(
    'log',
    `the file with epochs ${missing} to ${proven} is missing: it stood behind ${path}, which is whole: ${LOG_REMEDY}`,
  )

function sizeOf(files: Files, { path }: Segment): number {
  const file = openSegment(files, path)
  if (file === null) return 0
  try {
    return file.size()
  } finally {
    file.close()
  }
}
