/**
 * Windows of fixed size, aligned to the epoch. Rows are kept in panes, the greatest common divisor of size and hop wide;
 * a window is a row of panes. All spans are half-open: [start, end).
 */
import { userError } from '../base/errors.ts'
import { type Duration, micros, type Timestamp } from '../base/time.ts'

export interface Window {
  /** Length of a window, in microseconds. */
  readonly size: number
  /** Distance from one window's start to the next one's, in microseconds. */
  readonly hop: number
}

/**
 * When a window speaks. `final`: once, when the watermark has reached its end, and again for each correction. `eager`: at
 * once, taking back what it said before with each change; what it comes to is the same.
 */
export type Emission = 'final' | 'eager'

/** Windows side by side. @example tumbling('1h') */
export function tumbling(size: Duration): Window {
  return hopping(size, size)
}

/**
 * Windows of `size` that start every `hop`.
 * @throws user error `window` when either is 0 or the hop is longer than the size
 * @example hopping('24h', '1h')
 */
export function hopping(size: Duration, hop: Duration): Window {
  const window = { size: micros(size), hop: micros(hop) }
  if (window.size === 0 || window.hop === 0) throw userError('window', 'a window needs a size and a hop above 0')
  if (window.hop > window.size) {
    throw userError('window', `the hop ${hop} is longer than the size ${size}: rows between the windows would be lost`)
  }
  return window
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b))

/** The arithmetic of one window definition. */
export class PaneClock {
  readonly width: number
  readonly #size: number
  readonly #hop: number

  constructor({ size, hop }: Window) {
    this.#size = size
    this.#hop = hop
    this.width = gcd(size, hop)
  }

  /** Start of the pane that holds a time. */
  paneOf(time: Timestamp): number {
    return Math.floor(time / this.width) * this.width
  }

  /** End of the first window that contains the pane. */
  firstEnd(pane: number): number {
    return Math.ceil((pane + this.width - this.#size) / this.#hop) * this.#hop + this.#size
  }

  /** End of the last window that contains the pane. */
  lastEnd(pane: number): number {
    return Math.floor(pane / this.#hop) * this.#hop + this.#size
  }

  /** The first window end above `time`. */
  endAfter(time: Timestamp): number {
    return (Math.floor((time - this.#size) / this.#hop) + 1) * this.#hop + this.#size
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
}
