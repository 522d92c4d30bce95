/** How far apart in time two rows may be that are joined. */

/** In microseconds: right rows so much older or newer than the left one, both included; or such as are in its window. */
export type JoinSpan =
  | { readonly older: number; readonly newer: number }
  | { readonly size: number; readonly offset: number }

export type IntervalJoinKind = 'inner' | 'left' | 'right' | 'full'

/** How far apart two rows of a pair can be, at the most. */
export const reachOf = (span: JoinSpan): number => ('size' in span ? span.size : span.older + span.newer)

/** The times of right rows that match a left one, or the other way around. */
export function rangeOf(span: JoinSpan, time: number, isLeft: boolean): readonly [from: number, to: number] {
  if ('size' in span) {
    const start = Math.floor((time - span.offset) / span.size) * span.size + span.offset
    return [start, start + span.size - 1]
  }
  return isLeft ? [time - span.older, time + span.newer] : [time - span.newer, time + span.older]
}

/** Whether rows of a side are said without a match. */
export const isSaidAlone = (how: IntervalJoinKind, port: number): boolean =>
  how === 'full' || how === (port === 0 ? 'left' : 'right')
