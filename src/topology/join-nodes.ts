/** The nodes of joins, and what must fit together. */

import { userError } from '../base/errors.ts'
import { aDuration, aText, check, maybe, oneOf, only, someNames } from '../base/given.ts'
import { type Duration, micros } from '../base/time.ts'
import type { IntervalJoinKind, JoinSpan } from '../operators/join-span.ts'
import type { TableJoinKind } from '../operators/table-join/join-delta.ts'
import type { Emission, Window } from '../operators/window.ts'
import { type Fields, fieldOf, makeSchema, type Schema, sameType, typeName } from '../records/schema.ts'
import { checkEmission, type FoldOptions } from './fold-nodes.ts'
import { aKeyedStream, aWindow } from './given.ts'
import { changesBehind, type IntervalJoinNode, type JoinNode, type Node, newNode, type TableJoinNode } from './graph.ts'

const within = maybe(only({ older: maybe(aDuration), newer: maybe(aDuration) }))
const asOfOptions = only({
  how: oneOf(['inner', 'left']),
  fields: someNames,
  on: maybe(someNames),
  within,
})
const tableOptions = only({
  how: oneOf(['inner', 'left', 'full', 'semi', 'anti']),
  fields: maybe(someNames),
  emit: maybe(aText),
})
const intervalOptions = only({
  how: oneOf(['inner', 'left', 'right', 'full']),
  fields: someNames,
  within,
  window: maybe(aWindow),
  emit: maybe(aText),
})

export interface AsOfOptions<H extends 'inner' | 'left', S, N = string> {
  readonly how: H
  /**
   * Columns of the row that pair up with the table's keys, where they are others than the stream's own keys. The row stays in its shard
   * then, and every shard holds the whole table: a small one.
   */
  readonly on?: readonly N[]
  /** Of the table, to be added to the row. */
  readonly fields: readonly S[]
  /** Both ends are inclusive. */
  readonly within?: { readonly older?: Duration; readonly newer?: Duration }
}

/** A stream by keys. */
interface Keyed {
  readonly node: Node
  readonly keys: readonly string[]
}

/** @throws user error `join` where keys do not pair up, or both sides have a field of one name */
export function asOfNode(stream: Keyed, table: Keyed, options: AsOfOptions<'inner' | 'left', string>): JoinNode {
  check('joinAsOf', aKeyedStream, table, 'the other side')
  check('joinAsOf', asOfOptions, options)
  const { how, fields, within, on = stream.keys } = options
  const left = { node: stream.node, keys: on }
  for (const name of on) fieldOf(stream.node.schema, name)
  return {
    ...newNode(joinedSchema(left, table, how, fields)),
    kind: 'as-of-join',
    inputs: [stream.node, table.node],
    leftKeys: on,
    rightKeys: table.keys,
    fields,
    how,
    older: within?.older === undefined ? Number.POSITIVE_INFINITY : micros(within.older),
    newer: micros(within?.newer ?? 0),
  }
}

export interface TableJoinOptions<H extends TableJoinKind, S> extends FoldOptions {
  readonly how: H
  /** Of the right table, to be added to the left one's rows. */
  readonly fields?: readonly S[]
}

/** @throws user error `join` where keys do not pair up, both sides have a field of one name, or fields are not for this kind */
export function tableJoinNode(
  left: Keyed,
  right: Keyed,
  options: TableJoinOptions<TableJoinKind, string>,
): TableJoinNode {
  check('join', aKeyedStream, right, 'the other side')
  check('join', tableOptions, options)
  const { how, fields = [], emit = 'eager' } = options
  checkEmission(emit)
  const isChoice = how === 'semi' || how === 'anti'
  if (isChoice && fields.length > 0)
    throw userError('join', `a ${how} join chooses rows of the left side: it adds no fields of the right one`)
  const inputs = [left.node, right.node] as const
  const schema = joinedSchema(left, right, how, fields)
  return {
    ...newNode(schema),
    kind: 'table-join',
    inputs,
    leftKeys: left.keys,
    rightKeys: right.keys,
    fields,
    how,
    emit,
  }
}

export interface IntervalJoinOptions<H extends IntervalJoinKind, S> {
  readonly how: H
  /** Of the right side, to be added to the left one's rows. */
  readonly fields: readonly S[]
  /** Right rows may be so much older and newer than the left one; both ends are inclusive. */
  readonly within?: { readonly older?: Duration; readonly newer?: Duration }
  /** Or: rows that are in the same one of windows side by side. */
  readonly window?: Window
  /**
   * `eager`, the default: pairs as soon as both rows are there, and a row without a match at once, until one comes; `final`: everything
   * when the watermark has passed what could still change it.
   */
  readonly emit?: Emission
}

/** @throws user error `join` where keys do not pair up, both sides have a field of one name, or no time is given */
export function intervalJoinNode(
  left: Keyed,
  right: Keyed,
  options: IntervalJoinOptions<IntervalJoinKind, string>,
): Node {
  check('joinNear', aKeyedStream, right, 'the other side')
  check('joinNear', intervalOptions, options)
  const { how, fields, within, window, emit = 'eager' } = options
  checkEmission(emit)
  const inputs = [left.node, right.node] as const
  const schema = joinedSchema(left, right, how, fields)
  const span = spanOf(within, window)
  const join: IntervalJoinNode = {
    ...newNode(schema),
    kind: 'interval-join',
    inputs,
    leftKeys: left.keys,
    rightKeys: right.keys,
    fields,
    how,
    span,
  }
  return emit === 'eager' ? join : { ...newNode(schema), kind: 'settle', inputs: [join], delay: changesBehind(join) }
}

function spanOf(within: { older?: Duration; newer?: Duration } | undefined, window: Window | undefined): JoinSpan {
  if ((within === undefined) === (window === undefined))
    throw userError('join', 'rows are joined within a time or in the same window: give one of `within` and `window`')
  if (window === undefined) return { older: micros(within!.older ?? 0), newer: micros(within!.newer ?? 0) }
  const { size, hop, offset, step } = window
  if (hop !== size || step !== null)
    throw userError('join', 'rows are joined in windows side by side (tumbling): others overlap')
  return { size, offset }
}

function joinedSchema(
  left: Keyed,
  right: Keyed,
  how: TableJoinKind | IntervalJoinKind,
  added: readonly string[],
): Schema {
  checkKeys(left, right)
  const { schema } = left.node
  const fields: Fields = { ...schema.fields }
  // Without a left row, its key is that of the right one.
  if (how === 'full' || how === 'right') {
    for (const name of schema.names) {
      const key = left.keys.indexOf(name)
      const isNullable = key < 0 ? name !== schema.time : fieldOf(right.node.schema, right.keys[key]!).nullable
      if (isNullable) fields[name] = { ...fields[name]!, nullable: true }
    }
  }
  for (const name of added) {
    if (added.indexOf(name) !== added.lastIndexOf(name)) throw userError('join', `'${name}' is named twice in fields`)
    if (name in fields) throw userError('join', `both sides have a field '${name}': rename one of them`)
    const type = fieldOf(right.node.schema, name)
    fields[name] = { ...type, eventTime: false, nullable: (how !== 'inner' && how !== 'right') || type.nullable }
  }
  return makeSchema(fields)
}

function checkKeys(left: Keyed, right: Keyed): void {
  if (left.keys.length !== right.keys.length) {
    throw userError('join', `the join has ${left.keys.length} keys on the left and ${right.keys.length} on the right`)
  }
  left.keys.forEach((key, i) => {
    const [a, b] = [fieldOf(left.node.schema, key), fieldOf(right.node.schema, right.keys[i]!)]
    if (!sameType({ ...a, nullable: false }, { ...b, nullable: false })) {
      throw userError('join', `key '${key}' is ${typeName(a)}, but '${right.keys[i]}' of the table is ${typeName(b)}`)
    }
  })
}
