/**
 * Conditions of aggregates, as rows before and behind them have them: rows that do not count have nulls in a column that
 * only the aggregate reads, and where it gives null, the default takes its place.
 */
import { userError } from '../base/errors.ts'
import type { Aggregation } from '../operators/aggregation.ts'
import type { UserValue } from '../records/column.ts'
import { bool, type FieldType, fieldOf, optional, type Schema, typeName } from '../records/schema.ts'
import { whyNot } from '../records/value.ts'
import { type Node, newNode } from './graph.ts'
import { withoutNulls } from './plan-schemas.ts'
import { assignNode } from './row-nodes.ts'

/** As users give them. */
export type Conditioned = Aggregation & {
  readonly where?: string
  readonly default?: number
  readonly over?: number | null
  readonly rows?: number
}
type AnyRow = Readonly<Record<string, UserValue>>

/** The input with a column for each aggregate that takes some rows alone, and the aggregates over these. */
export function withConditions(
  input: Node,
  aggregates: Readonly<Record<string, Conditioned>>,
): { node: Node; aggregates: Readonly<Record<string, Aggregation>> } {
  let node = input
  const left = Object.entries(aggregates).map(([name, { where, default: _, ...aggregate }]): [string, Aggregation] => {
    if (where === undefined) return [name, aggregate]
    const column = `${name}_where`
    const over = conditioned(input, where, aggregate, column)
    node = assignNode(node, column, over.type, over.compute)
    return [name, over.aggregate]
  })
  return { node, aggregates: Object.fromEntries(left) }
}

/** @throws user error `aggregation` where the condition is no bool, or the aggregate cannot have one */
function conditioned(input: Node, where: string, aggregate: Aggregation, column: string) {
  const { schema } = input
  const condition = fieldOf(schema, where)
  if (condition.kind !== 'bool')
    throw userError('aggregation', `'${where}' is ${typeName(condition)}: rows are chosen by a bool`)
  if (Object.hasOwn(schema.fields, column))
    throw userError(
      'aggregation',
      `there is a field '${column}': rename it, its name is needed for the rows that count`,
    )
  if (aggregate.kind === 'custom')
    throw userError('aggregation', 'a custom aggregate chooses its rows itself: give it the column, not `where`')
  const { column: of } = aggregate
  if (of === undefined) {
    return {
      type: optional(bool()) as FieldType,
      compute: (row: AnyRow) => (row[where] === true ? true : null),
      aggregate: { ...aggregate, kind: 'countValues', column } as Aggregation,
    }
  }
  const type = fieldOf(schema, of)
  const isListed = ['distinct', 'firstK', 'lastK'].includes(aggregate.kind)
  if (isListed && type.nullable && aggregate.dropsNull !== true) {
    const remedy = `drop them with { dropsNull: true }`
    throw userError(
      'aggregation',
      `${aggregate.kind}('${of}') with \`where\` cannot tell its nulls from rows that do not count: ${remedy}`,
    )
  }
  return {
    type: { ...type, nullable: true, eventTime: false },
    compute: (row: AnyRow) => (row[where] === true ? row[of]! : null),
    aggregate: { ...aggregate, column, ...(isListed ? { dropsNull: true } : {}) },
  }
}

/** @throws user error `aggregation` where an aggregate is over so many rows */
export function refuseRows(aggregates: Readonly<Record<string, Conditioned>>): void {
  const counted = Object.keys(aggregates).find((name) => aggregates[name]!.rows !== undefined)
  if (counted !== undefined)
    throw userError(
      'aggregation',
      `'${counted}' is over so many rows: use it in withAggregates, which gives each row its own`,
    )
}

/** @throws user error `aggregation` where a result would be of no one time */
export function refuseDecayed(aggregates: Readonly<Record<string, Conditioned>>): void {
  const decayed = Object.keys(aggregates).find((name) => aggregates[name]!.kind === 'decayedSum')
  if (decayed !== undefined)
    throw userError(
      'aggregation',
      `'${decayed}' is another number at each moment: use decayedSum in indexAggregates, which is asked for one, or in withAggregates`,
    )
}

/** @throws user error `aggregation` where an aggregate has a span of its own */
export function refuseSpans(aggregates: Readonly<Record<string, Conditioned>>, why: string): void {
  const spanned = Object.keys(aggregates).find((name) => aggregates[name]!.over !== undefined)
  if (spanned !== undefined) throw userError('aggregation', `'${spanned}' has a span of its own: ${why}`)
  refuseRows(aggregates)
}

/** What aggregates come to over no rows; none for custom ones. */
export const emptyResults = (schema: Schema, aggregates: Readonly<Record<string, Conditioned>>): AnyRow =>
  Object.fromEntries(
    Object.entries(aggregates).flatMap(([name, { kind, default: value }]) => {
      if (kind === 'custom') return []
      return [[name, schema.fields[name]!.kind === 'list' ? [] : kind.startsWith('count') ? 0 : (value ?? null)]]
    }),
  )

/** Puts defaults in the place of nulls. @throws user error `aggregation` for one that is not of the result's type */
export function withDefaults(output: Node, aggregates: Readonly<Record<string, Conditioned>>): Node {
  const values: Record<string, number> = {}
  for (const [name, { default: value }] of Object.entries(aggregates)) {
    if (value === undefined) continue
    checkDefault(name, fieldOf(output.schema, name), value)
    values[name] = value
  }
  const names = Object.keys(values)
  if (names.length === 0) return output
  return { ...newNode(withoutNulls(output.schema, names)), kind: 'fill-null', inputs: [output], values }
}

/** @throws user error `aggregation` where the default is not of the result's type */
export function checkDefault(name: string, result: FieldType, value: number): void {
  const type = { ...result, nullable: false }
  const why = whyNot(type, value)
  if (why === null) return
  const unit = type.kind === 'decimal' ? ', in units' : ''
  throw userError('aggregation', `the default of '${name}' must be ${typeName(type)}${unit}, but ${why}`)
}
