/** What a source of files may be told of single fields: other names, constants, and which must be there. */
import { userError } from '../base/errors.ts'
import { anything, aText, eachOf, maybe, someNames } from '../base/given.ts'
import type { Value } from '../records/column.ts'
import type { Schema } from '../records/schema.ts'
import { Misfit, valueParser } from './parse-value.ts'

/** @example { constants: { since: 0 }, columns: { code: 'iata' }, required: ['delay'] } */
export interface FieldOptions {
  /** Values of fields that a file lacks. Times in microseconds, as `Date` or as ISO text. */
  readonly constants?: Readonly<Record<string, Value | Date>>
  /** The column (in JSON the key) of a field, where its name is another than the field's. */
  readonly columns?: Readonly<Record<string, string>>
  /** Nullable fields whose column must be there; a missing one of the others is null in every row. */
  readonly required?: readonly string[]
}

/** How they are checked. */
export const fieldOptions = {
  constants: maybe(eachOf(anything)),
  columns: maybe(eachOf(aText)),
  required: maybe(someNames),
}

/**
 * The constants of the fields that are asked for, by field.
 * @throws user error when a constant is not of its field's type
 */
export function constantsOf(kind: string, schema: Schema, options: FieldOptions): ReadonlyMap<string, Value> {
  const constants = options.constants ?? {}
  const given = schema.names.filter((name) => Object.hasOwn(constants, name))
  return new Map(
    given.map((name) => {
      const value = valueParser(name, schema.fields[name]!)(constants[name])
      if (value instanceof Misfit) {
        throw userError(kind, `constant ${value.reason}: change it in the options of the ${kind} source`)
      }
      return [name, value]
    }),
  )
}
