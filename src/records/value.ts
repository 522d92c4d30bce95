/** Checks of single values against their field types: what a user's function or an input file gave. */
import { UmbelError } from '../base/errors.ts'
import type { UserValue } from './column.ts'
import { type FieldType, typeName } from './schema.ts'

/** Why the value is not of the type, or null when it is. */
export function whyNot(type: FieldType, value: unknown): string | null {
  if (value === null || value === undefined) return type.nullable ? null : 'it is null'
  switch (type.kind) {
    case 'int':
    case 'decimal':
    case 'time':
    case 'date':
      if (typeof value !== 'number') return `it is ${article(value)}`
      return Number.isSafeInteger(value) ? null : `${value} is not a whole number within ±2^53`
    case 'float':
      return typeof value === 'number' ? null : `it is ${article(value)}`
    case 'bool':
      return typeof value === 'boolean' ? null : `it is ${article(value)}`
    case 'string':
      return typeof value === 'string' ? null : `it is ${article(value)}`
    case 'bytes':
      return value instanceof Uint8Array ? null : `it is ${article(value)}`
    case 'list':
      if (!Array.isArray(value)) return `it is ${article(value)}`
      return first(value.map((one, i) => at(`[${i}]`, type.of!, one)))
    case 'map':
      if (!isRecord(value)) return `it is ${article(value)}`
      return first(Object.entries(value).map(([name, one]) => at(`['${name}']`, type.of!, one)))
    case 'struct':
      if (!isRecord(value)) return `it is ${article(value)}`
      return first(Object.entries(type.fields!).map(([name, member]) => at(`.${name}`, member, value[name])))
  }
}

function article(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Promise) return 'a promise: functions are not async'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

const first = (reasons: readonly (string | null)[]): string | null => reasons.find((reason) => reason !== null) ?? null

/** A record of named values, not an instance of something else. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

/** Why what stands at a place within a value is not of its type. */
function at(place: string, type: FieldType, value: unknown): string | null {
  const why = whyNot(type, value)
  return why === null ? null : `at ${place} ${why}`
}

/** @throws record error `type` that names the field, its type and the value */
export function checkValue(name: string, type: FieldType, value: unknown): asserts value is UserValue {
  const why = whyNot(type, value)
  if (why === null) return
  throw new UmbelError('record', 'type', `'${name}' must be ${typeName(type)}, got ${shown(value)}: ${why}`)
}

/** The value in words. Never throws: a user's function may give anything, and JSON has no word for some of it. */
function shown(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return typeof value === 'bigint' ? `${value}n` : Object.prototype.toString.call(value)
  }
}
