/**
 * Aggregation over sessions: windows that last as long as rows of a key come. Rows are kept until nothing comes to their
 * session any more. What comes at the end of a session is put into its accumulator; whatever joins sessions, parts them, or
 * begins one earlier makes those that it touches anew from their rows. With `final` a session is said when the watermark is
 * a gap behind its end, with `eager` at once; every change of what was said takes it back.
 */

import { type Budget, isSpent, spend } from '../base/budget.ts'
import { checksum, combineHash } from '../base/hash.ts'
import { packr } from '../base/packr.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import type { Value } from '../records/column.ts'
import { packedTime, packValues, unpackPrefix } from '../records/key.ts'
import type { FieldKind } from '../records/schema.ts'
import type { KeyedTable } from '../storage/table.ts'
import { DueGroups } from './due-groups.ts'
import { Touched } from './fold/touched.ts'
import type { Operator, OperatorContext } from './operator.ts'
import { KeySessions, type SaidSession } from './sessions.ts'
import type { SessionWindow } from './window.ts'
import type { WindowFoldPlan } from './window-fold.ts'
import { type WindowGroup, WindowRows } from './window-rows.ts'

/** How sessions are said. */
export interface SessionOutput {
  /** Of what is the same, the same. */
  textOf(session: SaidSession): string
  /** @returns bytes of what was put out */
  push(group: WindowGroup, results: readonly Value[], diff: number): number
  end(): void
}

export interface SessionFoldPlan extends Omit<WindowFoldPlan, 'window'> {
  readonly window: SessionWindow
}

/** Sessions that are let go of at a time. */
const GONE_MAX = 4096

export const SESSION_FOLD_TABLES = ['sessions', 'rows', 'members', 'due', 'progress'] as const

export class SessionFold implements Operator {
  readonly #plan: SessionFoldPlan
  readonly #tables: { sessions: KeyedTable; rows: KeyedTable; members: KeyedTable }
  /** Keys: when a session is due, its key. */
  readonly #dueTable: KeyedTable
  readonly #due: DueGroups
  readonly #output: SessionOutput
  readonly #keyKinds: readonly FieldKind[]
  readonly #kinds: readonly FieldKind[]
  readonly #touched: Touched
  #watermark: Timestamp = Number.NEGATIVE_INFINITY
  #changes = 0

  constructor(
    plan: SessionFoldPlan,
    context: OperatorContext,
    output: SessionOutput = new WindowRows(plan, context.emit),
  ) {
    this.#plan = plan
    const { input, keys, columns } = plan
    this.#tables = {
      sessions: context.table('sessions'),
      rows: context.table('rows'),
      members: context.table('members'),
    }
    this.#dueTable = context.table('due')
    this.#due = new DueGroups(this.#dueTable, context.table('progress'))
    this.#touched = new Touched(input, keys, columns)
    this.#output = output
    this.#keyKinds = keys.map((name) => input.fields[name]!.kind)
    this.#kinds = columns.map((name) => input.fields[name]!.kind)
  }

  open([watermark]: readonly Timestamp[]): void {
    this.#watermark = watermark!
    this.#due.open()
  }

  onBatch(batch: Batch): void {
    for (let row = 0; row < batch.length; row++) this.#touched.add(batch, row)
  }

  advance([watermark]: readonly Timestamp[], budget: Budget): boolean {
    // In full, whatever the budget: what was said of them does not hold any more.
    this.#take(budget)
    const isDone = this.#plan.emit === 'eager' || this.#sayDue(watermark!, budget)
    this.#output.end()
    if (!isDone) return false
    this.#watermark = watermark!
    this.#drop(watermark! - this.#plan.bound)
    return true
  }

  flush(): void {
    this.#due.save()
  }

  digest(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }

  #sessionsOf(key: Uint8Array): KeySessions {
    const { window, open } = this.#plan
    return new KeySessions(key, this.#tables, { gap: window.gap, kinds: this.#kinds, open })
  }

  #take(budget: Budget): void {
    const { emit, window } = this.#plan
    for (const [key, updates] of this.#touched.take()) {
      const isSaid = (last: number) => emit === 'eager' || last + window.gap < this.#watermark
      const { before, after, digest } = this.#sessionsOf(key).take(updates, isSaid)
      this.#changes = combineHash(combineHash(this.#changes, checksum(key)), digest)
      for (const { last } of before) this.#dueTable.remove(this.#dueKey(last, key))
      for (const { last } of after) this.#dueTable.put(this.#dueKey(last, key), packr.pack(last))
      this.#sayChange(key, before, after, budget)
    }
  }

  /** The first watermark at which nothing that comes in time belongs to the session any more. */
  #dueKey(last: number, key: Uint8Array): Uint8Array {
    return Buffer.concat([packValues([last + this.#plan.window.gap + 1]), key])
  }

  /** @returns false when some are left */
  #sayDue(watermark: Timestamp, budget: Budget): boolean {
    for (;;) {
      const due = this.#due.next(watermark, Math.max(1, budget.rows))
      if (due.length === 0) return true
      for (const group of due) {
        if (isSpent(budget)) return false
        const key = group.subarray(unpackPrefix(group, ['time']).end)
        const said = this.#sessionsOf(key).say(packedTime(group) - this.#plan.window.gap - 1)
        if (said !== null) this.#sayChange(key, [], [said], budget)
        this.#due.pass(group)
      }
    }
  }

  #sayChange(key: Uint8Array, before: readonly SaidSession[], after: readonly SaidSession[], budget: Budget): void {
    const keys = unpackPrefix(key, this.#keyKinds).values
    const textsOf = (sessions: readonly SaidSession[]) =>
      new Map(sessions.filter(({ isSaid }) => isSaid).map((one) => [this.#output.textOf(one), one]))
    const [said, holds] = [textsOf(before), textsOf(after)]
    const push = ({ start, last, rows }: SaidSession, diff: number) => {
      for (const results of rows) {
        spend(budget, 1, this.#output.push({ key, keys, start, end: last + 1 }, results, diff))
      }
    }
    for (const [text, one] of said) if (!holds.has(text)) push(one, -1)
    for (const [text, one] of holds) if (!said.has(text)) push(one, 1)
  }

  /** Lets go of sessions that were over so long ago that nothing comes to them. */
  #drop(horizon: Timestamp): void {
    const over: Uint8Array[] = []
    for (const [group] of this.#dueTable.range({ to: packValues([horizon]), keysOnly: true })) {
      if (over.push(group) === GONE_MAX) break
    }
    for (const group of over) {
      const key = group.subarray(unpackPrefix(group, ['time']).end)
      this.#sessionsOf(key).forget(packedTime(group) - this.#plan.window.gap - 1)
      this.#dueTable.remove(group)
    }
  }
}
