/** Drives the window machine of one operator, and keeps its context in a table, so that a window is emitted once (PN-1). */
import { type Actor, createActor } from 'xstate'
import { packr } from '../base/packr.ts'
import type { Timestamp } from '../base/time.ts'
import type { KeyedTable } from '../storage/table.ts'
import { type GroupKey, isBefore } from './group-key.ts'
import { type WindowContext, windowMachine } from './window.machine.ts'

const PROGRESS = Buffer.from('progress')

export class WindowProgress {
  readonly #table: KeyedTable
  readonly #machine: Actor<typeof windowMachine>

  constructor(table: KeyedTable) {
    this.#table = table
    const stored = table.get(PROGRESS)
    const input = stored === undefined ? undefined : (packr.unpack(stored) as WindowContext)
    this.#machine = createActor(windowMachine, { input })
    this.#machine.start()
  }

  /** All windows that end at or before this have been emitted. */
  get fired(): Timestamp {
    return this.#machine.getSnapshot().context.fired
  }

  /** The window being emitted, and its last key that is out; null between windows. */
  get current(): { end: Timestamp; after: GroupKey | null } | null {
    const { end, after } = this.#machine.getSnapshot().context
    return end === null ? null : { end, after }
  }

  /** True when the group of a key in the window that ends at `end` has been emitted. */
  isEmitted(end: Timestamp, key: () => GroupKey): boolean {
    if (end <= this.fired) return true
    const { current } = this
    // Windows without rows are passed over: what comes for one that ends before the current one is a correction.
    if (current === null || end !== current.end) return current !== null && end < current.end
    return current.after !== null && !isBefore(current.after, key())
  }

  begin(end: Timestamp): void {
    this.#machine.send({ type: 'DUE', end })
  }

  /** The epoch is full: `after` was the last key. */
  pause(after: GroupKey): void {
    this.#machine.send({ type: 'PAUSED', after })
  }

  finish(): void {
    this.#machine.send({ type: 'FIRED' })
  }

  /** Every window that ends at or before the watermark is out. */
  pass(watermark: Timestamp): void {
    this.#machine.send({ type: 'PASSED', watermark })
    if (watermark === Number.POSITIVE_INFINITY) this.#machine.send({ type: 'ENDED' })
  }

  save(): void {
    this.#table.put(PROGRESS, packr.pack(this.#machine.getSnapshot().context))
  }
}
