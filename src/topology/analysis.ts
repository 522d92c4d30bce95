/**
 * What the plan must know of each node beyond its declaration: which of its columns are used, whether its origins can
 * matter, how late its rows can be (the bound B), and whether it takes rows back.
 */
import { userError } from '../base/errors.ts'
import { columnsOf, isOrdered } from '../operators/aggregation.ts'
import { spannedColumns } from '../operators/fold/span-group.ts'
import { needsOrder } from '../operators/index/tile-plan.ts'
import { SPAN_COLUMNS } from '../operators/leaving.ts'
import type { Spanned } from '../operators/spans.ts'
import { isSession } from '../operators/window.ts'
import { changesBehind, closesTime, type JoinNode, type Node } from './graph.ts'

export interface NodeFacts {
  /** Columns that something downstream uses, the event time included. */
  readonly needed: ReadonlySet<string>
  /** True when rows of equal time may have to be told apart downstream. */
  readonly needsOrigins: boolean
  /** True where it matters, here or downstream, that no row comes later than `bound` allows. */
  readonly needsTime: boolean
  /** No row is older than the watermark by more than this, in microseconds. */
  readonly bound: number
  /** True when rows with diff -1 may come. */
  readonly retracts: boolean
  /** True of a table: its rows hold from their event time on, and are taken back as of the time when they end. */
  readonly isTable: boolean
}

/** Facts of every node, by id. @throws user error `table` where an operator takes streams alone, or tables */
export function analyse(nodes: readonly Node[]): NodeFacts[] {
  const needed = nodes.map(() => new Set<string>())
  const needsOrigins = nodes.map(() => false)
  const needsTime = nodes.map(closesTime)
  for (const node of nodes.toReversed()) {
    if (node.kind === 'sink') for (const name of neededBySink(node)) needed[node.id]!.add(name)
    node.inputs.forEach((input, port) => {
      for (const name of neededOf(node, port, needed[node.id]!)) needed[input.id]!.add(name)
      if (originsMatter(node, port, needsOrigins[node.id]!)) needsOrigins[input.id] = true
      if (needsTime[node.id]) needsTime[input.id] = true
    })
  }
  const facts: NodeFacts[] = []
  for (const node of nodes) {
    const inputs = node.inputs.map((input) => facts[input.id]!)
    const { id } = node
    const needs = { needed: needed[id]!, needsOrigins: needsOrigins[id]!, needsTime: needsTime[id]! }
    facts.push({ ...needs, ...timeFacts(node, inputs) })
  }
  return facts
}

const neededBySink = (node: Node & { kind: 'sink' }): readonly string[] => [
  ...(node.connector?.columns ?? node.schema.names),
  node.schema.time,
]

/** Columns of the input at `port` that the node uses, given which of its own output are used. */
export function neededOf(node: Node, port: number, output: ReadonlySet<string>): Iterable<string> {
  const input = node.inputs[port]!.schema
  const present = (names: Iterable<string>) => [...names, input.time].filter((name) => name in input.fields)
  switch (node.kind) {
    case 'source':
      return []
    // A user's function sees the whole row.
    case 'assign':
    case 'filter':
    case 'transform':
    case 'actor':
      return input.names
    // What is counted are whole rows.
    case 'changelog':
      return input.names
    case 'index':
      return input.names
    case 'project':
      return present([...output].map((name) => node.sources[name]!))
    case 'key-by':
    case 'dedup':
      return present([...output, ...node.keys])
    case 'over-rows':
      return present([...output, ...node.keys, ...Object.values(node.aggregates).flatMap(columnsOf)])
    case 'drop-null':
    case 'explode':
      return present([...output, ...node.names])
    case 'window':
    case 'aggregate-index':
      return present([...node.keys, ...Object.values(node.aggregates).flatMap(columnsOf)])
    case 'fold':
      return node.fold.kind === 'ranking'
        ? present([
            ...output,
            ...node.keys,
            ...node.fold.ranking.by.map(({ column }) => column),
            ...(node.fold.within === null ? [] : SPAN_COLUMNS),
          ])
        : present([...node.keys, ...foldedColumns(node, node.fold.aggregates)])
    case 'table-join':
    case 'interval-join':
    case 'as-of-join':
      return port === 0 ? present([...output, ...node.leftKeys]) : present([...node.rightKeys, ...node.fields])
    case 'union':
    case 'fill-null':
    case 'leaving':
    case 'settle':
    case 'sink':
      return present(output)
  }
}

/** Also when rows came and what they leave, where they do. */
const foldedColumns = (
  { inputs }: Node & { kind: 'fold' },
  aggregates: Readonly<Record<string, Spanned>>,
): readonly string[] =>
  inputs[0].kind === 'leaving'
    ? spannedColumns(Object.values(aggregates))
    : Object.values(aggregates).flatMap(columnsOf)

function originsMatter(node: Node, port: number, output: boolean): boolean {
  switch (node.kind) {
    case 'actor':
    case 'fold':
    case 'dedup':
    case 'over-rows':
    case 'settle':
      return true
    // Updates wait in order of their places.
    case 'table-join':
      return node.emit === 'final'
    case 'window':
      return Object.values(node.aggregates).some(isOrdered)
    case 'aggregate-index':
      return needsOrder(node.aggregates)
    case 'changelog':
    case 'index':
    case 'sink':
      return false
    case 'as-of-join':
      return port === 1 || output
    default:
      return output
  }
}

function timeFacts(node: Node, inputs: readonly NodeFacts[]): Pick<NodeFacts, 'bound' | 'retracts' | 'isTable'> {
  const bound = Math.max(0, ...inputs.map((input) => input.bound))
  const retracts = inputs.some((input) => input.retracts)
  const isTable = inputs.some((input) => input.isTable)
  switch (node.kind) {
    case 'source':
      return { bound: node.options.lateness, retracts: false, isTable }
    case 'window': {
      refuseTable(node, 'cut into windows', isTable)
      const added = isSession(node.window) ? node.window.gap : node.window.lookback
      return { bound: bound + added, retracts: retracts || bound > 0 || node.emit === 'eager', isTable }
    }
    case 'dedup':
      refuseTable(node, 'freed of rows that are alike', isTable)
      // The latest row of a session has its own time, and is said a microsecond behind the gap.
      return {
        bound: bound + (node.gap === null ? node.span : node.gap + 1),
        retracts: retracts || bound > 0 || node.emit === 'eager',
        isTable,
      }
    case 'index':
      if (!isTable) {
        throw userError(
          'table',
          `an index keeps a table, and '${node.name}' is given a stream: make one of it, with latest() or aggregate()`,
        )
      }
      return { bound, retracts: true, isTable }
    case 'over-rows':
      refuseTable(node, 'given aggregates row by row', isTable)
      return { bound, retracts: true, isTable }
    case 'leaving':
    case 'aggregate-index':
      refuseTable(node, 'aggregated over spans', isTable)
      return { bound, retracts, isTable }
    case 'changelog':
      if (!isTable) {
        throw userError('table', `only a table has changes, not a stream (${node.inputs[0]!.schema.names.join(', ')})`)
      }
      return { bound, retracts: true, isTable: false }
    case 'fold':
      if (isTable) checkOverTable(node)
      return { bound, retracts: true, isTable: true }
    case 'table-join':
      if (!inputs.every((input) => input.isTable)) {
        throw userError(
          'table',
          'a join takes two tables: make one of the stream, with latest() or aggregate(), or join as of times (joinAsOf)',
        )
      }
      return { bound, retracts: true, isTable: true }
    case 'interval-join':
      refuseTable(node, 'joined with rows near it in time', isTable)
      return { bound: bound + changesBehind(node), retracts: retracts || node.how !== 'inner', isTable }
    case 'settle':
      return { bound, retracts: bound > node.delay, isTable }
    case 'as-of-join':
      refuseTable(node, 'joined as of times', inputs[0]!.isTable)
      refuseTime(node, inputs[1]!.isTable)
      return { bound: bound + node.newer, retracts: inputs[0]!.retracts || inputs[1]!.bound > 0, isTable: false }
    case 'actor':
      return { bound: bound + node.definition.bound, retracts: true, isTable: false }
    default:
      return { bound, retracts, isTable }
  }
}

/** @throws user error `table` where the order of the rows in time counts */
function checkOverTable(node: Node & { kind: 'fold' }): void {
  if (node.fold.kind === 'ranking') {
    const { by, ties } = node.fold.ranking
    if (by.length === 0) refuseTable(node, `asked for its ${ties} rows`, true)
    return
  }
  const ordered = Object.values(node.fold.aggregates).find(isOrdered)
  if (ordered !== undefined) refuseTable(node, `asked for its ${ordered.kind}`, true)
}

/** @throws user error `table` where the event time of a table is wanted, which is no part of what is compared */
function refuseTime({ inputs: [, right], fields }: JoinNode, isTable: boolean): void {
  const { time } = right.schema
  if (isTable && fields.includes(time))
    throw userError(
      'table',
      `'${time}' is the event time of a table: of a stream alone it can be among a join's fields`,
    )
}

/**
 * The rows of a table hold for a span of time: they are not of one time, as those of a stream are.
 * @throws user error `table`
 */
function refuseTable(node: Node, what: string, isTable: boolean): void {
  if (!isTable) return
  throw userError(
    'table',
    `a table cannot be ${what} (its fields: ${node.inputs[0]!.schema.names.join(', ')}): a row of a table holds from its ` +
      'time on, until it is taken back; do this with the stream that the table is made of',
  )
}
