/**
 * The graph of a topology: what the user declared, node by node. Nodes know their inputs and how their schema follows
 * from those of the inputs; where they run is the plan's business.
 */
import type { ActorDefinition } from '../operators/actor-definition.ts'
import type { Windowed } from '../operators/aggregates-over-rows.ts'
import type { Aggregation } from '../operators/aggregation.ts'
import type { TransformPlan } from '../operators/flat-map.ts'
import type { Ranking } from '../operators/fold/ranked.ts'
import type { SpanAggregate } from '../operators/index/tile-plan.ts'
import type { IntervalJoinKind, JoinSpan } from '../operators/join-span.ts'
import type { Spanned } from '../operators/spans.ts'
import type { TableJoinKind } from '../operators/table-join/join-delta.ts'
import type { AnyWindow, Emission } from '../operators/window.ts'
import type { UserValue } from '../records/column.ts'
import type { Fields, FieldType, Row, Schema } from '../records/schema.ts'
import type { SinkConnector, SourceConnector } from './connector.ts'

export interface SourceOptions {
  /** How far behind the latest row a row may be without being late, in microseconds. */
  readonly disorder: number
  /** How much later still a row is taken as a correction, in microseconds. */
  readonly lateness: number
  /** Rows dated further ahead of the wall clock than this go to the dead letters, in microseconds. Null: off. */
  readonly aheadMax: number | null
  /** A split without rows for so long, by the wall clock, holds nobody back, in microseconds. Null: off. */
  readonly idleAfter: number | null
  /** A split further ahead of the slowest active one of the topology than this waits, in microseconds. Null: off. */
  readonly alignWithin: number | null
}

type RowFunction<T> = (row: Row<Fields>) => T

interface Common {
  /** Unique within the graph, given in order of declaration of what leads to the outputs. */
  id: number
  readonly schema: Schema
  /** Of a table of aggregates: what they come to where nothing is left of a key. */
  readonly empty?: Readonly<Record<string, UserValue>>
}
export interface SourceNode extends Common {
  readonly kind: 'source'
  readonly name: string
  readonly connector: SourceConnector
  readonly options: SourceOptions
  readonly inputs: readonly []
}
export interface AssignNode extends Common {
  readonly kind: 'assign'
  readonly inputs: readonly [Node]
  readonly name: string
  readonly type: FieldType
  readonly compute: RowFunction<UserValue>
}
export interface FilterNode extends Common {
  readonly kind: 'filter'
  readonly inputs: readonly [Node]
  readonly keep: RowFunction<boolean>
}
export interface ProjectNode extends Common {
  readonly kind: 'project'
  readonly inputs: readonly [Node]
  /** The input field behind each output field. */
  readonly sources: Readonly<Record<string, string>>
}
export interface UnionNode extends Common {
  readonly kind: 'union'
  readonly inputs: readonly Node[]
}
export interface KeyByNode extends Common {
  readonly kind: 'key-by'
  readonly inputs: readonly [Node]
  readonly keys: readonly string[]
}
export interface WindowNode extends Common {
  readonly kind: 'window'
  readonly inputs: readonly [Node]
  readonly keys: readonly string[]
  readonly window: AnyWindow
  readonly emit: Emission
  readonly aggregates: Readonly<Record<string, Aggregation>>
}
/** Keeps the latest of rows that are alike: of one key, and one span of time. */
export interface DedupNode extends Common {
  readonly kind: 'dedup'
  readonly inputs: readonly [Node]
  readonly keys: readonly string[]
  /** In microseconds; 0 for rows of one event time. */
  readonly span: number
  /** Instead: in one session, whose rows are no further apart than this, in microseconds; null for none. */
  readonly gap: number | null
  readonly emit: Emission
}
/** Drops rows with a null in one of these columns. */
export interface DropNullNode extends Common {
  readonly kind: 'drop-null'
  readonly inputs: readonly [Node]
  readonly names: readonly string[]
}
/** Puts values in the place of nulls. */
export interface FillNullNode extends Common {
  readonly kind: 'fill-null'
  readonly inputs: readonly [Node]
  /** By column. */
  readonly values: Readonly<Record<string, number>>
}
/** Gives each element of lists a row of its own. */
export interface ExplodeNode extends Common {
  readonly kind: 'explode'
  readonly inputs: readonly [Node]
  readonly names: readonly string[]
}
/** Makes rows of another schema, any number of each. */
export interface TransformNode extends Common {
  readonly kind: 'transform'
  readonly inputs: readonly [Node]
  readonly compute: TransformPlan['compute']
}
/** Gives each row aggregates over the rows up to it. */
export interface OverRowsNode extends Common {
  readonly kind: 'over-rows'
  readonly inputs: readonly [Node]
  readonly keys: readonly string[]
  readonly aggregates: Readonly<Record<string, Windowed>>
  readonly emit: Emission
}
/** Says of rows also when they leave spans of time. */
export interface LeavingNode extends Common {
  readonly kind: 'leaving'
  readonly inputs: readonly [Node]
  /** In microseconds. */
  readonly spans: readonly number[]
  /** At multiples of this alone, in microseconds; null for at once. */
  readonly every: number | null
}
/** Makes a stream of a table: what begins and what ends. */
export interface ChangelogNode extends Common {
  readonly kind: 'changelog'
  readonly inputs: readonly [Node]
  readonly keys: readonly string[]
  /** The column that tells them apart, and of which of both it is true. */
  readonly column: string
  readonly marks: 'insert' | 'delete'
}
/** Makes a table of a stream: what holds from each time on. */
export interface FoldNode extends Common {
  readonly kind: 'fold'
  readonly inputs: readonly [Node]
  readonly keys: readonly string[]
  readonly fold:
    | {
        readonly kind: 'ranking'
        readonly ranking: Ranking
        /** How long rows count, in microseconds; null for ever. */
        readonly within: number | null
      }
    | { readonly kind: 'aggregates'; readonly aggregates: Readonly<Record<string, Spanned>> }
  readonly emit: Emission
}
export interface JoinNode extends Common {
  readonly kind: 'as-of-join'
  readonly inputs: readonly [left: Node, right: Node]
  readonly leftKeys: readonly string[]
  readonly rightKeys: readonly string[]
  readonly fields: readonly string[]
  readonly how: 'inner' | 'left'
  /** How much older than the row a version may be, and how much newer, in microseconds. */
  readonly older: number
  readonly newer: number
}
/** Joins what holds at the same time in two tables. */
export interface TableJoinNode extends Common {
  readonly kind: 'table-join'
  readonly inputs: readonly [left: Node, right: Node]
  readonly leftKeys: readonly string[]
  readonly rightKeys: readonly string[]
  readonly fields: readonly string[]
  readonly how: TableJoinKind
  readonly emit: Emission
}
/** Joins rows of two streams that are near each other in time. */
export interface IntervalJoinNode extends Common {
  readonly kind: 'interval-join'
  readonly inputs: readonly [left: Node, right: Node]
  readonly leftKeys: readonly string[]
  readonly rightKeys: readonly string[]
  readonly fields: readonly string[]
  readonly how: IntervalJoinKind
  readonly span: JoinSpan
}
/** Holds rows until nothing that is in time can change them. */
export interface SettleNode extends Common {
  readonly kind: 'settle'
  readonly inputs: readonly [Node]
  /** How far the watermark must be past a row, in microseconds. */
  readonly delay: number
}
export interface ActorNode extends Common {
  readonly kind: 'actor'
  readonly inputs: readonly [Node]
  readonly keys: readonly string[]
  readonly name: string
  readonly definition: ActorDefinition
}
/** Keeps a table for look-ups: where rows stay, as a sink is where they leave. */
export interface IndexNode extends Common {
  readonly kind: 'index'
  readonly inputs: readonly [Node]
  readonly keys: readonly string[]
  readonly name: string
  /** What is found of a key that is known where no row holds; null where nothing is. */
  readonly defaults: Readonly<Record<string, UserValue>> | null
  /** How far behind the watermark look-ups may go, in microseconds. */
  readonly history: number
}
/** Keeps rows for look-ups of aggregates over spans up to any time. */
export interface AggregateIndexNode extends Common {
  readonly kind: 'aggregate-index'
  readonly inputs: readonly [Node]
  readonly keys: readonly string[]
  readonly name: string
  readonly aggregates: Readonly<Record<string, SpanAggregate>>
  /** How far behind the watermark look-ups may go, in microseconds. */
  readonly history: number
}
/** A sink writes a file; an output is read by the program (`running.output(name)`). */
export interface SinkNode extends Common {
  readonly kind: 'sink'
  readonly inputs: readonly [Node]
  readonly name: string
  readonly connector: SinkConnector | null
  /** Of an output: microseconds of event time after which a record may go; null: kept for ever. */
  readonly retention: number | null
}

export type Node =
  | SourceNode
  | AssignNode
  | FilterNode
  | ProjectNode
  | UnionNode
  | KeyByNode
  | WindowNode
  | FoldNode
  | DedupNode
  | DropNullNode
  | FillNullNode
  | ExplodeNode
  | TransformNode
  | LeavingNode
  | SettleNode
  | OverRowsNode
  | ChangelogNode
  | JoinNode
  | TableJoinNode
  | IntervalJoinNode
  | ActorNode
  | SinkNode
  | IndexNode
  | AggregateIndexNode

export type AnyIndexNode = IndexNode | AggregateIndexNode
export type AnyJoinNode = JoinNode | TableJoinNode | IntervalJoinNode
export const isIndex = (node: Node): node is AnyIndexNode => node.kind === 'index' || node.kind === 'aggregate-index'
export const isJoin = ({ kind }: Node): boolean =>
  kind === 'as-of-join' || kind === 'table-join' || kind === 'interval-join'
/** Whether the node keeps rows until it is done with their time, which it is once the watermark has passed it. */
export const closesTime = (node: Node): boolean => isJoin(node) || CLOSING.has(node.kind)
const CLOSING: ReadonlySet<Node['kind']> = new Set([
  'window',
  'fold',
  'dedup',
  'changelog',
  'over-rows',
  'settle',
  'actor',
])

/** How far in time rows may come that still change what was said of a row: pairs have the left one's time, a right one alone its own. */
export function changesBehind({ span, how }: Pick<IntervalJoinNode, 'span' | 'how'>): number {
  if ('size' in span) return span.size
  return how === 'right' || how === 'full' ? Math.max(span.newer, span.older) : span.newer
}

/** What every node begins with. */
export const newNode = (schema: Schema) => ({ id: -1, schema })

/** All nodes that lead to the outputs, inputs before those that use them, numbered in that order. */
export function sortNodes(outputs: readonly Node[]): Node[] {
  const sorted: Node[] = []
  const seen = new Set<Node>()
  const visit = (node: Node): void => {
    if (seen.has(node)) return
    seen.add(node)
    for (const input of node.inputs) visit(input)
    node.id = sorted.push(node) - 1
  }
  for (const output of outputs) visit(output)
  return sorted
}
