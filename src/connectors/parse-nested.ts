/** Reads lists, maps and structs whose parts are read by another parser: as JSON has them, or as a program does. */
import type { Value } from '../records/column.ts'
import { packNested } from '../records/nested.ts'
import type { FieldType } from '../records/schema.ts'
import { isRecord } from '../records/value.ts'
import { Misfit, misfit, type Parse } from './parse-value.ts'

/** Makes the parser of a part. */
export type ParserOf = (name: string, type: FieldType) => Parse<unknown>

/** Reads into the packed form. Members of a struct that it does not have are left out. */
export function nestedParser(name: string, type: FieldType, parserOf: ParserOf): Parse<unknown> {
  const parts = partsOf(name, type, parserOf)
  return (given) => {
    if (given === null || given === undefined) {
      return type.nullable ? null : misfit(name, type, given, given === null ? 'it is null' : 'it is missing')
    }
    const read = parts(given)
    if (typeof read === 'string') return misfit(name, type, given, read)
    const wrong = Object.values(read).find((part) => part instanceof Misfit)
    return wrong instanceof Misfit ? wrong : packNested(type, read as readonly Value[] | Record<string, Value>)
  }
}

type Parts = readonly (Value | Misfit)[] | Readonly<Record<string, Value | Misfit>>

/** The parts of what was given, or why it has none. */
function partsOf(
  name: string,
  { kind, of, fields }: FieldType,
  parserOf: ParserOf,
): (given: unknown) => Parts | string {
  if (kind === 'list') {
    const parse = parserOf(`${name}[]`, of!)
    return (given) => (Array.isArray(given) ? given.map(parse) : 'it is not a list')
  }
  if (kind === 'map') {
    const parse = parserOf(`${name}{}`, of!)
    return (given) =>
      isRecord(given)
        ? Object.fromEntries(Object.entries(given).map(([key, value]) => [key, parse(value)]))
        : 'it is not an object'
  }
  const members = Object.entries(fields!).map(
    ([member, type]) => [member, parserOf(`${name}.${member}`, type)] as const,
  )
  return (given) =>
    isRecord(given)
      ? Object.fromEntries(members.map(([member, parse]) => [member, parse(given[member])]))
      : 'it is not an object'
}
