/**
 * The packed form of lists, maps and structs: their values as `packValues` packs them, one after the other, those of a map
 * behind their names and in the order of these. So equal values have equal bytes, by which they are compared, hashed and
 * used as keys; lists and structs are ordered as their values are.
 */
import type { UserValue, Value } from './column.ts'
import { packValues, unpackKey, unpackPrefix } from './key.ts'
import { type FieldType, isNested } from './schema.ts'

type Named = Readonly<Record<string, UserValue | undefined>>

/** Packs a value that is of the type; its parts may be packed already. */
export function packNested(type: FieldType, value: UserValue): Uint8Array {
  if (type.kind === 'list') return packValues((value as readonly UserValue[]).map((one) => packed(type.of!, one)))
  const named = value as Named
  if (type.kind === 'struct')
    return packValues(Object.entries(type.fields!).map(([name, field]) => packed(field, named[name] ?? null)))
  const names = Object.keys(named).sort()
  return packValues(names.flatMap((name) => [name, packed(type.of!, named[name]!)]))
}

/** A value as it is kept: nothing but lists, maps and structs changes. */
export const packed = (type: FieldType, value: UserValue): Value =>
  isNested(type.kind) && value !== null && !(value instanceof Uint8Array) ? packNested(type, value) : (value as Value)

/** A value as user code sees it: of a list, a map or a struct from its packed form. @throws corruption `packed-key` */
export function unpacked(type: FieldType, value: Value): UserValue {
  if (value === null || !isNested(type.kind)) return value
  const bytes = value as Uint8Array
  if (type.kind === 'list') return valuesOf(bytes, [type.of!])
  if (type.kind === 'map') {
    const values = valuesOf(bytes, [NAME, type.of!])
    const named: Record<string, UserValue> = {}
    for (let i = 0; i < values.length; i += 2) named[values[i] as string] = values[i + 1]!
    return named
  }
  const values = valuesOf(bytes, Object.values(type.fields!))
  return Object.fromEntries(Object.keys(type.fields!).map((name, i) => [name, values[i]!]))
}

/** Takes a packed key apart into values as user code sees them. */
export const unpackTyped = (key: Uint8Array, types: readonly FieldType[]): UserValue[] =>
  unpackKey(
    key,
    types.map(({ kind }) => kind),
  ).map((value, i) => unpacked(types[i]!, value))

const NAME: FieldType = { kind: 'string', nullable: false, eventTime: false }

/** All values of some bytes, whose types come around again and again. */
function valuesOf(bytes: Uint8Array, types: readonly FieldType[]): UserValue[] {
  const kinds = types.map(({ kind }) => kind)
  const all: UserValue[] = []
  for (let at = 0; at < bytes.length; ) {
    const { values, end } = unpackPrefix(bytes.subarray(at), kinds)
    values.forEach((value, i) => void all.push(unpacked(types[i]!, value)))
    at += end
  }
  return all
}
