/**
 * Folds the updates of each key in order of event time into a table: what holds from each of their times on. With `final`
 * an update is folded when the watermark has passed it, so that versions are said once, and again only where a late update
 * changes them; with `eager` at once, and whatever comes in between rewrites what is behind it. What it comes to is the
 * same. What the fold makes of its updates is the accumulator's: the first row, the latest, aggregates.
 */
import { type Budget, spend } from '../../base/budget.ts'
import { checksum, combineHash } from '../../base/hash.ts'
import type { Timestamp } from '../../base/time.ts'
import type { Batch } from '../../records/batch.ts'
import { valuesBytes } from '../../records/batch-bytes.ts'
import { packedTime, unpackKey } from '../../records/key.ts'
import type { FieldKind, Schema } from '../../records/schema.ts'
import type { Operator, OperatorContext } from '../operator.ts'
import { Sweep } from '../sweep.ts'
import type { Emission } from '../window.ts'
import type { OpenAccumulator } from './accumulator.ts'
import { Arrivals, type UpdatesByKey } from './arrivals.ts'
import { FoldOutput } from './fold-output.ts'
import { FoldGroup, type GroupTables } from './group.ts'

export interface FoldPlan {
  readonly input: Schema
  readonly output: Schema
  readonly keys: readonly string[]
  /** Columns of the input that the accumulator reads. */
  readonly columns: readonly string[]
  /** Columns of the output that it gives, in its order. */
  readonly results: readonly string[]
  readonly open: OpenAccumulator
  readonly emit: Emission
  /** No update is older than the watermark by more than this, in microseconds. */
  readonly bound: number
  /** Head of the origins of the output, or null where nothing downstream can tie. */
  readonly origin: Uint8Array | null
}

/** The tables of a fold. */
export const FOLD_TABLES = ['groups', 'recent', 'members', 'held', 'progress'] as const

export class Fold implements Operator {
  readonly #plan: FoldPlan
  readonly #tables: GroupTables
  /** Over recent updates, for such as nothing comes before any more. */
  readonly #sweep: Sweep
  readonly #arrivals: Arrivals
  readonly #output: FoldOutput
  readonly #keyKinds: readonly FieldKind[]
  readonly #kinds: readonly FieldKind[]
  #changes = 0

  constructor(plan: FoldPlan, context: OperatorContext) {
    this.#plan = plan
    const { input, keys, columns } = plan
    this.#tables = {
      groups: context.table('groups'),
      recent: context.table('recent'),
      members: context.table('members'),
    }
    this.#sweep = new Sweep(this.#tables.recent, context.table('progress'))
    this.#arrivals = new Arrivals(plan, context)
    this.#output = new FoldOutput(plan, context.emit)
    this.#keyKinds = keys.map((name) => input.fields[name]!.kind)
    this.#kinds = columns.map((name) => input.fields[name]!.kind)
  }

  open([watermark]: readonly Timestamp[]): void {
    this.#arrivals.open(watermark!)
    this.#sweep.open()
  }

  onBatch(batch: Batch): void {
    this.#arrivals.put(batch)
  }

  advance([watermark]: readonly Timestamp[], budget: Budget): boolean {
    const horizon = watermark! - this.#plan.bound
    // What is left may begin at the time of the last one, and change what was said of it.
    const done = this.#arrivals.take(watermark!, budget, (groups, last) =>
      this.#foldIn(groups, Math.min(horizon, last ?? horizon), budget),
    )
    this.#output.end()
    if (!done) return false
    this.#settleOld(horizon)
    return true
  }

  flush(): void {
    this.#arrivals.save()
    this.#sweep.save()
  }

  memoryBytes(): number {
    return this.#arrivals.memoryBytes
  }

  digest(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }

  #foldIn(groups: UpdatesByKey, keepFrom: number, budget: Budget): void {
    for (const [packed, updates] of groups) {
      const group = this.#group(packed)
      const keys = unpackKey(packed, this.#keyKinds)
      for (const change of group.fold(updates, keepFrom)) {
        this.#output.push(packed, keys, change)
        spend(budget, 1, valuesBytes(keys) + valuesBytes(change.values))
      }
      this.#note(packed, group.save())
      this.#sweep.cameIn(updates.length)
    }
  }

  #group(key: Uint8Array): FoldGroup {
    return new FoldGroup(key, this.#tables, this.#kinds, this.#plan.open)
  }

  #note(key: Uint8Array, stored: Uint8Array | null): void {
    this.#changes = combineHash(combineHash(this.#changes, checksum(key)), stored === null ? 0 : checksum(stored))
  }

  /**
   * Settles old updates of groups that nothing comes to: some of the table is looked through each time, as much as goes
   * into it, so that what is kept follows the bound.
   */
  #settleOld(horizon: number): void {
    const isOld = (behind: Uint8Array) => packedTime(behind) < horizon
    for (const key of this.#sweep.nextGroups(this.#keyKinds, isOld)) {
      const group = this.#group(key)
      group.settle(horizon)
      this.#note(key, group.save())
    }
  }
}
