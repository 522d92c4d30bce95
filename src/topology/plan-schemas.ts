/** What really flows between planned nodes: columns that something uses, and those that rows are split by. */
import { leavingSchema } from '../operators/leaving.ts'
import { makeSchema, type Schema } from '../records/schema.ts'
import type { NodeFacts } from './analysis.ts'
import type { Node } from './graph.ts'

/** The fields of a schema that are in `names`, in the schema's order. */
export function restrict(schema: Schema, names: ReadonlySet<string>): Schema {
  if (schema.names.every((name) => names.has(name))) return schema
  return makeSchema(
    Object.fromEntries(schema.names.filter((name) => names.has(name)).map((name) => [name, schema.fields[name]!])),
  )
}

/** The same, where these columns have no nulls any more. */
export const withoutNulls = (schema: Schema, names: readonly string[]): Schema =>
  makeSchema(
    Object.fromEntries(
      schema.names.map((name) => {
        const type = schema.fields[name]!
        return [name, names.includes(name) ? { ...type, nullable: false } : type]
      }),
    ),
  )

/** The same, where these lists are single elements. */
export const exploded = (schema: Schema, names: readonly string[]): Schema =>
  makeSchema(
    Object.fromEntries(
      schema.names.map((name) => {
        const type = schema.fields[name]!
        return [name, names.includes(name) ? { ...type.of!, nullable: true } : type]
      }),
    ),
  )

/** What really flows out of a node, given what really flows in. */
export function outputSchema(node: Node, input: Schema, facts: NodeFacts): Schema {
  switch (node.kind) {
    case 'assign':
      return makeSchema({ ...input.fields, [node.name]: node.type })
    case 'project':
      return restrict(node.schema, facts.needed)
    case 'fold':
      if (node.fold.kind === 'aggregates') return node.schema
      return restrict(node.schema, new Set([...facts.needed, ...node.keys]))
    case 'table-join':
    case 'interval-join':
      return restrict(node.schema, new Set([...input.names, ...node.fields]))
    case 'as-of-join':
      return makeSchema({
        ...input.fields,
        ...Object.fromEntries(node.fields.map((name) => [name, node.schema.fields[name]!])),
      })
    case 'leaving':
      return leavingSchema(input)
    case 'over-rows': {
      const results = Object.keys(node.aggregates).map((name) => [name, node.schema.fields[name]!])
      return makeSchema({ ...input.fields, ...Object.fromEntries(results) })
    }
    case 'filter':
    case 'dedup':
    case 'settle':
      return input
    case 'fill-null':
      return withoutNulls(input, Object.keys(node.values))
    case 'drop-null':
      return withoutNulls(input, node.names)
    case 'explode':
      return exploded(input, node.names)
    default:
      return node.schema
  }
}

/** Kinds that leave keys as they are, and rows where they are. */
const PASSING: ReadonlySet<Node['kind']> = new Set(['filter', 'drop-null', 'fill-null', 'leaving', 'settle'])
/** Kinds whose rows keep the keys that they are given. */
const KEYED: ReadonlySet<Node['kind']> = new Set(['window', 'fold', 'dedup', 'changelog', 'over-rows'])

/** The splitting columns after a node: renamed with it, lost when one of them is dropped or overwritten. */
export function keysAfter(node: Node, keys: readonly string[] | null): readonly string[] | null {
  if (keys === null) return null
  if (node.kind === 'assign') return keys.includes(node.name) ? null : keys
  if (PASSING.has(node.kind)) return keys
  if (node.kind === 'explode') return keys.some((key) => node.names.includes(key)) ? null : keys
  if (KEYED.has(node.kind)) return keys
  if (node.kind !== 'project') return null
  const renamed = keys.map((key) => Object.keys(node.sources).find((name) => node.sources[name] === key))
  return renamed.includes(undefined) ? null : (renamed as string[])
}
