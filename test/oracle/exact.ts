/** Exact arithmetic the slow and obvious way: fractions of BigInts, rounded by bisection over all doubles. */

export interface Fraction {
  readonly top: bigint
  /** Above 0. */
  readonly bottom: bigint
}

const view = new DataView(new ArrayBuffer(8))

/** The positive double whose bits, as a whole number, are `bits`: they ascend together. */
function doubleAt(bits: bigint): number {
  view.setBigUint64(0, bits)
  return view.getFloat64(0)
}

/** The exact value of a finite double: scaling by powers of two is exact, and ends at a whole number. */
export function fractionOf(x: number): Fraction {
  let doublings = 0
  let scaled = x
  for (const step of [512, 64, 8, 1]) {
    // Doubled so often it may be a whole number, or too large, before: then in smaller steps.
    for (let next = scaled * 2 ** step; !Number.isInteger(scaled) && Math.abs(next) < 2 ** 53; next *= 2 ** step) {
      scaled = next
      doublings += step
    }
  }
  return { top: BigInt(scaled), bottom: 1n << BigInt(doublings) }
}

export const add = (a: Fraction, b: Fraction): Fraction => ({
  top: a.top * b.bottom + b.top * a.bottom,
  bottom: a.bottom * b.bottom,
})
export const times = (a: Fraction, b: Fraction): Fraction => ({ top: a.top * b.top, bottom: a.bottom * b.bottom })
export const over = (a: Fraction, n: number): Fraction => ({ top: a.top, bottom: a.bottom * BigInt(n) })
export const minus = (a: Fraction): Fraction => ({ top: -a.top, bottom: a.bottom })
export const total = (values: Iterable<Fraction>): Fraction =>
  [...values].reduce((sum, value) => add(sum, value), { top: 0n, bottom: 1n })

const compare = (a: Fraction, b: Fraction): number => {
  const [left, right] = [a.top * b.bottom, b.top * a.bottom]
  return left < right ? -1 : left > right ? 1 : 0
}

const INFINITY_BITS = 0x7ff0000000000000n
/** As if there were a next power of two behind the largest double. */
const exactAt = (bits: bigint): Fraction =>
  bits === INFINITY_BITS ? { top: 2n ** 1024n, bottom: 1n } : fractionOf(doubleAt(bits))

/** The nearest double, ties to even. */
export function nearest(value: Fraction): number {
  if (value.top < 0n) return -nearest(minus(value)) + 0
  let low = 0n
  let high = INFINITY_BITS
  while (high - low > 1n) {
    const middle = (low + high) / 2n
    if (compare(exactAt(middle), value) <= 0) low = middle
    else high = middle
  }
  const twice = times(value, { top: 2n, bottom: 1n })
  const side = compare(twice, add(exactAt(low), exactAt(high)))
  return doubleAt(side < 0 || (side === 0 && low % 2n === 0n) ? low : high) + 0
}
