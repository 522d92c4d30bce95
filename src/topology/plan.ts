/**
 * The plan: which stages there are, which nodes each runs, and which edges lead between them. A stage is the longest
 * chain between repartitions; an edge (a mailbox) exists only where rows change shard. Supervisor and workers make the
 * same plan from the same module, so it never travels.
 */
import { shardId } from '../base/ids.ts'
import type { Schema } from '../records/schema.ts'
import { analyse, type NodeFacts, neededOf } from './analysis.ts'
import { DEAD_LETTER_SCHEMA, DEAD_LETTERS } from './dead-letters.ts'
import type { Rescale } from './generations.ts'
import { type AnyJoinNode, isJoin, type Node, type SinkNode } from './graph.ts'
import { keysAfter, outputSchema, restrict } from './plan-schemas.ts'
import type { Generation, InputRef, Plan, PlannedEdge, PlannedShard, PlannedStage } from './planned.ts'
import type { Topology } from './topology.ts'

export type * from './planned.ts'

/**
 * @param parallelism shards of each keyed stage, and the most of a source
 * @param rescales changes of these numbers since the job began, in order
 */
export function plan(topology: Topology, parallelism: number, rescales: readonly Rescale[] = []): Plan {
  return new Planner(topology, parallelism).plan(rescales)
}

/** Dead letters are a stage's own, not a node's. */
const NO_NODE = -1
/** The edge by which a stage turns rows away; null for a sink. */
export const deadLettersOf = (plan: Plan, stage: PlannedStage): PlannedEdge | null =>
  plan.edges.find((edge) => edge.from.stage === stage.index && edge.from.node === NO_NODE) ?? null

type GrowingStage = PlannedStage & { readonly generations: Generation[] }

/** One side of a join: rows of the same shard, or such as come from others. */
interface JoinInput {
  readonly ref: InputRef
  readonly schema: Schema
}

interface Placed {
  readonly stage: number
  readonly schema: Schema
  /** Columns that the shards of the stage are split by, as far as they are still there under these names. */
  readonly keys: readonly string[] | null
}

class Planner {
  readonly #topology: Topology
  readonly #parallelism: number
  readonly #facts: readonly NodeFacts[]
  readonly #stages: GrowingStage[] = []
  readonly #edges: PlannedEdge[] = []
  readonly #placed: Placed[] = []

  constructor(topology: Topology, parallelism: number) {
    this.#topology = topology
    this.#parallelism = parallelism
    this.#facts = analyse(topology.nodes)
  }

  plan(rescales: readonly Rescale[]): Plan {
    for (const node of this.#topology.nodes) this.#placed.push(this.#place(node))
    this.#placeDeadLetters()
    const shards: PlannedShard[] = []
    const add = ({ name, index: stage, generations }: PlannedStage) => {
      const generation = generations.length - 1
      for (let index = 0; index < generations[generation]!.shards; index++) {
        shards.push({ id: shardId(name, index, generation), cell: shards.length, stage, index, generation })
      }
    }
    this.#stages.forEach(add)
    rescales.forEach(({ stage: name, shards: count }, r) => {
      const stage = this.#stages.find((one) => one.name === name)!
      stage.generations.push({ layout: r + 1, shards: count })
      add(stage)
    })
    return { topology: this.#topology, stages: this.#stages, edges: this.#edges, shards, layout: rescales.length }
  }

  #place(node: Node): Placed {
    switch (node.kind) {
      case 'source': {
        const stage = this.#stage(node.name, 'source', Math.min(node.connector.splits, this.#parallelism))
        const schema = restrict(node.schema, this.#facts[node.id]!.needed)
        return this.#add(stage, node, [], [], schema, null)
      }
      case 'key-by':
        return this.#placeKeyBy(node)
      case 'union':
        return this.#placeUnion(node)
      case 'as-of-join':
      case 'table-join':
      case 'interval-join':
        return this.#placeJoin(node)
      case 'sink':
        return this.#placeSink(node)
      default: {
        const input = this.#placed[node.inputs[0].id]!
        const schema = outputSchema(node, input.schema, this.#facts[node.id]!)
        return this.#add(
          input.stage,
          node,
          [{ node: node.inputs[0].id }],
          [input.schema],
          schema,
          keysAfter(node, input.keys),
        )
      }
    }
  }

  #placeKeyBy(node: Node & { kind: 'key-by' }): Placed {
    const input = this.#placed[node.inputs[0].id]!
    // The table of a join goes to the join's own shards: it needs none of its own.
    if (!this.#topology.nodes.some((user) => user.inputs.includes(node as never) && !isTableOf(node, user)))
      return input
    if (input.keys?.every((key) => node.keys.includes(key))) {
      return this.#add(input.stage, node, [{ node: node.inputs[0].id }], [input.schema], input.schema, input.keys)
    }
    const stage = this.#stage(`by-${node.keys.join('-')}`, 'operators', this.#parallelism)
    const edge = this.#edge(node.inputs[0], stage, node, 0, node.keys)
    return this.#add(stage, node, [{ edge: edge.id }], [edge.schema], edge.schema, node.keys)
  }

  #placeUnion(node: Node & { kind: 'union' }): Placed {
    const inputs = node.inputs.map((input) => this.#placed[input.id]!)
    const stage = this.#stage('union', 'operators', this.#parallelism)
    const schema = restrict(node.schema, this.#facts[node.id]!.needed)
    const edges = node.inputs.map((input, port) => this.#edge(input, stage, node, port, null))
    return this.#add(
      stage,
      node,
      edges.map((edge) => ({ edge: edge.id })),
      inputs.map(() => schema),
      schema,
      null,
    )
  }

  #placeJoin(node: AnyJoinNode): Placed {
    const [leftNode, rightNode] = node.inputs
    const left = this.#placed[leftNode.id]!
    // The table's rows follow the stream's: they are routed by the columns that pair up with the stage's own.
    // Where rows are looked up by others, every shard holds the whole table.
    const pairsUp = left.keys!.every((key) => node.leftKeys.includes(key))
    const keys = pairsUp ? left.keys!.map((key) => node.rightKeys[node.leftKeys.indexOf(key)]!) : null
    const tableInput = rightNode.kind === 'key-by' ? rightNode.inputs[0] : rightNode
    const table = this.#placed[tableInput.id]!
    const add = (stage: number, stream: JoinInput, other: JoinInput) =>
      this.#add(
        stage,
        node,
        [stream.ref, other.ref],
        [stream.schema, other.schema],
        outputSchema(node, stream.schema, this.#facts[node.id]!),
        left.keys,
      )
    const leftHere = { ref: { node: leftNode.id }, schema: left.schema }
    if (table.stage === left.stage && keys !== null && table.keys?.join() === keys.join())
      return add(left.stage, leftHere, { ref: { node: tableInput.id }, schema: table.schema })
    const crossing = (from: Node, to: PlannedStage, port: number, by: readonly string[] | null): JoinInput => {
      const { id, schema } = this.#edge(from, to, node, port, by, by === null)
      return { ref: { edge: id }, schema }
    }
    const leftStage = this.#stages[left.stage]!
    if (!this.#leadsTo(left.stage, table.stage))
      return add(left.stage, leftHere, crossing(tableInput, leftStage, 1, keys))
    // Stages in a circle would wake each other for ever: what follows from both has a stage of its own.
    const stage = this.#stage(leftStage.name.replace(/~\d+$/, ''), 'operators', this.#parallelism)
    return add(stage.index, crossing(leftNode, stage, 0, left.keys!), crossing(tableInput, stage, 1, keys))
  }

  /** Whether rows of one stage come to another, or are there. */
  #leadsTo(from: number, to: number): boolean {
    if (from === to) return true
    return this.#edges.some((edge) => edge.from.stage === from && edge.to !== null && this.#leadsTo(edge.to.stage, to))
  }

  #placeSink(node: SinkNode): Placed {
    const input = this.#placed[node.inputs[0].id]!
    if (node.connector === null) {
      this.#edge(node.inputs[0], null, node, 0, null)
      this.#stages[input.stage]!.outputs.push(node)
      return { stage: input.stage, schema: node.schema, keys: null }
    }
    const stage = this.#stage(node.name, 'sink', 1)
    const edge = this.#edge(node.inputs[0], stage, node, 0, null)
    return this.#add(stage, node, [{ edge: edge.id }], [edge.schema], edge.schema, null)
  }

  /** Every stage also sends what it turns away to one sink of the topology. */
  #placeDeadLetters(): void {
    const senders = this.#stages.filter(({ kind }) => kind !== 'sink')
    const stage = this.#stage(DEAD_LETTERS, 'sink', 1)
    for (const { index } of senders) {
      const from = { stage: index, node: NO_NODE }
      const to = { stage: stage.index, node: NO_NODE, port: 0 }
      this.#edges.push({ id: this.#edges.length, schema: DEAD_LETTER_SCHEMA, from, to, keys: null, isBroadcast: false })
    }
  }

  #stage(wanted: string, kind: PlannedStage['kind'], shards: number): GrowingStage {
    const taken = this.#stages.filter((stage) => stage.name === wanted || stage.name.startsWith(`${wanted}~`)).length
    const name = taken === 0 ? wanted : `${wanted}~${taken + 1}`
    const generations = [{ layout: 0, shards }]
    const stage = { index: this.#stages.length, name, kind, generations, nodes: [], outputs: [] }
    this.#stages.push(stage)
    return stage
  }

  #edge(
    from: Node,
    to: PlannedStage | null,
    node: Node,
    port: number,
    keys: readonly string[] | null,
    isBroadcast = false,
  ): PlannedEdge {
    const placed = this.#placed[from.id]!
    // What rows are split by goes with them, also where nothing else uses it.
    const needed = new Set([...neededOf(node, port, this.#facts[node.id]!.needed), ...(keys ?? [])])
    const target = to && { stage: to.index, node: node.id, port }
    const edge: PlannedEdge = {
      id: this.#edges.length,
      schema: restrict(placed.schema, needed),
      from: { stage: placed.stage, node: from.id },
      to: target,
      keys,
      isBroadcast,
    }
    this.#edges.push(edge)
    return edge
  }

  #add(
    stage: number | PlannedStage,
    node: Node,
    inputs: InputRef[],
    inputSchemas: Schema[],
    schema: Schema,
    keys: readonly string[] | null,
  ): Placed {
    const index = typeof stage === 'number' ? stage : stage.index
    const inputFacts = node.inputs.map((input) => this.#facts[input.id]!)
    const splitBy = node.inputs.length === 0 ? null : (this.#placed[node.inputs[0]!.id]?.keys ?? null)
    const facts = this.#facts[node.id]!
    this.#stages[index]!.nodes.push({ node, inputs, inputSchemas, keys: splitBy, schema, facts, inputFacts })
    return { stage: index, schema, keys }
  }
}

const isTableOf = (node: Node, join: Node): boolean => isJoin(join) && join.inputs[0] !== node
