/**
 * A user's own actor: a keyed operator with state, timers in event time and a watermark callback. Rows arrive in
 * (event time, origin) order once the watermark has passed them by the input's bound, corrections applied, merged with
 * the timers (rows first, then timers by key); or, with `order: 'arrival'`, as they come, corrections too.
 */

import { type Budget, isSpent, spend } from '../base/budget.ts'
import { userError } from '../base/errors.ts'
import { checksum, combineHash } from '../base/hash.ts'
import { packr } from '../base/packr.ts'
import type { Timestamp } from '../base/time.ts'
import { type Batch, BatchBuilder } from '../records/batch.ts'
import { valuesBytes } from '../records/batch-bytes.ts'
import type { UserValue } from '../records/column.ts'
import { packKey, packValues } from '../records/key.ts'
import { unpackTyped } from '../records/nested.ts'
import { originBytes } from '../records/origin.ts'
import { RowCursor } from '../records/row-cursor.ts'
import type { FieldType } from '../records/schema.ts'
import { checkValue } from '../records/value.ts'
import type { KeyedTable } from '../storage/table.ts'
import type { ActorContext, ActorPlan } from './actor-definition.ts'
import { compareDue, type DueRow } from './due-rows.ts'
import { HeldRows } from './held-rows.ts'
import type { Operator, OperatorContext } from './operator.ts'
import { UndoLog } from './undo-log.ts'
import { type Given, isOfRow } from './user-code.ts'

// Other keys of the state's table begin with 0 or 1.
const PASSED = Buffer.from('watermark')
const NO_END = { rows: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY }

export class ActorOperator implements Operator {
  readonly #plan: ActorPlan
  readonly #context: OperatorContext
  readonly #state: KeyedTable
  readonly #timers: KeyedTable
  readonly #held: HeldRows
  readonly #cursor: RowCursor
  readonly #keyColumns: readonly number[]
  readonly #keyTypes: readonly FieldType[]
  readonly #handle: ActorContext
  #builder: BatchBuilder
  #key: Uint8Array = new Uint8Array(0)
  #keyValues: readonly UserValue[] = []
  #time = 0
  #diff = 1
  #sourceOrigin: Uint8Array = new Uint8Array(0)
  #ordinal = 0
  #watermark = Number.NEGATIVE_INFINITY
  /** No timer is before this: where to look for the next one. */
  #timersFrom = Number.NEGATIVE_INFINITY
  #changes = 0
  #mayAct = false
  /** What the function at hand has emitted and overwritten: undone if it throws and its row is refused. */
  #emitted: { row: Readonly<Record<string, UserValue>>; diff: number; origin: Uint8Array }[] = []
  readonly #undo: UndoLog | null
  /** Of rows, since it was last counted against the budget. */
  #emittedBytes = 0

  constructor(plan: ActorPlan, context: OperatorContext) {
    this.#plan = plan
    this.#context = context
    this.#state = context.table('state')
    this.#timers = context.table('timers')
    this.#held = new HeldRows(context.table('held'), this.#state, plan.input)
    this.#cursor = new RowCursor(plan.input)
    this.#keyColumns = plan.keys.map((name) => plan.input.names.indexOf(name))
    this.#keyTypes = plan.keys.map((name) => plan.input.fields[name]!)
    this.#builder = new BatchBuilder(plan.definition.output)
    this.#handle = this.#makeHandle()
    this.#undo = context.guard.mayRefuse ? new UndoLog() : null
  }

  // The input may be ahead of what has been passed on, if the epoch ended before what was due.
  open([watermark]: readonly Timestamp[]): void {
    const passed = this.#state.get(PASSED)
    this.#watermark = passed === undefined ? watermark! : (packr.unpack(passed) as Timestamp)
    this.#held.open()
  }

  onBatch(batch: Batch): void {
    if (this.#plan.definition.order === 'event-time') return this.#held.hold(batch)
    this.#cursor.bind(batch)
    for (let i = 0; i < batch.length; i++) this.#onRow(batch, i)
    this.#emitBuilt()
  }

  advance([watermark]: readonly Timestamp[], budget: Budget): boolean {
    this.#emittedBytes = 0
    const done = this.#runUntil(watermark! - this.#plan.inputBound, budget)
    this.#emitBuilt()
    if (done && watermark! > this.#watermark) {
      this.#watermark = watermark!
      this.#plan.definition.onWatermark?.(watermark!)
    }
    return done
  }

  flush(): void {
    this.#state.put(PASSED, packr.pack(this.#watermark))
    this.#held.save()
  }

  memoryBytes(): number {
    return this.#held.memoryBytes
  }

  digest(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }

  /** Rows and timers before `cut`, in order. Rows that are left when the budget ends are held again. */
  #runUntil(cut: Timestamp, budget: Budget): boolean {
    if (isSpent(budget)) return false
    return this.#held.take(cut, budget, (rows) => this.#runRows(rows, budget)) && this.#runTimers(cut, budget)
  }

  /** @returns how many of the rows were handled before the budget ended */
  #runRows(rows: readonly DueRow[], budget: Budget): number {
    let next = 0
    for (; next < rows.length; next++) {
      const { batch, row } = rows[next]!
      // Rows of one place stay together: where to go on is told by the place.
      const isTied = next > 0 && compareDue(rows[next - 1]!, rows[next]!) === 0
      if (!isTied && isSpent(budget)) break
      if (!this.#runTimers(batch.times[row]!, isTied ? { ...NO_END } : budget)) break
      this.#cursor.bind(batch)
      this.#onRow(batch, row)
      this.#spend(budget)
    }
    return next
  }

  /** A row or a timer counts, and what it has emitted. */
  #spend(budget: Budget): void {
    spend(budget, 1, this.#emittedBytes)
    this.#emittedBytes = 0
  }

  /** Timers before `time`, in order of (time, key); a timer may set another one that is due. */
  #runTimers(time: Timestamp, budget: Budget): boolean {
    while (this.#timersFrom < time) {
      const from = Number.isFinite(this.#timersFrom) ? packValues([this.#timersFrom]) : undefined
      const [entry] = this.#timers.range({ from, to: packValues([time]) })
      if (entry === undefined) {
        this.#timersFrom = time
        break
      }
      if (isSpent(budget)) return false
      const [stored, value] = entry
      const [at, key] = packr.unpack(value) as [number, Uint8Array]
      this.#timersFrom = at
      this.#write(this.#timers, stored, null)
      this.#enter(key, at, 1, Buffer.concat([this.#plan.origin, stored]))
      const timer = () => ({ timer: at, key: this.#keyValues })
      this.#act(() => this.#plan.definition.onTimer?.(at, this.#handle), timer)
      this.#spend(budget)
    }
    return true
  }

  #onRow(batch: Batch, row: number): void {
    const origin = batch.origins === null ? new Uint8Array(0) : originBytes(batch.origins, row)
    this.#enter(packKey(batch, this.#keyColumns, row), batch.times[row]!, batch.diff(row), origin)
    this.#act(
      () => this.#plan.definition.onRow(this.#cursor.moveTo(row), this.#handle),
      () => batch.row(row),
    )
  }

  #enter(key: Uint8Array, time: Timestamp, diff: number, origin: Uint8Array): void {
    this.#key = key
    this.#keyValues = unpackTyped(key, this.#keyTypes)
    this.#time = time
    this.#diff = diff
    this.#sourceOrigin = origin
    this.#ordinal = 0
  }

  /** Runs a function of the user's. One that throws has done nothing, and what it was given is refused. */
  #act(run: () => unknown, given: () => Given['row']): void {
    this.#mayAct = true
    this.#undo?.forget()
    this.#emitted = []
    try {
      this.#context.guard.call()
      refusePromise(run())
    } catch (error) {
      if (!isOfRow(error)) throw error
      this.#context.guard.refuse({ at: this.#time, row: given(), diff: this.#diff, origin: this.#sourceOrigin }, error)
      this.#undo?.undo((table, key, value) => this.#put(table, key, value))
      return
    } finally {
      this.#mayAct = false
    }
    for (const { row, diff, origin } of this.#emitted) {
      this.#builder.push(row, diff, origin)
      this.#emittedBytes += valuesBytes(Object.values(row))
    }
  }

  #write(table: KeyedTable, key: Uint8Array, value: Uint8Array | null): void {
    this.#undo?.note(table, key)
    this.#put(table, key, value)
  }

  #put(table: KeyedTable, key: Uint8Array, value: Uint8Array | null): void {
    this.#changes = combineHash(combineHash(this.#changes, checksum(key)), value === null ? 0 : checksum(value))
    if (value === null) table.remove(key)
    else table.put(key, value)
  }

  #emitBuilt(): void {
    if (this.#builder.length === 0) return
    const batch = this.#builder.finish()
    this.#builder = new BatchBuilder(this.#plan.definition.output)
    this.#context.emit(batch)
  }

  #stateKey(name: string): Uint8Array {
    return Buffer.concat([this.#key, packValues([name])])
  }

  #timerKey(at: Timestamp): Uint8Array {
    if (!Number.isFinite(at)) throw userError('timer', `a timer needs a finite time, got ${at}`)
    return Buffer.concat([packValues([at]), this.#key])
  }

  #guard(what: string): void {
    if (!this.#mayAct) throw userError('actor', `${what} may only be called while a row or a timer is being handled`)
  }

  #emitRow(row: Readonly<Record<string, UserValue>>, diff: number): void {
    this.#guard('emit')
    const { output, bound } = this.#plan.definition
    for (const name of output.names) checkValue(name, output.fields[name]!, row[name] ?? null)
    const time = row[output.time] as number
    if (time < this.#watermark - this.#plan.inputBound - bound) {
      throw userError(
        'bound',
        `an actor emitted a row at ${time}, more than its bound behind the watermark ${this.#watermark}: declare a larger bound`,
      )
    }
    const ordinal = Buffer.alloc(8)
    ordinal.writeUInt32BE(this.#ordinal++, 4)
    this.#emitted.push({ row, diff, origin: Buffer.concat([this.#sourceOrigin, ordinal]) })
  }

  #makeHandle(): ActorContext {
    const actor = this
    return {
      get key() {
        return actor.#keyValues
      },
      get time() {
        return actor.#time
      },
      get diff() {
        return actor.#diff
      },
      get<T>(name: string): T | undefined {
        const value = actor.#state.get(actor.#stateKey(name))
        return value === undefined ? undefined : (packr.unpack(value) as T)
      },
      set: (name, value) => {
        this.#guard('set')
        this.#write(this.#state, this.#stateKey(name), packr.pack(value))
      },
      delete: (name) => {
        this.#guard('delete')
        this.#write(this.#state, this.#stateKey(name), null)
      },
      setTimer: (at) => {
        this.#guard('setTimer')
        if (at < this.#timersFrom) this.#timersFrom = at
        this.#write(this.#timers, this.#timerKey(at), packr.pack([at, this.#key]))
      },
      clearTimer: (at) => {
        this.#guard('clearTimer')
        this.#write(this.#timers, this.#timerKey(at), null)
      },
      emit: (row, diff = 1) => this.#emitRow(row, diff),
      now: () => this.#context.journal(this.#plan.clock),
      random: () => this.#context.journal(this.#plan.random),
    }
  }
}

/** What is done behind an await is done in no epoch, and no replay would do it again. */
function refusePromise(given: unknown): void {
  if (!(given instanceof Promise)) return
  given.catch(() => {})
  throw new Error('it gave a promise: the functions of an actor are not async')
}
