/** Where tables are kept for look-ups. */
import { type Duration, micros } from '../base/time.ts'
import type { Fields, Row } from '../records/schema.ts'
import { type IndexNode, type Node, newNode } from './graph.ts'

/** What an index keeps. */
export interface IndexOptions {
  /** How far back look-ups may go, behind the watermark. Default: to the beginning. */
  readonly history?: Duration
}

/** An index by the keys `K` of rows with the fields `F`: a topology takes it, and `openIndex`, for its types. */
export interface IndexOutput<F extends Fields, K extends keyof F> {
  readonly node: IndexNode
  /** Only for inference; never set. */
  readonly of?: { readonly keys: Row<Pick<F, K>>; readonly row: Row<F> }
}

export const tableIndexNode = (
  input: Node,
  keys: readonly string[],
  name: string,
  { history }: IndexOptions,
): IndexNode => ({
  ...newNode(input.schema),
  kind: 'index',
  inputs: [input],
  keys,
  name,
  history: history === undefined ? Number.POSITIVE_INFINITY : micros(history),
})
