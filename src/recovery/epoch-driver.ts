/**
 * Drives the epochs of one live shard: fill from the inbox (or the source), process, append output and marker as one
 * record, store the state when its marker is durable. Up to a few appends are in flight while the next epoch fills; if
 * one fails, the shard ends and recovers, nothing is rolled back in place.
 */
import { createActor } from 'xstate'
import { invariant } from '../base/errors.ts'
import type { Board } from '../mailbox/board.ts'
import { AppendsInFlight } from './appends-in-flight.ts'
import { Backlog } from './backlog.ts'
import { epochMachine } from './epoch.machine.ts'
import { type EpochInput, fillEpoch, hasEnded, NO_INPUT } from './fill-epoch.ts'
import { LogTrim } from './log-trim.ts'
import { encodeMarker, hashMarker } from './marker.ts'
import { OutputCut } from './output-cut.ts'
import { type ProcessedEpoch, processEpoch } from './process-epoch.ts'
import type { RecoveredShard } from './recover.ts'
import type { ShardContext } from './shard-context.ts'
import { shapeOf } from './shard-limits.ts'
import { observe, type ShardObservation } from './shard-observation.ts'
import { ShardReports } from './shard-reports.ts'
import { StoreCycle } from './store-cycle.ts'

/**
 * A life begins with nothing in flight while an epoch runs: what died before may die again, and then everything up to the
 * epoch that it dies of is marked.
 */
const CAREFUL_EPOCHS = 20

export class EpochDriver {
  readonly observation: ShardObservation
  readonly #context: ShardContext
  readonly #board: Board
  readonly #shard: RecoveredShard
  readonly #machine
  readonly #backlog: Backlog
  readonly #trim: LogTrim
  /** Null where the whole state is in the markers. */
  readonly #stores: StoreCycle | null
  #markerHash: number
  #isCaughtUp: boolean
  /** The log ends: since the input has, or since the shard has handed over. */
  #isLast: boolean
  #isRetired: boolean
  readonly #cut: OutputCut
  readonly #reports: ShardReports
  readonly #inFlight = new AppendsInFlight()
  #failure: unknown
  #draining = false
  #wake: () => void = () => {}

  constructor(context: ShardContext, shard: RecoveredShard) {
    this.#context = context
    this.#board = context.board
    this.#shard = shard
    this.#backlog = new Backlog(context.board, context.cell, context.layout)
    this.#markerHash = shard.markerHash
    this.#isCaughtUp = shard.last?.isCaughtUp ?? true
    this.#isLast = shard.last?.isLast ?? false
    this.#isRetired = shard.last?.isRetired ?? false
    this.#cut = new OutputCut(context, shard.last?.layout ?? null)
    this.#reports = new ShardReports(context)
    this.#trim = new LogTrim(context)
    const stored = shard.store?.stored?.epoch ?? shard.epoch
    this.#stores = this.#makeStores(stored < shard.epoch)
    this.#machine = createActor(epochMachine, { input: { processed: shard.epoch, marked: shard.epoch, stored } })
    this.#machine.start()
    this.observation = observe({
      epoch: shard.epoch,
      storedEpoch: stored,
      watermark: Math.min(...context.inbox.watermarks()),
      snapshots: this.#stores?.snapshots ?? null,
    })
  }

  #makeStores(isDirty: boolean): StoreCycle | null {
    const { store } = this.#shard
    if (store === null) return null
    return new StoreCycle(this.#context, store, isDirty, {
      onStored: (epoch, positions) => {
        this.#move('STORED', epoch)
        this.observation.storedEpoch = epoch
        this.observation.stores++
        this.#reports.consumed(positions)
        this.#wake()
      },
      onRetained: (epoch, positions) => this.#reports.retained(epoch, positions),
      onFailed: (error) => this.#fail(error),
    })
  }

  /** Runs until the log has ended (with the input, or handed over) or a drain was asked for; everything is stored then. */
  async run(): Promise<'finished' | 'drained'> {
    const { board, cell, program } = this.#context
    board.announce(cell, this.#shard.epoch)
    this.#reports.consumed(this.#shard.store?.stored?.inbox.positions ?? this.#context.inbox.state().positions)
    // Where each epoch is to be stored, what was replayed is too: it is not to be done again by every life.
    if (this.#context.limits.storeIntervalMs === 0 && this.#storeIfDue(true)) await this.#stores?.settled()
    while (!this.#isLast && !this.#draining) {
      this.#throwFailure()
      const moment = board.moment
      this.#backlog.settle()
      this.#trim.ifDue((error) => this.#fail(error))
      const isHeldBack = program.read !== undefined && board.backlogOfAll() > this.#context.limits.backlogBytesMax
      if (isHeldBack && !this.#cut.mustSpeak) {
        program.heldBack?.()
        await this.#wait(moment)
        continue
      }
      const began = this.#context.seam.clock.monotonic()
      this.#cut.renew()
      const came = await fillEpoch(this.#context, this.observation.epoch + 1, this.#isCaughtUp)
      const filled = came ?? (this.#cut.mustSpeak ? NO_INPUT : null)
      if (filled === null) {
        if (!this.#storeIfDue()) await this.#wait(moment)
        continue
      }
      await this.#runEpoch(filled, began)
    }
    await this.#finish()
    if (this.#isRetired) await this.#leave()
    else if (this.#isLast) await this.#outlast()
    return this.#isLast ? 'finished' : 'drained'
  }

  /** Asks for a graceful end at the next epoch boundary. */
  drain(): void {
    this.#draining = true
    this.#wake()
  }

  /** Asks for a snapshot at the next store. */
  snapshot(): void {
    this.#stores?.askSnapshot()
  }

  async close(): Promise<void> {
    this.#context.inbox.close()
    await this.#shard.writer.close()
    // The next life may look through the snapshots, and nothing may be written there meanwhile.
    await this.#stores?.snapshotSettled()
    await this.#shard.store?.close()
    await this.#context.program.close?.()
  }

  async #runEpoch(input: EpochInput, began: number): Promise<void> {
    const { program, inbox, seam, shard, limits, retries } = this.#context
    const epoch = this.observation.epoch + 1
    seam.crashPoint('filled', shard, epoch)
    this.#machine.send({ type: 'FILLED' })
    const processed = processEpoch(this.#context, epoch, input, input)
    for (const { batch } of input.batches) this.observation.rowsIn += batch.length
    this.observation.rowsOut += processed.rows
    this.#isCaughtUp = processed.isCaughtUp
    const isOver = hasEnded(this.#context)
    const isRetried = retries.after(inbox.retried) === null
    this.#isRetired = !isOver && processed.isCaughtUp && isRetried && this.#cut.isHandedOver
    this.#isLast = (isOver && processed.isCaughtUp) || this.#isRetired
    seam.crashPoint('processed', shard, epoch)
    this.observation.busyMs += seam.clock.monotonic() - began
    await program.prepare?.(epoch, this.#isLast)
    seam.crashPoint('prepared', shard, epoch)
    this.#machine.send({ type: 'PROCESSED' })
    this.observation.epoch = epoch
    const markerState = program.markerState?.() ?? null
    this.#append(epoch, input, processed, markerState)
    this.#machine.send({ type: 'APPENDED' })
    this.#stores?.touch()
    this.#storeIfDue(this.#isLast)
    const isYoung = epoch - this.#shard.epoch <= CAREFUL_EPOCHS
    const appendsMax = isYoung ? 1 : limits.appendsInFlightMax
    if (!this.#inFlight.isFull(appendsMax)) await seam.scheduler.turn()
    await this.#inFlight.makeRoom(appendsMax, limits.outboxBytesMax)
    await this.#stores?.makeRoom()
  }

  /** Appends output and marker; what follows once they are durable runs in order of epochs. */
  #append(epoch: number, { slices, skips, retry }: EpochInput, processed: ProcessedEpoch, markerState: unknown): void {
    const { inbox, journal, version, seam, shard, program, limits } = this.#context
    const state = inbox.state()
    const routing = { layout: this.#cut.say(), isRetired: this.#isRetired }
    const marker = encodeMarker({
      epoch,
      previous: this.#markerHash,
      slices,
      inbox: state,
      changes: processed.changes,
      outputs: processed.outputs,
      isCaughtUp: this.#isCaughtUp,
      isLast: this.#isLast,
      ...routing,
      version,
      shape: shapeOf(limits),
      journal: journal.take(),
      skips,
      retry,
      program: markerState,
    })
    this.#markerHash = hashMarker(marker)
    this.observation.watermark = Math.min(
      ...processed.watermarks.map(({ watermark }) => watermark),
      ...inbox.watermarks(),
    )
    const { frames, watermarks } = processed
    const before = this.#inFlight.last
    const appended = this.#shard.writer.append({ epoch, ...routing, watermarks, frames, marker })
    seam.crashPoint('appending', shard, epoch)
    const done = appended.then(async (bytes) => {
      await before
      this.#move('MARKED', epoch)
      this.observation.logBytes += bytes
      seam.crashPoint('marked', shard, epoch)
      await program.publish?.(markerState)
      seam.crashPoint('published', shard, epoch)
      this.#backlog.add(epoch, bytes)
      this.#trim.note(epoch, bytes, Math.min(...processed.watermarks.map(({ watermark }) => watermark)))
      if (this.#shard.store === null) {
        this.#move('STORED', epoch)
        this.observation.storedEpoch = epoch
        this.#reports.consumed(state.positions)
        this.#reports.retained(epoch, state.positions)
      }
      this.#backlog.settle()
    })
    this.#inFlight.add(done, processed.bytes, (error) => this.#fail(error))
  }

  /** The machine takes only what is in order. */
  #move(type: 'MARKED' | 'STORED', epoch: number): void {
    this.#machine.send({ type, epoch })
    const { marked, stored } = this.#machine.getSnapshot().context
    invariant(
      (type === 'MARKED' ? marked : stored) === epoch,
      'EP-1',
      () => `epoch ${epoch} of ${this.#context.shard} is out of order`,
    )
  }

  /** Waits until the board changes, a store is due, or somebody wakes the shard. */
  async #wait(moment: number): Promise<void> {
    const { seam, limits, program } = this.#context
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    if (this.#failure !== undefined || this.#draining) return
    const waits: Promise<void>[] = [woken, this.#board.changedSince(moment)]
    if (this.#stores?.isWaiting) waits.push(seam.scheduler.after(limits.storeIntervalMs))
    else if (program.read !== undefined) waits.push(seam.scheduler.after(5))
    await Promise.race(waits)
  }

  #storeIfDue(now = false): boolean {
    return this.#stores?.ifDue(this.observation.epoch, this.#markerHash, () => this.#inFlight.settled(), now) ?? false
  }

  /**
   * A finished shard stays until what it has put out is stored: it counts against all sources, and nobody else can tell
   * them. It asks for nothing more itself. One that others follow leaves at once: they begin when it has ended, and its
   * receivers may wait for them before those come that have yet to store.
   */
  async #outlast(): Promise<void> {
    for (;;) {
      const { moment } = this.#board
      if (this.#context.layout.until < Number.POSITIVE_INFINITY) return this.#leave()
      // Senders may come to be meanwhile.
      this.#reports.consumedAll()
      this.#backlog.settle()
      if (this.#backlog.isEmpty || this.#draining) return
      this.#trim.ifDue((error) => this.#fail(error))
      this.#throwFailure()
      await this.#wait(moment)
    }
  }

  /** A shard that others follow asks for nothing more: its store stands still, with a snapshot of how it stands. */
  async #leave(): Promise<void> {
    this.#reports.consumedAll()
    this.#board.setBacklog(this.#context.cell, 0)
    if (await this.#stores?.lastSnapshot(this.observation.epoch)) this.#reports.retainedNothing(this.observation.epoch)
  }

  async #finish(): Promise<void> {
    await Promise.all([this.#inFlight.settled(), this.#stores?.settled()])
    this.#throwFailure()
    this.#storeIfDue(true)
    await this.#stores?.settled()
    await Promise.all([this.#stores?.snapshotSettled(), this.#trim.settled()])
    this.#throwFailure()
  }

  #fail(error: unknown): void {
    this.#failure ??= error
    this.#wake()
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}
