/** Rows that did not get in: too late, dated too far ahead, or not of the schema. All sources share one such stream. */
import { eventTime, int, type Schema, schema, string } from '../records/schema.ts'

/** The name of the stage, and of the file in the data directory. */
export const DEAD_LETTERS = 'dead-letters'

export const DEAD_LETTER_SCHEMA = schema({
  /** The source's watermark when the row was turned away, or 0 before there was one. */
  at: eventTime(),
  source: string(),
  split: int(),
  offset: int(),
  /** `bad`, `late` or `ahead`. */
  kind: string(),
  reason: string(),
  row: string(),
}) as unknown as Schema
