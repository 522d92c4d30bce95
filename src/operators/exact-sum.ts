/**
 * Exact sums of floats as expansions: lists of components whose sum, taken exactly, is the value (Shewchuk, "Adaptive
 * precision floating-point arithmetic and fast robust geometric predicates", 1997). The result depends on the summands
 * alone, never on their order, on merges or on retractions, and is rounded once, when read.
 */

/** Adds `x` to an expansion in place, keeping its components non-overlapping, smallest first, without zeros. */
export function growExpansion(expansion: number[], x: number): void {
  let carry = x
  let kept = 0
  for (let i = 0; i < expansion.length; i++) {
    const part = expansion[i]!
    const sum = carry + part
    const back = sum - carry
    const error = carry - (sum - back) + (part - back)
    if (error !== 0) expansion[kept++] = error
    carry = sum
  }
  expansion.length = kept
  if (carry !== 0) expansion.push(carry)
}

/** The nearest double to an expansion's value: the last step of `math.fsum` in CPython (Objects: Raymond Hettinger). */
export function roundExpansion(expansion: readonly number[]): number {
  let i = expansion.length - 1
  if (i < 0) return 0
  let high = expansion[i]!
  let low = 0
  while (i > 0) {
    const next = expansion[--i]!
    const before = high
    high = before + next
    low = next - (high - before)
    if (low !== 0) break
  }
  // Halfway cases are decided by the sign of what is left.
  if (i > 0 && Math.sign(low) === Math.sign(expansion[i - 1]!)) {
    const twice = low * 2
    const moved = high + twice
    if (twice === moved - high) return moved
  }
  return high
}

/** Components of the expansion in canonical form: its value rounded, the remainder rounded, and so on. */
export function canonicalExpansion(expansion: readonly number[]): number[] {
  const rest = expansion.slice()
  const components: number[] = []
  while (rest.length > 0) {
    const part = roundExpansion(rest)
    components.push(part)
    growExpansion(rest, -part)
  }
  return components
}

/** x² as high and low part, exact while neither overflows or underflows (Dekker 1971, Veltkamp's split). */
export function squareError(x: number, square: number): number {
  const split = 134217729 * x
  const high = split - (split - x)
  const low = x - high
  return low * low - (square - high * high - 2 * high * low)
}

const buffer = new DataView(new ArrayBuffer(8))

/** A double as `mantissa * 2^exponent`. */
function takeApart(x: number): { mantissa: bigint; exponent: number } {
  buffer.setFloat64(0, x)
  const bits = buffer.getBigUint64(0)
  const biased = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  const mantissa = biased === 0 ? fraction : fraction | 0x10000000000000n
  return { mantissa: x < 0 ? -mantissa : mantissa, exponent: (biased === 0 ? 1 : biased) - 1075 }
}

/** A sum of doubles as an exact fraction with a power of two below the line. */
export function exactFraction(components: readonly number[]): { numerator: bigint; shift: number } {
  let numerator = 0n
  let shift = 0
  for (const x of components) {
    const { mantissa, exponent } = takeApart(x)
    if (mantissa === 0n) continue
    if (-exponent > shift) {
      numerator <<= BigInt(-exponent - shift)
      shift = -exponent
    }
    numerator += mantissa << BigInt(exponent + shift)
  }
  return { numerator, shift }
}

/** The nearest double to `numerator / (denominator * 2^shift)`, ties to even. `denominator` is above 0. */
export function roundQuotient(numerator: bigint, denominator: bigint, shift: number): number {
  if (numerator === 0n) return 0
  const negative = numerator < 0n
  const top = negative ? -numerator : numerator
  // Scale so that the integer quotient has at least 66 bits; what is cut off is kept as a sticky bit.
  const bits = top.toString(2).length - denominator.toString(2).length
  const scale = Math.max(0, 66 - bits)
  const scaled = top << BigInt(scale)
  let quotient = scaled / denominator
  if (quotient * denominator !== scaled) quotient |= 1n
  let exponent = -scale - shift
  let excess = quotient.toString(2).length - 53
  // Subnormals have fewer bits: round where they end.
  if (exponent + excess < -1074) excess = -1074 - exponent
  if (excess > 0) {
    const half = 1n << BigInt(excess - 1)
    const rest = quotient & ((half << 1n) - 1n)
    quotient >>= BigInt(excess)
    exponent += excess
    if (rest > half || (rest === half && (quotient & 1n) === 1n)) quotient += 1n
  }
  const value = scaleByPower(Number(quotient), exponent)
  return negative ? -value : value
}

/** x * 2^exponent in steps that stay exact. */
function scaleByPower(x: number, exponent: number): number {
  let value = x
  let left = exponent
  while (left > 1000) {
    value *= 2 ** 1000
    left -= 1000
  }
  while (left < -1000) {
    value *= 2 ** -1000
    left += 1000
  }
  return value * 2 ** left
}
