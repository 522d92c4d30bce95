/**
 * One sender's log in memory: the records that are durable, and the appends on their way there. An append takes a number
 * of steps; what is in flight when its life ends becomes durable up to a point, or not at all, and that is decided at
 * once. Chance comes from the caller, so that a seed repeats everything.
 */
import { fencedError, invariant } from '../base/errors.ts'
import type { Epoch, Incarnation } from '../base/ids.ts'
import type { KnownLife, OutgoingRecord } from './log.ts'
import { copyRecord, type MemoryRecord } from './memory-record.ts'

interface Append {
  readonly record: MemoryRecord
  steps: number
  readonly done: (bytes: number) => void
  readonly fail: (error: Error) => void
}

export class MemorySender {
  readonly #random: () => number
  readonly #stepsMax: number
  readonly #records: MemoryRecord[] = []
  #trimmed = 0
  #inFlight: Append[] = []
  #incarnation = 0
  #lives = false

  /** @param stepsMax how long an append may take */
  constructor(random: () => number, stepsMax: number) {
    this.#random = random
    this.#stepsMax = stepsMax
  }

  /** The last durable epoch. */
  get end(): Epoch {
    return this.#trimmed + this.#records.length
  }

  /** Starts a new life. Whoever still writes in the older one may or may not hear that its appends came through. */
  claim(known: KnownLife): Incarnation {
    this.#endLife(() => this.#random() < 0.5)
    this.#incarnation = 1 + Math.max(this.#incarnation, known.incarnation)
    this.#lives = true
    return this.#incarnation
  }

  /** Ends the life, if there is one: nobody is left to hear of its appends. */
  crash(): void {
    this.#endLife(() => false)
  }

  append(record: OutgoingRecord, incarnation: Incarnation): Promise<number> {
    if (!this.#lives || incarnation !== this.#incarnation) return Promise.reject(this.#fenced(incarnation))
    const last = this.end + this.#inFlight.length
    invariant(
      record.epoch === last + 1,
      'MB-1',
      () => `the record of epoch ${record.epoch} follows that of epoch ${last}`,
    )
    const steps = 1 + Math.floor(this.#random() * this.#stepsMax)
    return new Promise((done, fail) => this.#inFlight.push({ record: copyRecord(record), steps, done, fail }))
  }

  /** Brings what is in flight a step further. An append that is through waits for those before it. */
  step(): void {
    for (const append of this.#inFlight) append.steps--
    const waiting = this.#inFlight.findIndex((append) => append.steps > 0)
    const through = this.#inFlight.splice(0, waiting < 0 ? this.#inFlight.length : waiting)
    for (const append of through) this.#store(append)
  }

  /** The record of an epoch, or null where there is none, or none any more. */
  read(epoch: Epoch): MemoryRecord | null {
    return epoch > this.#trimmed ? (this.#records[epoch - this.#trimmed - 1] ?? null) : null
  }

  /** The last epoch that was trimmed. */
  get first(): Epoch {
    return this.#trimmed
  }

  /** Forgets the records below `epoch`, but never the last. */
  trim(epoch: Epoch): void {
    const count = Math.max(0, Math.min(epoch - 1, this.end - 1) - this.#trimmed)
    this.#records.splice(0, count)
    this.#trimmed += count
  }

  #endLife(isHeard: () => boolean): void {
    const kept = Math.floor(this.#random() * (this.#inFlight.length + 1))
    const fenced = this.#fenced(this.#incarnation)
    this.#inFlight.splice(0).forEach((append, i) => {
      if (i < kept && isHeard()) return this.#store(append)
      if (i < kept) this.#records.push(append.record)
      append.fail(fenced)
    })
    this.#lives = false
  }

  #store({ record, done }: Append): void {
    this.#records.push(record)
    done(record.frames.reduce((sum, { bytes }) => sum + bytes.length, record.marker.length))
  }

  #fenced(incarnation: Incarnation): Error {
    return fencedError(`incarnation ${incarnation} of this log has ended`)
  }
}
