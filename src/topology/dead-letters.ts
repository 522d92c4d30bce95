/**
 * Rows that were turned away: at a source too late, dated too far ahead or not of the schema; in an operator because a
 * function of the user's threw on it, or ended its worker. All stages share one such stream.
 */
import { eventTime, int, optional, type Schema, schema, string } from '../records/schema.ts'

/** The name of the stage, and of the file in the data directory. */
export const DEAD_LETTERS = 'dead-letters'

/** `bad`, `late` and `ahead` are a source's; a function `threw`, or the row `killed` whoever took it. */
export const DEAD_LETTER_KINDS = ['bad', 'late', 'ahead', 'threw', 'killed'] as const
export type DeadLetterKind = (typeof DEAD_LETTER_KINDS)[number]

/** What happens to a row on which a user's function throws: the run fails, or the row goes to the dead letters. */
export type ErrorPolicy = 'fail' | 'dead-letter'

export const DEAD_LETTER_SCHEMA = schema({
  /** Of a source: its watermark when the row was turned away, or 0 before there was one. Of an operator: the row's time. */
  at: eventTime(),
  /** The source, or the stage. */
  source: string(),
  /** The source's split, or the stage's shard. */
  split: int(),
  /** Where the row stands in its split; null where that is not known. */
  offset: optional(int()),
  /** Of an operator behind a repartition: which call of a user's function it was, in which epoch of the shard. */
  epoch: optional(int()),
  call: optional(int()),
  kind: string(),
  /** The operator whose function threw, such as `filter`. */
  operator: optional(string()),
  reason: string(),
  /** Where it was thrown. */
  stack: optional(string()),
  /** The row: of a source that could not read it as it stood there, else as JSON. */
  row: string(),
  /** -1 where an operator was to take the row back. */
  diff: int(),
  /**
   * The node whose input the row was. Null for a source's own, and for what cannot be taken once more: a timer, or a row of a
   * stream that corrects itself where its place among rows of equal time matters.
   */
  node: optional(int()),
}) as unknown as Schema
