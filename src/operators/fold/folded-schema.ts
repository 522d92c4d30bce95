/** The schema of a table of aggregates. */
import { type Fields, makeSchema, type Schema } from '../../records/schema.ts'
import { refuseTaken, resultType } from '../aggregation.ts'
import { type Spanned, spanResultType } from '../spans.ts'

/** The keys, the event time from which on a row holds, then one field an aggregate. */
export function foldedSchema(
  input: Schema,
  keys: readonly string[],
  aggregates: Readonly<Record<string, Spanned>>,
): Schema {
  const fields: Fields = {}
  for (const key of keys) fields[key] = input.fields[key]!
  fields[input.time] = input.fields[input.time]!
  for (const [name, aggregation] of Object.entries(aggregates)) {
    refuseTaken(fields, name)
    fields[name] = (aggregation.over == null ? resultType : spanResultType)(input, aggregation)
  }
  return makeSchema(fields)
}
