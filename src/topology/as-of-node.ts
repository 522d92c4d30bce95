/** The node of an as-of join, and what must fit together. */
import { userError } from '../base/errors.ts'
import { type Duration, micros } from '../base/time.ts'
import { type Fields, fieldOf, makeSchema, typeName } from '../records/schema.ts'
import { type JoinNode, type Node, newNode } from './graph.ts'

export interface AsOfOptions<H extends 'inner' | 'left', S> {
  readonly how: H
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
  const [left, right] = [stream.node.schema, table.node.schema]
  if (stream.keys.length !== table.keys.length) {
    throw userError('join', `the join has ${stream.keys.length} keys on the left and ${table.keys.length} on the right`)
  }
  stream.keys.forEach((key, i) => {
    const [a, b] = [fieldOf(left, key), fieldOf(right, table.keys[i]!)]
    if (a.kind !== b.kind) {
      throw userError('join', `key '${key}' is ${typeName(a)}, but '${table.keys[i]}' of the table is ${typeName(b)}`)
    }
  })
  const fields: Fields = { ...left.fields }
  for (const name of options.fields) {
    if (name in fields) throw userError('join', `both sides have a field '${name}': rename one of them`)
    const type = fieldOf(right, name)
    fields[name] = { ...type, eventTime: false, nullable: options.how === 'left' || type.nullable }
  }
  return {
    ...newNode(makeSchema(fields)),
    kind: 'as-of-join',
    inputs: [stream.node, table.node],
    leftKeys: stream.keys,
    rightKeys: table.keys,
    fields: options.fields,
    how: options.how,
    older: options.within?.older === undefined ? Number.POSITIVE_INFINITY : micros(options.within.older),
    newer: micros(options.within?.newer ?? 0),
  }
}
