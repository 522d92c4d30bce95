/** The row of a dead letter that is taken once more. */
import { rowFromJson } from '../connectors/row-json.ts'
import { type Batch, BatchBuilder } from '../records/batch.ts'
import { consecutiveOrigins, originBytes, splitHead } from '../records/origin.ts'
import type { Schema } from '../records/schema.ts'
import type { Retry } from '../recovery/retries.ts'

/** Heads of sources begin with their node's number, which is smaller. */
const NO_SOURCE = 0xffffffff

/**
 * A batch of the row alone, or why there is none. Rows of equal time are told apart by where they come from: it comes
 * behind all others, in the order of the orders.
 */
export function readRetried(schema: Schema, { row, diff, order }: Retry): Batch | string {
  const values = rowFromJson(schema, row)
  if (typeof values === 'string') return values
  const builder = new BatchBuilder(schema, 1)
  builder.push(values, diff, originBytes(consecutiveOrigins(splitHead(NO_SOURCE, 0), order, 1), 0))
  return builder.finish()
}
