/** Constants: values of fields that the rows of a file do not have. */
import { userError } from '../base/errors.ts'
import type { Value } from '../records/column.ts'
import type { Schema } from '../records/schema.ts'
import { Misfit, valueParser } from './parse-value.ts'

/**
 * The constants of the fields that are asked for, by field.
 * @throws user error when a constant is not of its field's type
 */
export function constantsOf(
  kind: string,
  schema: Schema,
  constants: Readonly<Record<string, Value | Date>> = {},
): ReadonlyMap<string, Value> {
  const asked = schema.names.filter((name) => Object.hasOwn(constants, name))
  return new Map(
    asked.map((name) => {
      const value = valueParser(name, schema.fields[name]!)(constants[name])
      if (value instanceof Misfit)
        throw userError(kind, `the constant ${value.reason}: change it in the options of the ${kind} source`)
      return [name, value]
    }),
  )
}
