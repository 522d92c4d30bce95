/**
 * Reads single values into a field's type, from text (CSV), from JSON, or from what a program holds. Casting happens
 * here, while rows come in, and nowhere after. A value that does not fit gives a `Misfit` with the reason, not an error:
 * a bad file has millions of them.
 *
 * An empty text is null for a nullable field, but stays a text for a nullable string. JSON text offered to another type
 * is read as text: `"12"` is an int. An object offered to a string is kept as its JSON text. Lists, maps and structs are
 * read from JSON, also where it is text, and given in their packed form.
 */
import { copyOf } from '../base/bytes.ts'
import type { Value } from '../records/column.ts'
import { parseDecimal } from '../records/decimal.ts'
import { type FieldKind, type FieldType, isNested, type NestedKind, typeName } from '../records/schema.ts'
import { whyNot } from '../records/value.ts'
import { nestedParser } from './parse-nested.ts'
import { epochDate, epochTime, parseDate, parseTime } from './parse-time.ts'

/** A value that is not of the field's type; the reason names the field, the type and the value. */
export class Misfit {
  readonly reason: string
  constructor(reason: string) {
    this.reason = reason
  }
}

/** Reads values of one field. */
export type Parse<From> = (from: From) => Value | Misfit

/**
 * Reads a field from text.
 * @example textParser('delay', optional(int()))('12') // 12
 * @example textParser('delay', optional(int()))('abc') // Misfit: 'delay' must be int?, got "abc": it is not a whole number
 */
export function textParser(name: string, type: FieldType): Parse<string> {
  const { kind, nullable } = type
  if (kind === 'string') return (text) => text
  if (kind === 'bytes') {
    return (text) => {
      if (text === '' && nullable) return null
      return BASE64.test(text) ? copyOf(Buffer.from(text, 'base64')) : misfit(name, type, text, 'it is not base64')
    }
  }
  if (isNested(kind)) return nestedTextParser(name, type)
  const read = kind === 'decimal' ? (text: string) => parseDecimal(text, type.scale!) : TEXT_READERS[kind]
  return (text) => {
    const value = read(text)
    if (typeof value !== 'string') return value
    if (text.trim() !== '') return misfit(name, type, text, value)
    return nullable ? null : misfit(name, type, text, 'it is empty')
  }
}

function nestedTextParser(name: string, type: FieldType): Parse<string> {
  const parse = nestedParser(name, type, jsonParser)
  return (text) => {
    if (text.trim() === '') return type.nullable ? null : misfit(name, type, text, 'it is empty')
    try {
      return parse(JSON.parse(text))
    } catch (error) {
      return misfit(name, type, text, `it is not JSON: ${(error as Error).message}`)
    }
  }
}

/** Reads a field from a parsed JSON value; a missing one is `undefined`. @example jsonParser('delay', int())(12) // 12 */
export function jsonParser(name: string, type: FieldType): Parse<unknown> {
  const { kind, nullable } = type
  const ofText = textParser(name, type)
  const ofNested = isNested(kind) ? nestedParser(name, type, jsonParser) : null
  return (json) => {
    if (typeof json === 'string') return ofText(json)
    if (ofNested !== null) return ofNested(json)
    if (json === null || json === undefined) {
      return nullable ? null : misfit(name, type, json, json === null ? 'it is null' : 'it is missing')
    }
    if (typeof json === 'number' && kind === 'decimal') {
      return isAsWritten(json) ? ofText(plainText(json)) : misfit(name, type, json, MANY_DIGITS)
    }
    if (typeof json === 'number' && (kind === 'time' || kind === 'date')) {
      const value = kind === 'time' ? epochTime(json) : epochDate(json)
      return typeof value === 'number' ? value : misfit(name, type, json, value)
    }
    if (kind === 'string' && typeof json === 'object' && !Array.isArray(json)) return JSON.stringify(json)
    const why = whyNot(type, json)
    return why === null ? (json as Value) : misfit(name, type, json, why)
  }
}

/**
 * Reads a field from what a program holds: values of the field's type, and for times and dates also `Date` and ISO text.
 * Numbers are microseconds (days for a date, units for a decimal): no unit is guessed.
 * @example valueParser('at', eventTime())(new Date(0)) // 0
 */
export function valueParser(name: string, type: FieldType): Parse<unknown> {
  if (isNested(type.kind)) return nestedParser(name, type, valueParser)
  if (type.kind === 'decimal') {
    const ofText = textParser(name, type)
    const ofUnits = asItIs(name, type)
    return (value) => (typeof value === 'string' ? ofText(value) : ofUnits(value))
  }
  const isTime = type.kind === 'time'
  if (!isTime && type.kind !== 'date') return asItIs(name, type)
  const readText = isTime ? parseTime : parseDate
  return (given) => {
    const read = given instanceof Date ? ofDate(given, isTime) : typeof given === 'string' ? readText(given) : given
    const why = typeof read === 'string' ? read : whyNot(type, read)
    return why === null ? ((read ?? null) as Value) : misfit(name, type, given, why)
  }
}

/** A value that is of the type as it is. */
function asItIs(name: string, type: FieldType): Parse<unknown> {
  return (value) => {
    const why = whyNot(type, value)
    return why === null ? ((value ?? null) as Value) : misfit(name, type, value, why)
  }
}

/** Of 15 digits each number gives back what was written, of more perhaps another: the JSON reader has rounded it. */
const isAsWritten = (value: number): boolean => value.toExponential().replace(/e.*|\D/g, '').length <= 15
const MANY_DIGITS = 'a number of more than 15 digits may have been rounded: write it as text'

/** Without an exponent, as decimals are written. */
const plainText = (value: number): string => (/e/.test(String(value)) ? value.toFixed(20) : String(value))

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
/** 12.0 too: tools write so the whole numbers of a column that also has nulls. */
const INT = /^[+-]?\d+(?:\.0*)?$/
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i
const INFINITE = /^([+-]?)inf(?:inity)?$/i

/** Each gives the value, or why there is none. */
const TEXT_READERS: Record<
  Exclude<FieldKind, 'string' | 'bytes' | 'decimal' | NestedKind>,
  (text: string) => number | boolean | string
> = {
  int: intOf,
  float: floatOf,
  bool: boolOf,
  time: parseTime,
  date: parseDate,
}

function intOf(text: string): number | string {
  const trimmed = text.trim()
  if (!INT.test(trimmed)) return 'it is not a whole number'
  const value = Number(trimmed)
  return Number.isSafeInteger(value) ? value + 0 : 'it is not within ±2^53'
}

function floatOf(text: string): number | string {
  const trimmed = text.trim()
  if (FLOAT.test(trimmed)) {
    const value = Number(trimmed)
    return Number.isFinite(value) ? value : 'it is beyond the range of a 64-bit float'
  }
  const infinite = INFINITE.exec(trimmed)
  if (infinite !== null) return infinite[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return /^nan$/i.test(trimmed) ? Number.NaN : 'it is not a number'
}

function boolOf(text: string): boolean | string {
  if (text === 'true') return true
  if (text === 'false') return false
  const lower = text.trim().toLowerCase()
  return lower === 'true' || (lower === 'false' ? false : 'it is neither true nor false')
}

function ofDate(date: Date, isTime: boolean): number | string {
  const ms = date.getTime()
  if (Number.isNaN(ms)) return 'it is an invalid Date'
  if (isTime) return ms * 1000
  return ms % 86_400_000 === 0 ? ms / 86_400_000 : 'it has a time of day: make the field a time()'
}

const SHOWN_MAX = 100

export function misfit(name: string, type: FieldType, given: unknown, why: string): Misfit {
  const text = given instanceof Uint8Array ? `${given.length} bytes` : (JSON.stringify(given) ?? String(given))
  const shown = text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text
  return new Misfit(`'${name}' must be ${typeName(type)}, got ${shown}: ${why}`)
}
