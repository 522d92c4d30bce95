/**
 * Windows: of one size, side by side or overlapping; growing from one start on; or as long as rows come. All spans are
 * half-open: [start, end). Rows of windows of one size are kept in panes, the greatest common divisor of size and hop wide;
 * a window is a row of panes.
 */
import { userError } from '../base/errors.ts'
import { aDuration, check, maybe, only } from '../base/given.ts'
import { type Duration, micros, type Timestamp } from '../base/time.ts'

export interface Window {
  /** Length of a window, in microseconds. */
  readonly size: number
  /** Distance from one window's start to the next one's, in microseconds. */
  readonly hop: number
  /** One window starts at this time, in microseconds since 1970. */
  readonly offset: number
  /** Of windows that start together and grow: by how much, in microseconds; null where all are of one size. */
  readonly step: number | null
  /** For how long after its end a window is not said yet, in microseconds. */
  readonly lookback: number
}

/** Windows that rows make themselves, in microseconds: rows no further apart than the gap are in one. */
export interface SessionWindow {
  readonly gap: number
}

export type AnyWindow = Window | SessionWindow

/** How windows are shifted, and when they are said. */
export interface WindowOptions {
  /** One window starts so long after 1970, as midnight does in another time zone. */
  readonly offset?: Duration
  /** For how long after its end a window waits for what is late, before it is said. */
  readonly lookback?: Duration
}

const windowOptions = only({ offset: maybe(aDuration), lookback: maybe(aDuration) })

/**
 * When a window speaks. `final`: once, when the watermark has reached its end, and again for each correction. `eager`: at
 * once, taking back what it said before with each change; what it comes to is the same.
 */
export type Emission = 'final' | 'eager'

/** Windows side by side. @example tumbling('1d', { offset: '6h' }) */
export function tumbling(size: Duration, options: WindowOptions = {}): Window {
  return hopping(size, size, options)
}

/**
 * Windows of `size` that start every `hop`.
 * @throws user error `window` when either is 0 or the hop is longer than the size
 * @example hopping('24h', '1h')
 */
export function hopping(size: Duration, hop: Duration, options: WindowOptions = {}): Window {
  check('a window', windowOptions, options)
  const { offset = 0, lookback = 0 } = options
  const window = {
    ...{ size: micros(size), hop: micros(hop), offset: micros(offset), step: null, lookback: micros(lookback) },
  }
  if (window.size === 0 || window.hop === 0) throw userError('window', 'a window needs a size and a hop above 0')
  if (window.hop > window.size) {
    throw userError('window', `the hop ${hop} is longer than the size ${size}: rows between the windows would be lost`)
  }
  return window
}

/**
 * Windows that start together every `size` and end every `step` on: what has come so far today, each hour.
 * @throws user error `window` when the size is not a multiple of the step
 * @example cumulating('1d', '1h')
 */
export function cumulating(size: Duration, step: Duration, options: WindowOptions = {}): Window {
  const window = { ...tumbling(size, options), step: micros(step) }
  if (window.step === 0 || window.size % window.step !== 0)
    throw userError('window', `a size of ${size} cannot be cut into steps of ${step}: make it a multiple`)
  return window
}

/**
 * Windows that last as long as rows come: those no further apart than `gap` are in one, which ends a microsecond behind the
 * last of them. A row that comes late may join two, and one that is taken back may part them.
 * @throws user error `window` when the gap is 0
 * @example session('30m')
 */
export function session(gap: Duration): SessionWindow {
  if (micros(gap) === 0) throw userError('window', 'a session needs a gap above 0')
  return { gap: micros(gap) }
}

export const isSession = (window: AnyWindow): window is SessionWindow => 'gap' in window

/** The windows that hold a time, as [start, end). */
export function* windowsOf({ size, hop, offset, step }: Window, time: Timestamp): Iterable<readonly [number, number]> {
  for (let start = Math.floor((time - offset) / hop) * hop + offset; start > time - size; start -= hop) {
    if (step === null) yield [start, start + size]
    else
      for (let end = Math.floor((time - start) / step + 1) * step + start; end <= start + size; end += step)
        yield [start, end]
  }
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** The arithmetic of windows that are all of one size. */
export class PaneClock {
  readonly width: number
  readonly #size: number
  readonly #hop: number
  readonly #offset: number

  constructor({ size, hop, offset }: Pick<Window, 'size' | 'hop' | 'offset'>) {
    this.#size = size
    this.#hop = hop
    this.#offset = offset
    this.width = gcd(size, hop)
  }

  /** Start of the pane that holds a time. */
  paneOf(time: Timestamp): number {
    return this.#down(time, this.width)
  }

  /** End of the first window that contains the pane. */
  firstEnd(pane: number): number {
    return this.#down(pane + this.width - this.#size + this.#hop - 1, this.#hop) + this.#size
  }

  /** End of the last window that contains the pane. */
  lastEnd(pane: number): number {
    return this.#down(pane, this.#hop) + this.#size
  }

  /** The first window end above `time`. */
  endAfter(time: Timestamp): number {
    return this.#down(time - this.#size, this.#hop) + this.#hop + this.#size
  }

  /** The last window end at or below `limit`: rows before it belong to a window that has ended. */
  lastEndUpTo(limit: Timestamp): number {
    return Number.isFinite(limit) ? this.endAfter(limit) - this.#hop : limit
  }

  /** Ends of the windows that contain the pane and end at or before `limit`. */
  *endsUpTo(pane: number, limit: Timestamp): Iterable<number> {
    const last = Math.min(this.lastEnd(pane), limit)
    for (let end = this.firstEnd(pane); end <= last; end += this.#hop) yield end
  }

  startOf(end: number): number {
    return end - this.#size
  }

  /** The last start of something so wide at or before a time. */
  #down(time: Timestamp, width: number): number {
    return Math.floor((time - this.#offset) / width) * width + this.#offset
  }
}
