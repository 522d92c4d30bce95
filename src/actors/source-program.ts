/**
 * Runs a source: reads its splits, judges each row's time once (on time, late but taken, too late, too far ahead), and
 * passes the rows through the operators that are fused with it. Its whole state is in its marker, so it is never replayed.
 */
import type { Budget } from '../base/budget.ts'
import type { Timestamp } from '../base/time.ts'
import { rowToJson } from '../connectors/row-json.ts'
import type { SourceTimes } from '../mailbox/source-times.ts'
import type { Batch } from '../records/batch.ts'
import { batchBytes } from '../records/batch-bytes.ts'
import { consecutiveOrigins, type OriginColumn } from '../records/origin.ts'
import { RETRIED, type RowSkips } from '../recovery/fill-epoch.ts'
import type { Program, ProgramOutput, ReadLimits } from '../recovery/program.ts'
import type { Retry } from '../recovery/retries.ts'
import type { SourceContext, SplitRows } from '../topology/connector.ts'
import type { SourceNode } from '../topology/graph.ts'
import type { PlannedNode } from '../topology/plan.ts'
import { judgeTimes } from './judge-times.ts'
import { ReadPace } from './read-pace.ts'
import type { Letter } from './refusals.ts'
import { readRetried } from './retried-row.ts'
import { keepRows, offsetsOf } from './row-choice.ts'
import { Split, type SplitState } from './split.ts'
import type { StageProgram } from './stage-program.ts'

/** An idle split moves on at most this often: each step is an epoch. */
const FOLLOW_MS = 100

export interface SourceMarkerState {
  readonly splits: Readonly<Record<number, SplitState>>
  readonly rows: number
  readonly late: number
  readonly rejected: number
}

export class SourceProgram implements Program {
  readonly tables = []
  readonly #stage: StageProgram
  readonly #node: SourceNode
  readonly #planned: PlannedNode
  readonly #context: SourceContext
  readonly #numbers: readonly number[]
  readonly #times: SourceTimes
  #splits: Split[] = []
  #turn = 0
  #rows = 0
  #late = 0
  #rejected = 0
  #followedAt = 0
  readonly #skips: RowSkips | null
  readonly #pace = new ReadPace()
  #bytesOut = 0
  #isChosen: ((split: number, offset: number) => boolean) | null = null
  #last = { split: 0, offsets: [] as readonly number[] }

  /**
   * @param numbers the splits that this shard reads
   * @param skips rows to be turned away, since they ended whoever took them
   */
  constructor(
    stage: StageProgram,
    planned: PlannedNode,
    context: SourceContext,
    numbers: readonly number[],
    times: SourceTimes,
    skips: RowSkips | null = null,
  ) {
    this.#skips = skips
    this.#stage = stage
    this.#node = planned.node as SourceNode
    this.#planned = planned
    this.#context = context
    this.#numbers = numbers
    this.#times = times
  }

  get output(): (output: ProgramOutput) => void {
    return this.#stage.output
  }
  set output(output: (output: ProgramOutput) => void) {
    this.#stage.output = (one) => {
      this.#bytesOut += batchBytes(one.batch)
      output(one)
    }
  }

  async open(markerState: unknown): Promise<void> {
    const state = markerState as SourceMarkerState | null
    this.#rows = state?.rows ?? 0
    this.#late = state?.late ?? 0
    this.#rejected = state?.rejected ?? 0
    const { connector, options, id } = this.#node
    for (const number of this.#numbers) {
      const known = state?.splits[number]
      const split = new Split(id, number, known, options)
      if (!split.isEnded) split.reader = await connector.open(this.#context, number, known?.position ?? null)
      this.#splits.push(split)
    }
    this.#stage.open(null, [this.#watermark()])
    this.#reportTime()
  }

  /** Every split goes on where it was; what was counted stays with those who counted it. */
  inheritState(states: readonly unknown[]): SourceMarkerState {
    const splits = Object.assign({}, ...states.map((state) => (state as SourceMarkerState).splits))
    return { splits, rows: 0, late: 0, rejected: 0 }
  }

  onBatch(): void {}

  get isExhausted(): boolean {
    return this.#splits.every((split) => split.isEnded)
  }

  async read(limits: ReadLimits): Promise<boolean> {
    const turn = this.#turn++
    for (const split of this.#nextSplits(turn)) {
      const rows = await split.reader!.read(this.#pace.rows(limits), limits.batchBytesMax)
      this.#last = { split: split.number, offsets: [] }
      if (rows === 'wait') {
        split.waited(turn, this.#now())
        continue
      }
      if (rows === null) await split.end()
      else {
        this.#bytesOut = 0
        this.#take(split, rows)
        this.#pace.told(limits, rows.batch.length, batchBytes(rows.batch), this.#bytesOut)
      }
      this.#reportTime()
      this.#follow()
      return true
    }
    return this.#follow()
  }

  heldBack(): void {
    this.#turn++
  }

  /** Those that are furthest behind first, in turn where they are alike; without such as wait for others. In a trial, whose rows move no time, in turn alone. */
  #nextSplits(turn: number): Split[] {
    const { alignWithin } = this.#node.options
    const most = alignWithin === null ? Number.POSITIVE_INFINITY : this.#times.lowest() + alignWithin
    const from = turn % this.#splits.length
    const open = (split: Split) => split.reader !== null
    const inTurn = [...this.#splits.slice(from), ...this.#splits.slice(0, from)].filter(open)
    if (this.#isChosen !== null) return inTurn
    const isHeld = (split: Split) => split.watermark > most && !split.isIdle
    return inTurn.filter((split) => !isHeld(split)).sort((a, b) => byTime(a.watermark, b.watermark))
  }

  choose(isChosen: (split: number, offset: number) => boolean): void {
    this.#isChosen = isChosen
  }

  lastRead(): { split: number; offsets: readonly number[] } {
    return this.#last
  }

  advance(_watermarks: readonly Timestamp[], budget: Budget): boolean {
    return this.#stage.advance([this.#watermark()], budget)
  }

  watermarkOf(edge: number): Timestamp {
    return this.#stage.watermarkOf(edge)
  }

  flush(): void {}
  digest(): number {
    return 0
  }
  memoryBytes(): number {
    return 0
  }

  markerState(): SourceMarkerState {
    const splits = Object.fromEntries(this.#splits.map((split) => [split.number, split.state]))
    return { splits, rows: this.#rows, late: this.#late, rejected: this.#rejected }
  }

  /** Rows taken and turned away since the job began, interruptions or not. */
  counts(): { rows: number; rejected: number } {
    return { rows: this.#rows, rejected: this.#rejected }
  }

  /** How far through the splits are, 0 to 1, where the readers know. */
  progress(): number {
    const parts = this.#splits.map((split) => (split.isEnded ? 1 : (split.reader?.progress?.() ?? 0)))
    return parts.reduce((sum, part) => sum + part, 0) / Math.max(1, parts.length)
  }

  async close(): Promise<void> {
    for (const split of this.#splits) await split.reader?.close()
  }

  #watermark(): Timestamp {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#splits.map((split) => split.watermark))
  }

  #now(): number {
    return this.#context.seam.clock.monotonic()
  }

  #reportTime(): void {
    const active = this.#splits.filter((split) => !split.isIdle && !split.isEnded)
    this.#times.report(active.length === 0 ? null : Math.min(...active.map((split) => split.watermark)))
  }

  /** Idle splits go with the active ones; true when that moves this source's watermark: an epoch then tells others. */
  #follow(): boolean {
    const idle = this.#splits.filter((split) => split.isIdle)
    const now = this.#now()
    if (idle.length === 0 || now - this.#followedAt < FOLLOW_MS) return false
    this.#followedAt = now
    this.#reportTime()
    const before = this.#watermark()
    const lowest = this.#times.lowest()
    for (const split of idle) split.follow(lowest)
    return this.#watermark() > before
  }

  #take(split: Split, given: SplitRows): void {
    const { batch, offsets, rejected } = this.#without(split, given)
    for (const { offset, reason, raw: row } of rejected)
      this.#refuse({ split: split.number, kind: 'bad', offset, reason, row })
    const { rows, latest } = this.#judge(split, batch, offsets)
    split.latest = latest
    split.heard()
    this.#pass(rows)
  }

  #pass(rows: Batch): void {
    this.#rows += rows.length
    if (rows.length > 0) this.#stage.inject(this.#node.id, rows, 0)
  }

  /** A row of an operator goes there; one of the source is judged as it would be now, where its time matters. No time moves. */
  retry(retry: Retry): void {
    const { order, split: number, node, row } = retry
    const offset = retry.offset ?? 0
    const skip = this.#skips?.rows.find((one) => one.split === RETRIED && one.offset === order)
    if (skip !== undefined) return this.#refuse({ ...retry, ...skip, split: number, offset, kind: 'killed' })
    if (node !== null) return this.#stage.retry(retry)
    const split = this.#splits.find((one) => one.number === number)!
    const batch = readRetried(this.#planned.schema, retry)
    if (typeof batch === 'string') return this.#refuse({ split: number, kind: 'bad', offset, reason: batch, row })
    const { needsTime } = this.#planned.facts
    this.#pass(needsTime ? this.#judge(split, batch, offset).rows : this.#withOrigins(split, batch, offset))
  }

  /** The rows that are not to be left out. */
  #without(split: Split, rows: SplitRows): SplitRows {
    const { number } = split
    if (this.#isChosen !== null) {
      this.#last = { split: number, offsets: offsetsOf(rows) }
      return { ...keepRows(rows, (offset) => this.#isChosen!(number, offset)), rejected: [] }
    }
    if (this.#skips === null) return rows
    const skips = new Map(this.#skips.rows.flatMap((skip) => (skip.split === number ? [[skip.offset, skip]] : [])))
    return keepRows(rows, (offset, row) => {
      const skip = skips.get(offset)
      if (skip !== undefined) this.#refuse({ ...skip, kind: 'killed', row: rowText(rows.batch, row) })
      return skip === undefined
    })
  }

  /** The rows that go on, and the latest time with them. */
  #judge(split: Split, batch: Batch, offsets: number | Float64Array): { rows: Batch; latest: Timestamp } {
    const rows = new Int32Array(batch.length)
    const now = this.#context.seam.clock.now() * 1000
    const since = { now, floor: this.#watermark(), latest: split.latest }
    const { kept, late, latest } = judgeTimes(batch.times, this.#node.options, since, rows, (row, kind, reason) => {
      const offset = typeof offsets === 'number' ? offsets + row : offsets[row]!
      this.#refuse({ split: split.number, kind, offset, reason, row: rowText(batch, row) })
    })
    this.#late += late
    return { rows: this.#withOrigins(split, batch, offsets).gather(rows, kept), latest }
  }

  #withOrigins(split: Split, batch: Batch, offsets: number | Float64Array): Batch {
    if (!this.#planned.facts.needsOrigins && !this.#stage.mayTurnAway) return batch
    const origins: OriginColumn =
      typeof offsets === 'number'
        ? consecutiveOrigins(split.head, offsets, batch.length)
        : { heads: [split.head], head: new Int32Array(batch.length), seq: offsets }
    return batch.with(batch.schema, batch.columns, origins)
  }

  #refuse(letter: Pick<Letter, 'split' | 'kind' | 'offset' | 'reason' | 'row'> & Partial<Letter>): void {
    this.#rejected++
    const watermark = this.#watermark()
    const at = Number.isFinite(watermark) ? watermark : 0
    this.#stage.refuse({ epoch: null, call: null, operator: null, stack: null, diff: 1, node: null, ...letter, at })
  }
}

const byTime = (a: Timestamp, b: Timestamp): number => (a === b ? 0 : a < b ? -1 : 1)

const rowText = (batch: Batch, row: number): string => rowToJson(batch.schema, batch.row(row))
