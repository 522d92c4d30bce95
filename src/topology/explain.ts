/** What a plan comes to, in words: stages, what each operator keeps, for how long, and why. */
import { durationText } from '../base/time.ts'
import { isSession } from '../operators/window.ts'
import { shardsIn } from './generations.ts'
import type { Node } from './graph.ts'
import type { InputRef, Plan, PlannedNode, PlannedStage } from './plan.ts'

export interface ExplainedNode {
  readonly operator: string
  /** No row that it is given is older than the watermark by more than this, in microseconds. */
  readonly bound: number
  /** Whether what it puts out is taken back. */
  readonly retracts: boolean
  /** What it keeps, and until when; null where it keeps nothing. */
  readonly keeps: string | null
}

export interface ExplainedInput {
  readonly from: string
  /** The columns that rows are split by among the shards; null where each sender has one that it sends to, or all get everything. */
  readonly keys: readonly string[] | null
  /** Every shard is sent all rows. */
  readonly isBroadcast: boolean
  /** The bound B of the edge, in microseconds. */
  readonly bound: number
}

export interface ExplainedStage {
  readonly stage: string
  readonly shards: number
  readonly inputs: readonly ExplainedInput[]
  readonly nodes: readonly ExplainedNode[]
}

/** Stages in order, but for that of the dead letters. */
export function explain(plan: Plan): ExplainedStage[] {
  return plan.stages
    .filter(({ nodes }) => nodes.length > 0)
    .map((stage) => ({
      stage: stage.name,
      shards: shardsIn(stage, plan.layout),
      inputs: inputsOf(plan, stage),
      nodes: stage.nodes.filter(({ node }) => node.kind !== 'key-by').map(explainNode),
    }))
}

function inputsOf(plan: Plan, stage: PlannedStage): ExplainedInput[] {
  const edgeOf = (input: InputRef) => ('edge' in input ? plan.edges.find(({ id }) => id === input.edge)! : null)
  return stage.nodes.flatMap(({ inputs, inputFacts }) =>
    inputs.flatMap((input, port): ExplainedInput[] => {
      const edge = edgeOf(input)
      if (edge === null) return []
      const { keys, isBroadcast } = edge
      return [{ from: plan.stages[edge.from.stage]!.name, keys, isBroadcast, bound: inputFacts[port]!.bound }]
    }),
  )
}

/** From these no rows come. */
const STAYS: ReadonlySet<Node['kind']> = new Set(['index', 'aggregate-index', 'sink'])

function explainNode({ node, facts, inputFacts }: PlannedNode): ExplainedNode {
  const bound = Math.max(0, ...inputFacts.map((input) => input.bound))
  return {
    operator: operatorText(node),
    bound: node.kind === 'source' ? facts.bound : bound,
    retracts: facts.retracts && !STAYS.has(node.kind),
    keeps: keepsText(node, bound),
  }
}

const keysText = (keys: readonly string[]): string => keys.join(', ')

function operatorText(node: Node): string {
  switch (node.kind) {
    case 'source': {
      const { disorder, lateness } = node.options
      return `source ${node.name} (disorder ${durationText(disorder)}, lateness ${durationText(lateness)})`
    }
    case 'window':
      return `window ${windowText(node)} by ${keysText(node.keys)}, ${node.emit}`
    case 'fold':
      return `${node.fold.kind === 'ranking' ? node.fold.ranking.ties : 'aggregate'} by ${keysText(node.keys)}, ${node.emit}`
    case 'dedup':
      return `dedup by ${keysText(node.keys)}${dedupText(node)}, ${node.emit}`
    case 'as-of-join':
    case 'table-join':
    case 'interval-join':
      return `${node.kind}, ${node.how}, by ${keysText(node.leftKeys)}`
    case 'index':
    case 'aggregate-index':
      return `index ${node.name} by ${keysText(node.keys)}`
    case 'actor':
    case 'sink':
      return `${node.kind} ${node.name}`
    case 'assign':
      return `assign ${node.name}`
    case 'project':
      return `select ${Object.keys(node.sources).join(', ')}`
    case 'fill-null':
      return `fill-null ${Object.keys(node.values).join(', ')}`
    case 'drop-null':
    case 'explode':
      return `${node.kind} ${node.names.join(', ')}`
    default:
      return node.kind
  }
}

function dedupText({ span, gap }: Node & { kind: 'dedup' }): string {
  if (gap !== null) return ` within sessions of ${durationText(gap)}`
  return span > 0 ? ` within ${durationText(span)}` : ''
}

function windowText({ window }: Node & { kind: 'window' }): string {
  if (isSession(window)) return `session ${durationText(window.gap)}`
  const { size, hop } = window
  return size === hop ? `tumbling ${durationText(size)}` : `hopping ${durationText(size)} every ${durationText(hop)}`
}

/** Time W is the watermark. */
const until = (what: string, span: number): string =>
  !Number.isFinite(span)
    ? 'for ever'
    : span === 0
      ? `until W has passed ${what}`
      : `until W is ${durationText(span)} past ${what}`

function keepsText(node: Node, bound: number): string | null {
  switch (node.kind) {
    case 'window': {
      if (isSession(node.window)) return `open sessions, ${until('their last row', node.window.gap + bound)}`
      return `groups of windows, ${until('their end', node.window.lookback + bound)}`
    }
    case 'fold': {
      const waits = node.emit === 'final' ? 'rows that W has not passed; ' : ''
      return `${waits}rows, ${until('their time', bound)}, since one that comes late changes what follows; what they come to of each key, for ever`
    }
    case 'dedup':
      if (node.gap !== null) return `open sessions, ${until('their last row', node.gap + bound)}`
      return `the rows of a span that are alike, ${until('its end', node.span + bound)}`
    case 'changelog':
      return `what began and ended at each time, ${until('it', bound)}`
    case 'over-rows':
      return `rows, ${until('their time', bound)}, and as many before these as the aggregates reach`
    case 'as-of-join':
      return `left rows, ${until('their time', node.newer + bound)}; right versions from the one that W less ${durationText(bound)} finds`
    case 'table-join':
      return `rows of both sides, ${until('their time', bound)}; what holds, for ever`
    case 'interval-join': {
      const reach = 'size' in node.span ? node.span.size : node.span.older + node.span.newer
      return `rows of both sides, ${until('their time', reach + bound)}, since one of the other side may be near them`
    }
    case 'settle':
      return `rows, ${until('their time', node.delay)}`
    case 'index':
      return `versions of each key, ${until('the one after', Math.max(node.history, bound))}`
    case 'aggregate-index':
      return `rows and tiles of each key, ${until('the end of the longest span that they are in', Math.max(node.history, bound))}`
    case 'actor':
      return `rows, ${until('their time', bound)}; its state and timers, until it drops them`
    case 'source':
      return 'positions and watermarks of its splits, in its markers'
    default:
      return null
  }
}
