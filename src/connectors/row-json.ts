/** A row as a JSON object. Times are ISO 8601 UTC, dates ISO, bytes base64, null is null; lists, maps and structs are as in JSON. */
import { isoDate, isoTime } from '../base/time.ts'
import type { UserValue, Value } from '../records/column.ts'
import { decimalText } from '../records/decimal.ts'
import { unpacked } from '../records/nested.ts'
import { type FieldType, isNested, type Schema } from '../records/schema.ts'
import { jsonParser, Misfit } from './parse-value.ts'

/** @param value of a list, a map or a struct also in its packed form */
export function valueToJson(value: UserValue, type: FieldType): unknown {
  const { kind, of, fields, scale } = type
  if (value === null) return null
  if (isNested(kind)) {
    const parts = value instanceof Uint8Array ? unpacked(type, value) : value
    if (kind === 'list') return (parts as readonly UserValue[]).map((part) => valueToJson(part, of!))
    const entries = Object.entries(parts as Record<string, UserValue>)
    return Object.fromEntries(entries.map(([name, part]) => [name, valueToJson(part, fields?.[name] ?? of!)]))
  }
  if (kind === 'time') return isoTime(value as number)
  if (kind === 'date') return isoDate(value as number)
  // As text it is exact.
  if (kind === 'decimal') return decimalText(value as number, scale!)
  if (kind === 'bytes') return Buffer.from(value as Uint8Array).toString('base64')
  // JSON has no NaN and no infinities: as text they survive and are read back.
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}

/** The fields of the row that the schema has, in its order. */
export const rowToJson = ({ names, fields }: Schema, row: Readonly<Record<string, UserValue>>): string =>
  JSON.stringify(Object.fromEntries(names.map((name) => [name, valueToJson(row[name]!, fields[name]!)])))

/** The object of a text, or why it has none. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | string {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (error) {
    return `the line is not JSON: ${(error as Error).message}`
  }
  return typeof json === 'object' && json !== null && !Array.isArray(json)
    ? (json as Record<string, unknown>)
    : 'the line is not a JSON object'
}

/** The row of a text, or why there is none; other fields than the schema's are left out. */
export function rowFromJson({ names, fields }: Schema, text: string): Record<string, Value> | string {
  const json = parseObject(text)
  if (typeof json === 'string') return json
  const values = names.map((name) => jsonParser(name, fields[name]!)(json[name]))
  const reasons = values.flatMap((value) => (value instanceof Misfit ? [value.reason] : []))
  if (reasons.length > 0) return reasons.join('; ')
  return Object.fromEntries(names.map((name, c) => [name, values[c] as Value]))
}
