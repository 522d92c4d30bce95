/**
 * One split of a running source: its reader, its watermark, and whether it is idle. The watermark is the latest event
 * time less the disorder; it goes on without rows only while the split is idle and follows the others (design, section 8).
 */
import { createActor } from 'xstate'
import type { Timestamp } from '../base/time.ts'
import { watermarkMachine } from '../operators/watermark.machine.ts'
import { splitHead } from '../records/origin.ts'
import type { SplitPosition, SplitReader } from '../topology/connector.ts'
import type { SourceOptions } from '../topology/graph.ts'

/** What a source's marker keeps of a split. */
export interface SplitState {
  readonly position: SplitPosition
  /** The latest event time seen. */
  readonly latest: Timestamp
  readonly watermark: Timestamp
  readonly isEnded: boolean
}

export class Split {
  readonly number: number
  /** Head of the origins of its rows. */
  readonly head: Uint8Array
  reader: SplitReader | null = null
  latest: Timestamp
  readonly #options: SourceOptions
  readonly #machine
  #isEnded: boolean
  #endPosition: SplitPosition
  /** The last turn in which it was asked and had nothing, and when that was. */
  #silentTurn = Number.NaN
  #askedAt = 0
  /** Milliseconds of silence since it was heard. */
  #silent = 0

  constructor(source: number, number: number, state: SplitState | undefined, options: SourceOptions) {
    this.number = number
    this.head = splitHead(source, number)
    this.latest = state?.latest ?? Number.NEGATIVE_INFINITY
    this.#options = options
    this.#isEnded = state?.isEnded ?? false
    this.#endPosition = state?.position ?? null
    this.#machine = createActor(watermarkMachine, {
      input: { watermark: state?.watermark ?? Number.NEGATIVE_INFINITY },
    })
    this.#machine.start()
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  get isIdle(): boolean {
    return this.#machine.getSnapshot().value === 'idle'
  }

  get watermark(): Timestamp {
    return this.#machine.getSnapshot().context.watermark
  }

  get state(): SplitState {
    const { latest, watermark, isEnded } = this
    return { position: this.reader?.position() ?? this.#endPosition, latest, watermark, isEnded }
  }

  /** Rows have come, the latest of them at `latest`. */
  heard(): void {
    this.#silent = 0
    this.#machine.send({ type: 'ADVANCE', watermark: this.latest - this.#options.disorder })
  }

  /**
   * It was asked for rows and had none: idle when that has been so for long enough. The time over which it was not asked
   * says nothing of it, and does not count.
   * @param turn of the source @param now milliseconds of the monotonic clock
   */
  waited(turn: number, now: number): void {
    if (this.#silentTurn === turn - 1) this.#silent += now - this.#askedAt
    this.#silentTurn = turn
    this.#askedAt = now
    const { idleAfter } = this.#options
    if (idleAfter !== null && this.#silent * 1000 >= idleAfter) this.#machine.send({ type: 'IDLE' })
  }

  /** Goes with the others, while idle. */
  follow(watermark: Timestamp): void {
    if (Number.isFinite(watermark)) this.#machine.send({ type: 'FOLLOW', watermark })
  }

  async end(): Promise<void> {
    this.#endPosition = this.reader?.position() ?? null
    this.#isEnded = true
    this.#machine.send({ type: 'FINISH' })
    await this.reader?.close()
    this.reader = null
  }
}
