/** From a planned node to its operator. */
import type { Seam } from '../base/seam.ts'
import { ActorOperator } from '../operators/actor-operator.ts'
import { CHANGELOG_TABLES, Changelog } from '../operators/changelog.ts'
import { Explode, Transform } from '../operators/flat-map.ts'
import { TableIndex } from '../operators/index/table-index.ts'
import { TileIndex } from '../operators/index/tile-index.ts'
import { planTiles, TILE_TABLES } from '../operators/index/tile-plan.ts'
import { INDEX_TABLES } from '../operators/index/versions.ts'
import { Leaving } from '../operators/leaving.ts'
import type { Operator, OperatorContext } from '../operators/operator.ts'
import { OVER_ROWS_TABLES, OverRows } from '../operators/over-rows.ts'
import { SETTLE_TABLES, Settle } from '../operators/settle.ts'
import { Assign, DropNull, FillNull, Filter, Project, Union } from '../operators/stateless.ts'
import {
  type TakeOver,
  takeOverActor,
  takeOverByKey,
  takeOverChangelog,
  takeOverRowsAndTiles,
  takeOverSettle,
} from '../operators/take-over.ts'
import type { PlannedNode } from '../topology/plan.ts'
import { dedupTables, makeDedup, takeOverAnyDedup } from './make-dedup.ts'
import { foldTables, makeFold, takeOverFoldNode } from './make-fold.ts'
import { joinTables, makeJoin, takeOverAnyJoin } from './make-join.ts'
import { makeWindow, takeOverWindow, windowTables } from './make-window.ts'
import { originHead } from './origin-head.ts'

const TABLES: Partial<Record<PlannedNode['node']['kind'], readonly string[]>> = {
  changelog: CHANGELOG_TABLES,
  'over-rows': OVER_ROWS_TABLES,
  settle: SETTLE_TABLES,
  index: INDEX_TABLES,
  'aggregate-index': TILE_TABLES,
  actor: ['state', 'timers', 'held'],
}

/** The name of a node's table within its shard's store. */
export const tableName = ({ id }: { readonly id: number }, table: string): string => `n${id}.${table}`

/** Names of all its tables. */
export const tablesOf = (planned: PlannedNode): string[] =>
  operatorTables(planned).map((table) => tableName(planned.node, table))

function operatorTables(planned: PlannedNode): readonly string[] {
  const { node, inputFacts } = planned
  if (node.kind === 'window') return windowTables(node, inputFacts[0]!.retracts)
  if (node.kind === 'dedup') return dedupTables(node)
  if (node.kind === 'fold') return foldTables(node, inputFacts[0]!)
  if (node.kind === 'table-join' || node.kind === 'interval-join' || node.kind === 'as-of-join')
    return joinTables(planned, node)
  return TABLES[node.kind] ?? []
}

/** Takes over what a node's operator keeps of keys that now fall to another shard; block by block. */
export function takeOver(planned: PlannedNode, tables: Omit<TakeOver, 'routing'>): Iterable<void> {
  const { node, inputSchemas } = planned
  const input = inputSchemas[0]!
  const take = { ...tables, routing: planned.keys ?? [] }
  switch (node.kind) {
    case 'window':
      return takeOverWindow(take, planned, node)
    case 'dedup':
      return takeOverAnyDedup(take, input, node)
    case 'changelog':
      return takeOverChangelog(take, input, node.keys)
    case 'index':
      return takeOverByKey(take, input, node.keys, ['versions'])
    case 'over-rows':
      return takeOverRowsAndTiles(take, input, node.keys)
    case 'settle':
      return takeOverSettle(take, input)
    case 'aggregate-index':
      return takeOverByKey(take, input, node.keys, ['rows', 'tiles'])
    case 'fold':
      return takeOverFoldNode(take, planned, node)
    case 'table-join':
    case 'interval-join':
    case 'as-of-join':
      return takeOverAnyJoin(take, planned, node)
    case 'actor':
      return takeOverActor(take, input, node.keys)
    default:
      return []
  }
}

export function makeOperator(planned: PlannedNode, context: OperatorContext, seam: Seam): Operator {
  const { node, inputSchemas, schema, facts, inputFacts } = planned
  const input = inputSchemas[0]!
  switch (node.kind) {
    case 'assign':
      return new Assign(
        { input, output: schema, name: node.name, type: node.type, compute: node.compute },
        context.emit,
        context.guard,
      )
    case 'filter':
      return new Filter(input, node.keep, context.emit, context.guard)
    case 'project':
      return new Project(
        input,
        schema,
        schema.names.map((name) => node.sources[name]!),
        context.emit,
      )
    case 'union':
      return new Union(context.emit)
    case 'window':
      return makeWindow(planned, node, context)
    case 'drop-null':
      return new DropNull(input, schema, node.names, context.emit)
    case 'fill-null':
      return new FillNull(input, schema, node.values, context.emit)
    case 'explode':
      return new Explode(input, schema, node.names, context.emit, context.guard)
    case 'transform':
      return new Transform({ input, output: schema, compute: node.compute }, context.emit, context.guard)
    case 'leaving':
      return new Leaving(input, schema, node, context.emit)
    case 'settle':
      return new Settle({ schema, delay: node.delay }, context)
    case 'changelog':
      return new Changelog(
        {
          input,
          output: schema,
          column: node.column,
          marks: node.marks,
          bound: inputFacts[0]!.bound,
          origin: facts.needsOrigins ? originHead(node.id) : null,
        },
        context,
      )
    case 'index': {
      const { keys, history } = node
      return new TableIndex({ schema: input, keys, history, bound: inputFacts[0]!.bound }, context)
    }
    case 'over-rows': {
      const { keys, aggregates, emit } = node
      const { bound } = inputFacts[0]!
      return new OverRows({ input, output: schema, keys, aggregates, emit, bound }, context)
    }
    case 'aggregate-index': {
      const { keys, aggregates, history } = node
      const { bound } = inputFacts[0]!
      return new TileIndex({ tiles: planTiles(input, keys, aggregates), history, bound }, context)
    }
    case 'dedup':
      return makeDedup(planned, node, context)
    case 'fold':
      return makeFold(planned, node, context)
    case 'table-join':
    case 'interval-join':
    case 'as-of-join':
      return makeJoin(planned, node, context)
    case 'actor':
      return new ActorOperator(
        {
          input,
          keys: node.keys,
          definition: node.definition,
          inputBound: inputFacts[0]!.bound,
          origin: originHead(node.id),
          clock: () => seam.clock.now(),
          random: seam.random,
        },
        context,
      )
    default:
      return { onBatch: (batch) => context.emit(batch) }
  }
}
