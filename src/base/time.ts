/**
 * Event time and durations. A timestamp is a number of microseconds since the epoch, UTC, exact until 2255.
 * Watermarks share the type, with -Infinity (nothing known yet) and +Infinity (the input has ended).
 */
import { userError } from './errors.ts'

/** Microseconds since 1970-01-01T00:00:00Z. */
export type Timestamp = number

/** A span such as `'1h'`, `'90s'`, `'1d 12h'`, or a number of microseconds. */
export type Duration = string | number

const UNITS: Record<string, number> = { us: 1, ms: 1e3, s: 1e6, m: 6e7, h: 3.6e9, d: 8.64e10, w: 6.048e11 }

/**
 * Microseconds of a duration.
 * @throws user error `duration` when the text is not a list of numbers with a unit (us, ms, s, m, h, d, w)
 * @example micros('1h 30m') // 5_400_000_000
 */
export function micros(duration: Duration): number {
  if (typeof duration === 'number') {
    if (Number.isSafeInteger(duration) && duration >= 0) return duration
    throw userError('duration', `a duration in microseconds must be a whole number >= 0, got ${duration}`)
  }
  if (typeof duration !== 'string')
    throw userError('duration', `a duration is a text such as '1h', or a number of microseconds, not ${duration}`)
  let total = 0
  const rest = duration.replace(
    /\s*(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d|w)(?![a-z])/g,
    (_, count: string, unit: string) => {
      total += Number(count) * UNITS[unit]!
      return ''
    },
  )
  if (rest.trim() !== '' || duration.trim() === '' || !Number.isSafeInteger(total)) {
    throw userError(
      'duration',
      `'${duration}' is not a duration: write numbers with us, ms, s, m, h, d or w, as in '1h 30m'`,
    )
  }
  return total
}

/** A duration as `micros` reads it, such as `1h 30m`; `for ever` where it has no end. @example durationText(5.4e9) // '1h 30m' */
export function durationText(duration: number): string {
  if (!Number.isFinite(duration)) return 'for ever'
  const parts: string[] = []
  let left = duration
  for (const unit of ['d', 'h', 'm', 's', 'ms', 'us']) {
    const count = Math.floor(left / UNITS[unit]!)
    if (count > 0) parts.push(`${count}${unit}`)
    left -= count * UNITS[unit]!
  }
  return parts.join(' ') || '0s'
}

/** ISO 8601 UTC, with milliseconds, or microseconds where there are any. `''` for the infinities. */
export function isoTime(time: Timestamp): string {
  if (!Number.isFinite(time)) return time > 0 ? 'end' : ''
  const ms = Math.floor(time / 1000)
  const us = time - ms * 1000
  const iso = new Date(ms).toISOString()
  return us === 0 ? iso : `${iso.slice(0, -1)}${String(us).padStart(3, '0')}Z`
}

/** ISO date of a number of days since the epoch. */
export const isoDate = (days: number): string => new Date(days * 86_400_000).toISOString().slice(0, 10)
