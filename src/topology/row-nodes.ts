/** Nodes that work row by row, with what is checked where they are declared. */
import { userError } from '../base/errors.ts'
import type { UserValue } from '../records/column.ts'
import {
  bool,
  type Fields,
  type FieldType,
  fieldOf,
  makeSchema,
  type Schema,
  sameType,
  typeName,
} from '../records/schema.ts'
import {
  type AssignNode,
  type ChangelogNode,
  type DropNullNode,
  type ExplodeNode,
  type FilterNode,
  type Node,
  newNode,
  type ProjectNode,
  type TransformNode,
  type UnionNode,
} from './graph.ts'
import { exploded, withoutNulls } from './plan-schemas.ts'

type AnyRow = Readonly<Record<string, UserValue>>

export function assignNode(
  input: Node,
  name: string,
  type: FieldType,
  compute: (row: AnyRow) => UserValue,
): AssignNode {
  const schema = makeSchema({ ...input.schema.fields, [name]: type })
  return { ...newNode(schema), kind: 'assign', inputs: [input], name, type, compute: compute as never }
}

export const filterNode = (input: Node, keep: FilterNode['keep']): FilterNode => ({
  ...newNode(input.schema),
  kind: 'filter',
  inputs: [input],
  keep,
})

export const transformNode = (input: Node, to: Schema, compute: TransformNode['compute']): TransformNode => ({
  ...newNode(to),
  kind: 'transform',
  inputs: [input],
  compute,
})

/** @throws user error `null` where a column has no nulls, or none has any */
export function dropNullNode(input: Node, names: readonly string[]): DropNullNode {
  const { schema } = input
  const nullable = schema.names.filter((name) => schema.fields[name]!.nullable)
  const wrong = names.find((name) => !fieldOf(schema, name).nullable)
  if (wrong !== undefined)
    throw userError('null', `'${wrong}' has no nulls; the columns that may: ${nullable.join(', ')}`)
  if (nullable.length === 0) throw userError('null', `no column has nulls: ${schema.names.join(', ')}`)
  const dropped = names.length > 0 ? names : nullable
  return { ...newNode(withoutNulls(schema, dropped)), kind: 'drop-null', inputs: [input], names: dropped }
}

/** @throws user error `explode` without names, or where a column is no list */
export function explodeNode(input: Node, names: readonly string[]): ExplodeNode {
  const { schema } = input
  const lists = schema.names.filter((name) => schema.fields[name]!.kind === 'list')
  if (names.length === 0) throw userError('explode', `explode needs a column; the lists are ${lists.join(', ')}`)
  for (const name of names) {
    const type = fieldOf(schema, name)
    if (type.kind !== 'list')
      throw userError('explode', `'${name}' is ${typeName(type)}, no list; the lists are ${lists.join(', ')}`)
  }
  return { ...newNode(exploded(schema, names)), kind: 'explode', inputs: [input], names }
}

/** @param sources the input column behind each output column */
export function projectNode(input: Node, sources: Readonly<Record<string, string>>): ProjectNode {
  const fields: Fields = {}
  for (const [name, source] of Object.entries(sources)) fields[name] = fieldOf(input.schema, source)
  return { ...newNode(makeSchema(fields)), kind: 'project', inputs: [input], sources }
}

/** @throws user error `rename` when two columns would have one name */
export function renameNode(input: Node, names: Readonly<Record<string, string>>): ProjectNode {
  const { schema } = input
  for (const name of Object.keys(names)) fieldOf(schema, name)
  const target = (name: string) => names[name] ?? name
  const sources = Object.fromEntries(schema.names.map((name) => [target(name), name]))
  if (Object.keys(sources).length < schema.names.length) {
    throw userError('rename', `rename gives two columns one name: ${schema.names.map(target).join(', ')}`)
  }
  return projectNode(input, sources)
}

/** @throws user error `union` when the fields are not the same */
export function unionNode(inputs: readonly [Node, ...Node[]]): UnionNode {
  const [{ schema }] = inputs
  const isSame = (other: Schema) =>
    other.names.join() === schema.names.join() &&
    other.time === schema.time &&
    schema.names.every((name) => sameType(fieldOf(other, name), fieldOf(schema, name)))
  if (!inputs.every((input) => isSame(input.schema))) {
    throw userError('union', 'union needs streams with the same fields in the same order')
  }
  return { ...newNode(schema), kind: 'union', inputs }
}

/** @throws user error `changelog` when not one column is named, or it is there already */
export function changelogNode(
  input: Node,
  keys: readonly string[],
  options: { readonly insert?: string; readonly delete?: string },
): ChangelogNode {
  const named = Object.entries(options).filter(([, name]) => name !== undefined)
  const [[marks, column] = []] = named
  if (named.length !== 1 || (marks !== 'insert' && marks !== 'delete')) {
    throw userError('changelog', "changelog takes one name: { insert: 'name' } or { delete: 'name' }")
  }
  if (Object.hasOwn(input.schema.fields, column!)) throw userError('changelog', `there is a field '${column}' already`)
  const schema = makeSchema({ ...input.schema.fields, [column!]: bool() })
  return { ...newNode(schema), kind: 'changelog', inputs: [input], keys, column: column!, marks }
}
