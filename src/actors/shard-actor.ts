/** A shard as an actor: its program, mailboxes and store put together, and its life from recovery to the end. */
import { createActor } from 'xstate'
import type { Activity } from '../base/activity.ts'
import { corruptionError, isDamagedStore } from '../base/errors.ts'
import type { Seam } from '../base/seam.ts'
import type { Board } from '../mailbox/board.ts'
import { Inbox } from '../mailbox/inbox.ts'
import type { MailboxLog } from '../mailbox/log.ts'
import { Outbox } from '../mailbox/outbox.ts'
import { SourceTimes } from '../mailbox/source-times.ts'
import { EpochDriver } from '../recovery/epoch-driver.ts'
import type { Skips } from '../recovery/fill-epoch.ts'
import { DrainedWhileWaiting } from '../recovery/inherit.ts'
import { Journal } from '../recovery/journal.ts'
import type { CodeVersion } from '../recovery/marker.ts'
import type { Program } from '../recovery/program.ts'
import { recover } from '../recovery/recover.ts'
import { RecoveryAttempts } from '../recovery/recovery-attempts.ts'
import type { ShardContext } from '../recovery/shard-context.ts'
import type { Predecessor } from '../recovery/shard-layout.ts'
import { ChangingLimits, type ShardLimits } from '../recovery/shard-limits.ts'
import { observe, type ShardObservation } from '../recovery/shard-observation.ts'
import type { ShardSnapshots } from '../recovery/shard-snapshots.ts'
import type { ShardStore } from '../recovery/shard-store.ts'
import { runTrial, type Trial, type Tried } from '../recovery/trial.ts'
import type { Environment } from '../storage/environment.ts'
import type { KeyedTable } from '../storage/table.ts'
import type { Plan, PlannedShard, PlannedStage } from '../topology/plan.ts'
import { sourceNodeOf } from '../topology/source-node-of.ts'
import { attemptsFile } from './job.ts'
import { makeOperator } from './make-operator.ts'
import { makeSink } from './make-sink.ts'
import { PlannedLayout } from './planned-layout.ts'
import { type RetriesStatus, RetryQueue } from './retry-queue.ts'
import { shardMachine } from './shard.machine.ts'
import { SourceProgram } from './source-program.ts'
import { StageProgram } from './stage-program.ts'

/** What a shard gets from the worker (or inline host) that it lives in. */
export interface ShardServices {
  readonly seam: Seam
  readonly board: Board
  readonly log: MailboxLog
  readonly limits: ShardLimits
  readonly version: CodeVersion
  /** Directory of the sinks' relative paths, and the data directory. */
  readonly out: string
  readonly directory: string
  readonly openStore: (shard: PlannedShard, tables: readonly string[]) => Environment
  readonly discardStore: (shard: PlannedShard) => void
  /** Null where snapshots are off. */
  readonly snapshots: ((shard: PlannedShard, tables: readonly string[]) => ShardSnapshots) | null
  readonly snapshotIntervalMs: number
  readonly activity: Activity
  /** A shard has come to another state. */
  readonly onChange: () => void
}

export interface ShardStatus extends ShardObservation {
  readonly shard: string
  readonly state: string
  readonly replayed: number
  readonly rebuilt: string | null
  /** Of a source: how far through it is, 0 to 1. */
  readonly progress: number | null
  /** Of a source: rows taken and turned away since the job began, interruptions or not. */
  readonly read: { readonly rows: number; readonly rejected: number } | null
  readonly recoveryMs: number
  readonly retries: RetriesStatus
  /** Number of the shard's life; 0 until it has one. */
  readonly incarnation: number
}

const outputRetention = ({ outputs }: PlannedStage): number | null =>
  outputs.length === 0 ? null : Math.max(...outputs.map(({ retention }) => retention ?? Number.POSITIVE_INFINITY))

export class ShardActor {
  readonly shard: PlannedShard
  #plan: Plan
  readonly #services: ShardServices
  readonly #limits: ChangingLimits
  readonly #machine = createActor(shardMachine)
  readonly #program: Program
  readonly #context: ShardContext
  readonly #layout: PlannedLayout
  #driver: EpochDriver | null = null
  #drain = false
  #isSnapshotAsked = false
  /** A trial is in the middle of its epoch. */
  #isTrying = false
  #recovered = { epoch: 0, incarnation: 0, replayed: 0, rebuilt: null as string | null, ms: 0 }
  #store: ShardStore | null = null
  /** What this life leaves out. */
  readonly skips: Skips | null
  readonly #retries: RetryQueue

  /** @param skips what this life is to leave out */
  constructor(plan: Plan, shard: PlannedShard, services: ShardServices, skips: Skips | null = null) {
    this.#plan = plan
    this.skips = skips
    this.shard = shard
    this.#services = services
    this.#limits = new ChangingLimits(services.limits)
    if (skips !== null && skips.fewRows !== null) this.#limits.takeFew(skips.fewRows)
    this.#machine.subscribe(() => services.onChange())
    this.#machine.start()
    const journal = new Journal()
    this.#program = this.#makeProgram(plan.stages[shard.stage]!, journal)
    this.#layout = new PlannedLayout(plan, shard, (one) => this.#predecessor(one))
    this.#retries = new RetryQueue(services.seam.files, services.directory, shard.id)
    this.#retries.look(plan)
    this.#context = this.#makeContext(journal)
  }

  /** The whole life: resolves when the shard has finished or drained, rejects with what ended it. */
  async run(): Promise<'finished' | 'drained'> {
    const { end, epoch } = await this.#live()
    // Its store is closed: whoever takes over may open it.
    if (end === 'finished') {
      const { board } = this.#services
      board.setSourceTime(this.shard.cell, Number.POSITIVE_INFINITY)
      board.setEnded(this.shard.cell, epoch)
    }
    return end
  }

  async #live(): Promise<{ end: 'finished' | 'drained'; epoch: number }> {
    const { clock } = this.#services.seam
    const start = clock.monotonic()
    try {
      const recovered = await recover(this.#context)
      const { epoch, replayed, rebuilt, writer } = recovered
      const { incarnation } = writer
      this.#recovered = { epoch, incarnation, replayed, rebuilt, ms: clock.monotonic() - start }
      this.#driver = new EpochDriver(this.#context, recovered)
      if (this.#drain) this.#driver.drain()
      if (this.#isSnapshotAsked) this.#driver.snapshot()
      this.#machine.send({ type: 'RECOVERED' })
      const end = await this.#driver.run()
      this.#machine.send(end === 'finished' ? { type: 'FINISHED' } : { type: 'DRAINED' })
      return { end, epoch: recovered.isLost ? -1 : this.#driver.observation.epoch }
    } catch (error) {
      if (error instanceof DrainedWhileWaiting) {
        this.#machine.send({ type: 'DRAINED' })
        return { end: 'drained', epoch: 0 }
      }
      const { message } = error as Error
      if (isDamagedStore(error)) this.#context.attempts.condemn(message)
      this.#machine.send({ type: 'FAILED', reason: message })
      throw isDamagedStore(error) ? corruptionError('store', `${this.shard.id}: ${message}`, error) : error
    } finally {
      await (this.#driver?.close() ?? this.#store?.close())
    }
  }

  /** A life for a trial: see `recovery/trial.ts`. */
  async try(trial: Trial): Promise<Tried> {
    // So the next trial has nothing to replay, and what it dies of is its own.
    this.#limits.storeEach()
    const recovered = await recover(this.#context)
    const tried = await runTrial(this.#context, recovered, trial, () => {
      this.#isTrying = true
    })
    this.#context.inbox.close()
    await recovered.writer.close()
    await recovered.store?.close()
    await this.#program.close?.()
    return tried
  }

  /** True until what was replayed is stored, hence will not be replayed again. */
  get isReplaying(): boolean {
    if (this.#isTrying) return false
    return this.#driver === null || this.#driver.observation.storedEpoch < this.#recovered.epoch
  }

  /** Goes over to a plan with more shards, at its next epoch. */
  learn(plan: Plan): void {
    this.#plan = plan
    this.#layout.learn(plan)
    this.#context.inbox.learn(this.#layout.incoming(), this.#layout.until, this.#layout.current)
    this.#retries.look(plan)
  }

  /** Dead letters were ordered to be taken once more. */
  retry(): void {
    this.#retries.look(this.#plan)
  }

  drain(): void {
    this.#drain = true
    this.#machine.send({ type: 'DRAIN' })
    this.#driver?.drain()
  }

  /** Asks for a snapshot of the shard's store. */
  snapshot(): void {
    if (this.#driver === null) this.#isSnapshotAsked = true
    else this.#driver.snapshot()
  }

  status(): ShardStatus {
    const observation = this.#driver?.observation ?? observe()
    const program = this.#program
    return {
      ...observation,
      shard: this.shard.id,
      state: String(this.#machine.getSnapshot().value),
      replayed: this.#recovered.replayed,
      rebuilt: this.#recovered.rebuilt,
      recoveryMs: this.#recovered.ms,
      incarnation: this.#recovered.incarnation,
      retries: this.#retries.status(this.#context.inbox.retried),
      progress: program instanceof SourceProgram ? program.progress() : null,
      read: program instanceof SourceProgram ? program.counts() : null,
    }
  }

  #makeContext(journal: Journal): ShardContext {
    const { seam, log, directory, openStore, discardStore, snapshots } = this.#services
    const stage = this.#plan.stages[this.shard.stage]!
    const inbox = new Inbox(log, this.#layout.incoming(), this.shard.index)
    inbox.learn(this.#layout.incoming(), this.#layout.until, this.#layout.current)
    const outbox = new Outbox(this.#layout.routes(this.#layout.current))
    this.#program.output = ({ edge, batch }) => outbox.add(edge, batch)
    return {
      ...this.#services,
      limits: this.#limits,
      shard: this.shard.id,
      cell: this.shard.cell,
      layout: this.#layout,
      edges: this.#plan.edges.filter((edge) => edge.from.stage === stage.index).map((edge) => edge.id),
      program: this.#program,
      inbox,
      outbox,
      journal,
      skips: this.skips,
      retries: this.#retries,
      attempts: new RecoveryAttempts(seam.files, attemptsFile(directory, this.shard.id)),
      openStore: () => openStore(this.shard, this.#program.tables),
      discardStore: () => discardStore(this.shard),
      snapshots: this.#program.tables.length > 0 ? (snapshots?.(this.shard, this.#program.tables) ?? null) : null,
      outputRetention: outputRetention(stage),
      bindStore: (store) => {
        this.#store = store
      },
      isDraining: () => this.#drain,
    }
  }

  #predecessor(shard: PlannedShard): Predecessor {
    const { openStore, seam, directory } = this.#services
    return {
      id: shard.id,
      cell: shard.cell,
      openStore: () => openStore(shard, this.#program.tables),
      condemnStore: (reason) => new RecoveryAttempts(seam.files, attemptsFile(directory, shard.id)).condemn(reason),
    }
  }

  #table = (name: string): KeyedTable => this.#store!.table(name)

  #makeProgram(stage: PlannedStage, journal: Journal): Program {
    const { seam, out, directory } = this.#services
    const limits = this.#limits
    if (stage.kind === 'sink')
      return makeSink(stage, { seam, out, directory, table: this.#table, pieceBytesMax: limits.batchBytesMax })
    const program = new StageProgram(this.#plan, stage, {
      shard: this.shard,
      activity: this.#services.activity,
      table: this.#table,
      journal: (ask) => journal.ask(ask),
      limits,
      make: (planned, context) => makeOperator(planned, context, seam),
    })
    if (stage.kind === 'operators') return program
    const node = sourceNodeOf(stage)
    const numbers = Array.from({ length: node.connector.splits }, (_, i) => i).filter(
      (i) => i % stage.generations[this.shard.generation]!.shards === this.shard.index,
    )
    const isSource = (shard: PlannedShard) => this.#plan.stages[shard.stage]!.kind === 'source'
    const times = new SourceTimes(this.#services.board, this.shard.cell, () =>
      this.#plan.shards.filter(isSource).map(({ cell }) => cell),
    )
    const context = { seam, schema: stage.nodes[0]!.schema }
    const leftOut = this.skips?.leftOut
    const skips = leftOut?.kind === 'rows' ? leftOut : null
    return new SourceProgram(program, stage.nodes[0]!, context, numbers, times, skips)
  }
}
