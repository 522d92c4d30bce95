/**
 * The binary layout of a frame: a batch as self-describing, checksummed bytes. All numbers are little-endian, every
 * block starts at a multiple of 8, so that number columns are read in place.
 *
 *   0 u32 magic 'UMBF'   4 u32 crc32 of all that follows   8 u32 bytes in all   12 u16 layout   14 u16 flags
 *  16 u32 rows          20 u16 columns                     22 u16 bytes of the description
 *  24 description: per column u8 kind, u8 flags, u8 name length, name, and of a list or map the type of what is in it (as a
 *     column without a name), of a struct u8 fields and each as a column, of a decimal u8 scale; padded
 *  columns, then diffs (i8 a row) if flagged, then origins if flagged
 *
 *  number: u32 encoding (0 f64, 1 u8), u32 has nulls; [u8 validity a row]; data
 *  string: u32 values, u32 code width | ASCII flag, u32 blob bytes, u32 0; u32 ends; blob; codes (width 0: the row number)
 *  bytes, and lists, maps and structs in their packed form: u32 0, u32 0, u32 blob bytes, u32 has nulls; u32 ends; [u8 validity]; blob
 *  origins: u32 heads, u32 seq encoding (0 f64 a row, 1 consecutive), u32 blob bytes, u32 head encoding (0 one, 1 i32 a row); ...
 */
import type { Fields, FieldType, Schema } from './schema.ts'

export const FRAME_MAGIC = 0x46424d55
export const FRAME_LAYOUT = 1
export const FRAME_HEADER = 24
export const HAS_DIFFS = 1
export const HAS_ORIGINS = 2
export const ASCII = 256

export const align8 = (bytes: number): number => (bytes + 7) & ~7

const KINDS = ['int', 'float', 'bool', 'string', 'bytes', 'time', 'date', 'list', 'map', 'struct', 'decimal'] as const
const descriptions = new WeakMap<Schema, Uint8Array>()

/** The description block of a schema, padded to 8. */
export function describeSchema(schema: Schema): Uint8Array {
  const known = descriptions.get(schema)
  if (known !== undefined) return known
  const parts: number[] = []
  for (const name of schema.names) describeField(name, schema.fields[name]!, parts)
  const description = new Uint8Array(align8(parts.length))
  description.set(parts)
  descriptions.set(schema, description)
  return description
}

function describeField(
  name: string,
  { kind, nullable, eventTime, of, fields, scale }: FieldType,
  into: number[],
): void {
  const text = Buffer.from(name)
  into.push(KINDS.indexOf(kind), (nullable ? 1 : 0) | (eventTime ? 2 : 0), text.length, ...text)
  if (scale !== undefined) into.push(scale)
  if (of !== undefined) describeField('', of, into)
  if (fields === undefined) return
  const members = Object.entries(fields)
  into.push(members.length)
  for (const [member, type] of members) describeField(member, type, into)
}

/** The fields that a description block names: for tools that read a frame without knowing its schema. */
export function readDescription(description: Uint8Array, columns: number): Fields {
  let at = 0
  const field = (): [name: string, type: FieldType] => {
    const [kind, flags, length] = [KINDS[description[at]!]!, description[at + 1]!, description[at + 2]!]
    const name = Buffer.from(description.subarray(at + 3, at + 3 + length)).toString()
    at += 3 + length
    const type = { kind, nullable: (flags & 1) !== 0, eventTime: (flags & 2) !== 0 }
    if (kind === 'decimal') return [name, { ...type, scale: description[at++]! }]
    if (kind === 'list' || kind === 'map') return [name, { ...type, of: field()[1] }]
    if (kind === 'struct') return [name, { ...type, fields: fieldsOf(description[at++]!) }]
    return [name, type]
  }
  const fieldsOf = (count: number): Fields => Object.fromEntries(Array.from({ length: count }, field))
  return fieldsOf(columns)
}
