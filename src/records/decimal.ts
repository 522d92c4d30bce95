/** Decimals as text: their units are whole numbers within ±2^53, and nothing is rounded. */

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?$/

/** @example decimalText(-1234, 2) // '-12.34' */
export function decimalText(units: number | bigint, scale: number): string {
  // A sum may be so large that as a number it would be written with an exponent.
  const text = String(Math.abs(Number(units)) < 1e21 ? units : BigInt(units))
  if (scale === 0) return text
  const digits = text.replace('-', '').padStart(scale + 1, '0')
  const cut = digits.length - scale
  return `${units < 0 ? '-' : ''}${digits.slice(0, cut)}.${digits.slice(cut)}`
}

/** The units of a text, or why there are none. @example parseDecimal('12.3', 2) // 1230 */
export function parseDecimal(text: string, scale: number): number | string {
  const found = DECIMAL.exec(text.trim())
  const [, sign, whole = '', part = ''] = found ?? []
  if (found === null || whole + part === '') return 'it is not a decimal number'
  const kept = part.replace(/0+$/, '')
  if (kept.length > scale) return `it has more than ${scale} digits behind the point`
  const units = Number(whole + kept.padEnd(scale, '0'))
  if (!Number.isSafeInteger(units)) return 'its units are not within ±2^53'
  return sign === '-' ? -units + 0 : units
}
