/** Nodes that work row by row, with what is checked where they are declared. */

import { userError } from '../base/errors.ts'
import { aFunction, aText, check } from '../base/given.ts'
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
import { aSchema, aType } from './given.ts'
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
  if (name === input.schema.time)
    throw userError('assign', `the event time '${name}' cannot be assigned: rows are ordered by it`)
  check('assign', aType, type, `the type of '${name}'`)
  check('assign', aFunction, compute, `the function of '${name}'`)
  const schema = makeSchema({ ...input.schema.fields, [name]: type })
  return { ...newNode(schema), kind: 'assign', inputs: [input], name, type, compute: compute as never }
}

export function filterNode(input: Node, keep: FilterNode['keep']): FilterNode {
  check('filter', aFunction, keep, 'its function')
  return { ...newNode(input.schema), kind: 'filter', inputs: [input], keep }
}

export function transformNode(input: Node, to: Schema, compute: TransformNode['compute']): TransformNode {
  check('transform', aSchema, to, 'what it makes')
  check('transform', aFunction, compute, 'its function')
  return { ...newNode(to), kind: 'transform', inputs: [input], compute }
}

/** The keys, if they can be. @throws user error `key` where there is none, one twice, or the event time */
export function checkKeys<K extends string>(call: string, schema: Schema, keys: readonly K[]): readonly K[] {
  for (const key of keys) check(call, aText, key, 'each key')
  if (keys.length === 0) throw userError('key', `${call} needs at least one field`)
  for (const [i, key] of keys.entries()) {
    if (fieldOf(schema, key).eventTime) throw userError('key', `the event time '${key}' cannot be a key`)
    if (keys.indexOf(key) < i) throw userError('key', `${call}: '${key}' is a key already`)
  }
  return keys
}

/** @throws user error `null` where a column has no nulls, or none has any */
export function dropNullNode(input: Node, names: readonly string[]): DropNullNode {
  const { schema } = input
  const nullable = schema.names.filter((name) => schema.fields[name]!.nullable)
  const wrong = names.find((name) => !fieldOf(schema, name).nullable)
  if (wrong !== undefined)
    throw userError('null', `'${wrong}' has no nulls; the columns that may: ${nullable.join(', ') || 'none'}`)
  if (nullable.length === 0) throw userError('null', `no column has nulls: ${schema.names.join(', ')}`)
  const dropped = names.length > 0 ? names : nullable
  return { ...newNode(withoutNulls(schema, dropped)), kind: 'drop-null', inputs: [input], names: dropped }
}

/** @throws user error `explode` without names, or where a column is no list */
export function explodeNode(input: Node, names: readonly string[]): ExplodeNode {
  const { schema } = input
  const lists = schema.names.filter((name) => schema.fields[name]!.kind === 'list')
  if (names.length === 0)
    throw userError('explode', `explode needs a column; the lists are ${lists.join(', ') || 'none'}`)
  for (const name of names) {
    const type = fieldOf(schema, name)
    if (type.kind !== 'list')
      throw userError('explode', `'${name}' is ${typeName(type)}, no list; the lists are ${lists.join(', ') || 'none'}`)
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
    const [fields, ...others] = inputs.map(({ schema: of }) =>
      of.names.map((name) => `${name}: ${typeName(of.fields[name]!)}`).join(', '),
    )
    const other = others.find((one) => one !== fields)
    throw userError(
      'union',
      `union needs streams with the same fields in the same order: one has ${fields}, another ${other}; select() puts them in order`,
    )
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
