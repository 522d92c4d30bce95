/** Lateness is decided here, row by row, and nowhere else: a row is on time, late but taken, too late, or too far ahead. */
import type { Timestamp } from '../base/time.ts'
import type { SourceNode } from '../topology/graph.ts'

export interface Judged {
  /** How many rows are kept. */
  readonly kept: number
  /** How many of those are late. */
  readonly late: number
  /** The greatest time that the split has seen. */
  readonly latest: Timestamp
}

/**
 * @param now of the clock, in microseconds
 * @param floor what this shard has told others already: a new or resumed split is judged by at least that
 * @param latest the greatest time that the split has seen before
 * @param rows is filled with the numbers of the rows that are kept
 */
export function judgeTimes(
  times: Float64Array,
  { disorder, lateness, aheadMax }: SourceNode['options'],
  { now, floor, latest: before }: { now: number; floor: Timestamp; latest: Timestamp },
  rows: Int32Array,
  refuse: (row: number, kind: 'late' | 'ahead', reason: string) => void,
): Judged {
  const ahead = aheadMax === null ? Number.POSITIVE_INFINITY : now + aheadMax
  let latest = before
  let watermark = Math.max(floor, latest - disorder)
  let [kept, late] = [0, 0]
  for (let row = 0; row < times.length; row++) {
    const time = times[row]!
    if (time > ahead) {
      refuse(row, 'ahead', `more than ${aheadMax} us ahead of the clock`)
      continue
    }
    if (time > latest) {
      latest = time
      if (time - disorder > watermark) watermark = time - disorder
    }
    if (time < watermark) {
      if (time < watermark - lateness) {
        refuse(row, 'late', `${watermark - time} us behind the watermark, lateness is ${lateness} us`)
        continue
      }
      late++
    }
    rows[kept++] = row
  }
  return { kept, late, latest }
}
