/**
 * Runs the fused operators of one stage: batches go from node to node by direct calls, and out through the edges; time
 * is moved through the nodes in order, each waiting for those before it.
 */

import type { Activity } from '../base/activity.ts'
import type { Budget } from '../base/budget.ts'
import { combineHash } from '../base/hash.ts'
import { packr } from '../base/packr.ts'
import type { Timestamp } from '../base/time.ts'
import type { InboxBatch } from '../mailbox/inbox.ts'
import type { Operator, OperatorContext, OperatorLimits } from '../operators/operator.ts'
import { copyShared } from '../operators/take-over.ts'
import { withOperator } from '../operators/user-code.ts'
import type { Batch } from '../records/batch.ts'
import type { OwnsHash, PredecessorTables, Program, ProgramOutput } from '../recovery/program.ts'
import type { Retry } from '../recovery/retries.ts'
import type { KeyedTable } from '../storage/table.ts'
import { mayTurnAway } from '../topology/place.ts'
import {
  deadLettersOf,
  type Plan,
  type PlannedEdge,
  type PlannedNode,
  type PlannedShard,
  type PlannedStage,
} from '../topology/plan.ts'
import { tableName, tablesOf, takeOver } from './make-operator.ts'
import { type Letter, Refusals } from './refusals.ts'
import { readRetried } from './retried-row.ts'
import { operatorOf, StageGuard } from './stage-guard.ts'

const STAGE_TABLE = 'stage'
const WATERMARKS = Buffer.from('watermarks')

interface RunningNode {
  readonly planned: PlannedNode
  readonly operator: Operator
  /** What the node has passed on: every row before this time. */
  watermark: Timestamp
}

export interface StageServices {
  /** Which of the stage's shards this is, and its cell. */
  readonly shard: Pick<PlannedShard, 'index' | 'cell'>
  readonly activity: Activity
  readonly table: (name: string) => KeyedTable
  readonly journal: OperatorContext['journal']
  readonly limits: OperatorLimits
  readonly make: (planned: PlannedNode, context: OperatorContext) => Operator
}

export class StageProgram implements Program {
  readonly tables: readonly string[]
  output: (output: ProgramOutput) => void = () => {}
  readonly #stage: PlannedStage
  readonly #services: StageServices
  readonly #inEdges: readonly PlannedEdge[]
  readonly #outEdges: readonly PlannedEdge[]
  readonly #deadLetters: PlannedEdge
  readonly #refusals: Refusals
  readonly #mayRefuse: boolean
  #retried: Retry | null = null
  #nodes: RunningNode[] = []
  readonly #byNode = new Map<number, RunningNode>()

  constructor(plan: Plan, stage: PlannedStage, services: StageServices) {
    this.#stage = stage
    this.#services = services
    this.#inEdges = plan.edges.filter((edge) => edge.to?.stage === stage.index)
    this.#outEdges = plan.edges.filter((edge) => edge.from.stage === stage.index)
    this.#deadLetters = deadLettersOf(plan, stage)!
    this.#refusals = new Refusals(stage.name)
    this.#mayRefuse = plan.topology.onError === 'dead-letter'
    const tables = stage.nodes.flatMap(tablesOf)
    this.tables = tables.length > 0 ? [...tables, STAGE_TABLE] : []
  }

  async inherit(from: readonly PredecessorTables[], owns: OwnsHash, room: () => Promise<void>): Promise<void> {
    for (const planned of this.#stage.nodes) {
      const of = (tables: PredecessorTables) => (name: string) => tables(tableName(planned.node, name))
      const blocks = takeOver(planned, {
        from: from.map(of),
        to: of(this.#services.table),
        owns,
        limits: this.#services.limits,
      })
      for (const _ of blocks) await room()
    }
    copyShared({ from, to: this.#services.table }, STAGE_TABLE)
  }

  open(_state: unknown, watermarks: readonly Timestamp[]): void {
    this.#nodes = this.#stage.nodes.map((planned) => ({
      planned,
      operator: this.#services.make(planned, this.#contextOf(planned)),
      watermark: Number.NEGATIVE_INFINITY,
    }))
    for (const running of this.#nodes) this.#byNode.set(running.planned.node.id, running)
    const stored = this.tables.length > 0 ? this.#services.table(STAGE_TABLE).get(WATERMARKS) : undefined
    const passed = stored === undefined ? null : (packr.unpack(stored) as number[])
    this.#nodes.forEach((running, n) => {
      const inputs = this.#inputWatermarks(running, watermarks)
      running.watermark = passed?.[n] ?? (this.tables.length === 0 ? Math.min(...inputs) : Number.NEGATIVE_INFINITY)
      if (passed !== null) running.operator.open?.(inputs)
    })
  }

  onBatch({ edge, batch }: InboxBatch): void {
    const { to } = this.#inEdges.find((one) => one.id === edge)!
    this.inject(to!.node, batch, to!.port)
  }

  retry(retry: Retry): void {
    const { planned, watermark } = this.#byNode.get(retry.node!)!
    const { split, offset, row, diff } = retry
    const batch = readRetried(planned.inputSchemas[0]!, retry)
    const at = Number.isFinite(watermark) ? watermark : 0
    const operator = operatorOf(planned)
    const { epoch } = this.#services.activity.place
    const place =
      this.#stage.kind === 'source' ? { split, offset, epoch: null, call: null } : { split, offset, epoch, call: null }
    const again = { ...place, at, operator, stack: null, row, diff, node: planned.node.id }
    if (typeof batch === 'string') return this.refuse({ ...again, kind: 'bad', reason: batch })
    const behind = watermark - batch.times[0]!
    if (planned.facts.needsTime && behind > planned.inputFacts[0]!.bound)
      return this.refuse({ ...again, kind: 'late', reason: `${behind} us behind the watermark of ${operator}` })
    this.#retried = retry
    this.inject(planned.node.id, batch, 0)
    this.#retried = null
  }

  /** Gives a batch to one node. */
  inject(node: number, batch: Batch, port: number): void {
    const running = this.#byNode.get(node)!
    this.#within(running, () => running.operator.onBatch(batch, port))
  }

  advance(watermarks: readonly Timestamp[], budget: Budget): boolean {
    let isDone = true
    for (const running of this.#nodes) {
      const inputs = this.#inputWatermarks(running, watermarks)
      const { operator } = running
      const done = operator.advance === undefined || this.#within(running, () => operator.advance!(inputs, budget))
      if (done) running.watermark = Math.min(...inputs)
      else isDone = false
    }
    this.#emitRefused()
    return isDone
  }

  /** An operator has the thread. */
  #within<T>({ planned }: RunningNode, run: () => T): T {
    const { activity, shard } = this.#services
    const before = activity.enter(shard.cell, planned.node.id)
    try {
      return withOperator(`${planned.node.kind} in stage '${this.#stage.name}'`, run)
    } finally {
      activity.leave(before)
    }
  }

  /** Whether one of its operators may turn rows away. */
  get mayTurnAway(): boolean {
    return this.#stage.nodes.some(({ node }) => mayTurnAway(node))
  }

  /** Turns a row away. */
  refuse(letter: Letter): void {
    this.#refusals.add(letter)
  }

  #emitRefused(): void {
    const batch = this.#refusals.take()
    if (batch !== null) this.output({ edge: this.#deadLetters.id, batch })
  }

  watermarkOf(edge: number): Timestamp {
    if (edge === this.#deadLetters.id) return Math.min(...this.#nodes.map(({ watermark }) => watermark))
    const { from } = this.#outEdges.find((one) => one.id === edge)!
    return this.#byNode.get(from.node)!.watermark
  }

  flush(): void {
    for (const { operator } of this.#nodes) operator.flush?.()
    this.#services.table(STAGE_TABLE).put(WATERMARKS, packr.pack(this.#nodes.map((running) => running.watermark)))
  }

  digest(): number {
    return this.#nodes.reduce((hash, { operator }) => combineHash(hash, operator.digest?.() ?? 0), 0)
  }

  isBehind(): boolean {
    return this.#nodes.some(({ operator }) => operator.isBehind?.() === true)
  }

  memoryBytes(): number {
    return this.#nodes.reduce((sum, { operator }) => sum + (operator.memoryBytes?.() ?? 0), 0)
  }

  #inputWatermarks({ planned }: RunningNode, edges: readonly Timestamp[]): Timestamp[] {
    // A source's node has no input: its time is what the caller says.
    if (planned.inputs.length === 0) return [edges[0]!]
    return planned.inputs.map((input) =>
      'node' in input
        ? this.#byNode.get(input.node)!.watermark
        : edges[this.#inEdges.findIndex((edge) => edge.id === input.edge)]!,
    )
  }

  #contextOf(planned: PlannedNode): OperatorContext {
    const { id } = planned.node
    const local = this.#stage.nodes.flatMap((user) =>
      user.inputs.flatMap((input, port) =>
        'node' in input && input.node === id ? [{ user: user.node.id, port }] : [],
      ),
    )
    const edges = this.#outEdges.filter((edge) => edge.from.node === id && edge.from.stage === this.#stage.index)
    const columns = edges.map((edge) => edge.schema.names.map((name) => planned.schema.names.indexOf(name)))
    const emit = (batch: Batch): void => {
      edges.forEach((edge, e) => {
        if (columns[e]!.includes(-1)) return
        const projected = batch.with(
          edge.schema,
          columns[e]!.map((c) => batch.columns[c]!),
          planned.facts.needsOrigins ? batch.origins : null,
        )
        this.output({ edge: edge.id, batch: projected })
      })
      for (const { user, port } of local) this.inject(user, batch, port)
    }
    return {
      emit,
      journal: this.#services.journal,
      table: (name) => {
        const table = this.#services.table(tableName(planned.node, name))
        // Held rows may be many, on a slow disk: who looks through them does not hang.
        return name === 'held' ? stepping(table, this.#services.activity) : table
      },
      guard: new StageGuard({
        stage: this.#stage,
        shard: this.#services.shard,
        planned,
        activity: this.#services.activity,
        mayRefuse: this.#mayRefuse,
        refuse: (letter) => this.refuse(letter),
        retried: () => this.#retried,
      }),
      limits: this.#services.limits,
    }
  }
}

/** Each entry that is read is a step of the thread that reads it. */
const stepping = (table: KeyedTable, activity: Activity): KeyedTable => ({
  ...table,
  *range(options) {
    for (const entry of table.range(options)) {
      activity.step()
      yield entry
    }
  },
})
