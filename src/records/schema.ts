/**
 * Schemas: the fields of a row, their types, and which one is the event time. TypeScript types of rows follow from them.
 */
import { userError } from '../base/errors.ts'

export type FieldKind = 'int' | 'float' | 'decimal' | 'bool' | 'string' | 'bytes' | 'time' | 'date' | NestedKind
/** Kinds whose values are made of others. */
export type NestedKind = 'list' | 'map' | 'struct'

/** The type of one field. `T` is what user code sees: numbers for int, float, decimal (of its units), time (µs) and date (days). */
export interface FieldType<T = unknown> {
  readonly kind: FieldKind
  readonly nullable: boolean
  readonly eventTime: boolean
  /** The type of a list's elements, or of a map's values. */
  readonly of?: FieldType
  /** Of a struct. */
  readonly fields?: Fields
  /** Of a decimal: how many digits there are behind the point. */
  readonly scale?: number
  /** Only for inference; never set. */
  readonly value?: T
}
/** The type of the event time field. */
export interface EventTimeType extends FieldType<number> {
  readonly kind: 'time'
  readonly eventTime: true
}
interface PlainType<T> extends FieldType<T> {
  readonly eventTime: false
}

const plain = <T>(kind: FieldKind): PlainType<T> => ({ kind, nullable: false, eventTime: false })

/** Whether somebody has called what makes a type. */
export const isType = (given: unknown): given is FieldType =>
  typeof given === 'object' && given !== null && 'kind' in given && 'nullable' in given

/** @throws user error `schema` for what is no type, or an event time, which only a whole row has */
function checked<T extends FieldType>(call: string, type: T): T {
  if (!isType(type) || type.eventTime)
    throw userError(
      'schema',
      `${call} needs a type, called, such as ${call === 'struct' ? 'struct({ n: int() })' : `${call}(int())`}`,
    )
  return type
}

/** A whole number within ±2^53. */
export const int = () => plain<number>('int')
/** A 64-bit float. */
export const float = () => plain<number>('float')
/**
 * A number with so many digits behind the point, exactly. Functions see, and give, the whole number of its units, within ±2^53: of a
 * `decimal(2)` 1234 is 12.34. Files have it with a point, JSON as such a text, and read it so.
 * @throws user error `schema` when the scale is not from 0 to 15
 * @example schema({ at: eventTime(), price: decimal(2) })
 */
export function decimal(scale: number): PlainType<number> {
  if (!Number.isInteger(scale) || scale < 0 || scale > 15)
    throw userError('schema', `a decimal has 0 to 15 digits behind the point, not ${scale}`)
  return { ...plain('decimal'), scale }
}
export const bool = () => plain<boolean>('bool')
/** UTF-8 text: a lone surrogate becomes U+FFFD. */
export const string = () => plain<string>('string')
export const bytes = () => plain<Uint8Array>('bytes')
/** An instant: microseconds since the epoch, UTC. */
export const time = () => plain<number>('time')
/** A calendar day: days since the epoch. */
export const date = () => plain<number>('date')
/** The type of a list, without the compile-time check. */
export const listOf = (of: FieldType): FieldType => ({ kind: 'list', nullable: false, eventTime: false, of })
/** Any number of values of one type, in order. @example list(string()) */
export const list = <T>(of: PlainType<T>): PlainType<readonly T[]> => ({ ...plain('list'), of: checked('list', of) })
/** Values of one type by text. @example map(float()) */
export const map = <T>(of: PlainType<T>): PlainType<Readonly<Record<string, T>>> => ({
  ...plain('map'),
  of: checked('map', of),
})
/**
 * A record of named values, none of which is an event time. A nullable one may be missing.
 * @throws user error `schema` when a name is not an identifier
 * @example struct({ street: string(), zip: optional(string()) })
 */
export function struct<F extends Record<string, PlainType<unknown>>>(fields: F): PlainType<Row<F>> {
  if (typeof fields !== 'object' || fields === null)
    throw userError('schema', 'a struct takes its members by name: struct({ n: int() })')
  checkNames(Object.keys(fields))
  for (const type of Object.values(fields)) checked('struct', type)
  return { ...plain('struct'), fields }
}
/** The instant that orders the rows: each schema has exactly one. */
export const eventTime = (): EventTimeType => ({ kind: 'time', nullable: false, eventTime: true })
/** A value of the type, or null. */
export const optional = <T>(type: PlainType<T>): PlainType<T | null> =>
  ({ ...checked('optional', type), nullable: true }) as PlainType<T | null>

export type Fields = Record<string, FieldType>

/** A row as user code reads it: a property per field. */
export type Row<F extends Fields> = { readonly [K in keyof F]: F[K] extends FieldType<infer T> ? T : never }

/** Fields in their order, and the name of the event time field. */
export interface Schema<F extends Fields = Fields> {
  readonly fields: F
  readonly names: readonly string[]
  readonly time: string
}

/** The row type of a schema. @example type Flight = Infer<typeof Flight> */
export type Infer<S> = S extends Schema<infer F> ? Row<F> : never

type EventTimeNames<F> = { [K in keyof F]: F[K] extends EventTimeType ? K : never }[keyof F]
type IsUnion<T, Whole = T> = T extends unknown ? ([Whole] extends [T] ? false : true) : never
type OneEventTime<F> = [EventTimeNames<F>] extends [never]
  ? 'a schema needs one eventTime() field'
  : IsUnion<EventTimeNames<F>> extends true
    ? 'a schema has exactly one eventTime() field'
    : unknown

/** A frame has one byte for the length of a name. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/
const RESERVED = new Set(['constructor', '__proto__', 'prototype', 'toString', 'valueOf', 'toJSON', 'hasOwnProperty'])

/**
 * Declares the fields of a row.
 * @throws user error `schema` when there is not exactly one `eventTime()`, or a name is not an identifier
 * @example const Flight = schema({ at: eventTime(), delay: optional(int()), origin: string() })
 */
export function schema<F extends Fields>(fields: F & OneEventTime<F>): Schema<F> {
  return makeSchema(fields as Fields) as unknown as Schema<F>
}

/** `schema` without the compile-time check, for fields that the planner puts together. */
export function makeSchema(fields: Fields): Schema {
  if (typeof fields !== 'object' || fields === null)
    throw userError('schema', 'a schema takes its fields by name: schema({ at: eventTime(), user: string() })')
  const names = Object.keys(fields)
  const untyped = names.find((name) => !isType(fields[name]))
  if (untyped !== undefined) throw userError('schema', `field '${untyped}' needs a type, called, such as int()`)
  const times = names.filter((name) => fields[name]!.eventTime)
  if (times.length !== 1) {
    throw userError(
      'schema',
      `a schema has exactly one eventTime() field, this one has ${times.length} (${names.join(', ')})`,
    )
  }
  checkNames(names)
  return { fields, names, time: times[0]! }
}

function checkNames(names: readonly string[]): void {
  for (const name of names) {
    if (NAME.test(name) && !RESERVED.has(name)) continue
    throw userError(
      'schema',
      `field name '${name}' is not usable: take up to 255 letters, digits and _, no digit first, and no reserved word`,
    )
  }
}

/** The type of a field. @throws user error `field` that lists the fields there are */
export function fieldOf(of: Schema, name: string): FieldType {
  if (!Object.hasOwn(of.fields, name)) {
    throw userError('field', `there is no field '${name}'; the fields are ${of.names.join(', ')}`)
  }
  return of.fields[name]!
}

/** `int`, `string?`, `list<int>` and so on, as error messages and `inspect` show it. */
export function typeName(type: FieldType): string {
  const { kind, of, fields = {}, nullable, eventTime: isTime, scale } = type
  const members = Object.entries(fields).map(([name, member]) => `${name}: ${typeName(member)}`)
  const parts = of === undefined ? members.join(', ') : typeName(of)
  const inner = kind === 'decimal' ? `(${scale})` : isNested(kind) ? `<${parts}>` : ''
  return `${isTime ? 'event time' : kind}${inner}${nullable ? '?' : ''}`
}

export const isNested = (kind: FieldKind): kind is NestedKind => kind === 'list' || kind === 'map' || kind === 'struct'

/** How the values of a field are held: see `column.ts`. */
export const columnTypeOf = (kind: FieldKind): 'number' | 'string' | 'bytes' =>
  kind === 'string' ? 'string' : kind === 'bytes' || isNested(kind) ? 'bytes' : 'number'

/** Whether values of one are values of the other; event times are times. */
export const sameType = (a: FieldType, b: FieldType): boolean =>
  typeName({ ...a, eventTime: false }) === typeName({ ...b, eventTime: false })

/** Where fields stand among the columns. */
export const indexesOf = (of: Schema, names: readonly string[]): number[] => names.map((name) => of.names.indexOf(name))

export const typesOf = (of: Schema, names: readonly string[]): FieldType[] => names.map((name) => of.fields[name]!)
