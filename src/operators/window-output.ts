/** The output side of a windowed aggregation: groups with their cells become rows of the output schema. */

import { type Budget, spend } from '../base/budget.ts'
import { userError } from '../base/errors.ts'
import { Batch } from '../records/batch.ts'
import { type Column, gatherColumn, type NumberColumn } from '../records/column.ts'
import type { OriginColumn } from '../records/origin.ts'
import { rowNumbers } from '../records/row-numbers.ts'
import { type Fields, makeSchema, type Schema } from '../records/schema.ts'
import { type Aggregation, type PlannedResult, readResult, refuseTaken, resultType } from './aggregation.ts'
import type { CellStore } from './cells.ts'
import type { GroupChange } from './corrections.ts'
import type { KeyIndex } from './key-index.ts'
import type { Emit } from './operator.ts'
import type { Emission, Window } from './window.ts'

export interface WindowAggregatePlan {
  readonly input: Schema
  readonly output: Schema
  readonly keys: readonly string[]
  readonly window: Pick<Window, 'size' | 'hop' | 'offset'>
  readonly aggregations: readonly Aggregation[]
  readonly emit: Emission
  /** No row is older than the watermark by more than this, in microseconds: what must be kept for corrections. */
  readonly bound: number
  /** Head of the origins of the output, or null where nothing downstream can tie. */
  readonly origin: Uint8Array | null
}

/** Output fields: the keys, `window_start`, `window_end` (the event time), then one field an aggregate. */
export function windowSchema(input: Schema, keys: readonly string[], aggregates: Record<string, Aggregation>): Schema {
  const fields: Fields = {}
  for (const key of keys) fields[key] = { ...input.fields[key]!, eventTime: false }
  for (const own of ['window_start', 'window_end'])
    if (Object.hasOwn(fields, own))
      throw userError('window', `the key '${own}' has the name of a column that windows add: rename it first`)
  fields.window_start = { kind: 'time', nullable: false, eventTime: false }
  fields.window_end = { kind: 'time', nullable: false, eventTime: true }
  for (const [name, aggregation] of Object.entries(aggregates)) {
    refuseTaken(fields, name)
    fields[name] = resultType(input, aggregation)
  }
  return makeSchema(fields)
}

const constant = (value: number, length: number): Column => ({
  type: 'number',
  data: new Float64Array(length).fill(value),
  valid: null,
})

export class WindowOutput {
  readonly #plan: WindowAggregatePlan
  readonly #results: readonly PlannedResult[]
  readonly #emit: Emit

  constructor(plan: WindowAggregatePlan, results: readonly PlannedResult[], emit: Emit) {
    this.#plan = plan
    this.#results = results
    this.#emit = emit
  }

  /**
   * Emits the groups at `slots`, all of the window that ends at `end`, leaving out those without rows.
   * @param keyText the packed key of the i-th group, asked for only where origins are needed
   */
  emitGroups(
    end: number,
    keys: readonly Column[],
    cells: CellStore,
    slots: Int32Array,
    keyText: (i: number) => string,
  ): void {
    const counts = cells.cells[0]!.high
    const picked = pick(slots.length, (i) => counts[slots[i]!]! > 0)
    this.#emitPicked(end, keys, this.#read(cells, slots), keyText, picked, 1)
  }

  /**
   * Takes back what was said of groups of one window and says what holds now, where the two differ. In full, whatever is
   * left of the budget.
   */
  emitChange({ end, ids, cells, before, after }: GroupChange, index: KeyIndex, budget: Budget): void {
    const counts = cells.cells[0]!.high
    const [said, now] = [this.#read(cells, before), this.#read(cells, after)]
    const changed = pick(
      ids.length,
      (i) =>
        counts[before[i]!]! > 0 !== counts[after[i]!]! > 0 || said.some((column, c) => !isSame(column, now[c]!, i)),
    )
    const keys = index.columns(ids)
    const keyText = (i: number) => index.text(ids[i]!)
    const retracted = changed.filter((i) => counts[before[i]!]! > 0)
    const inserted = changed.filter((i) => counts[after[i]!]! > 0)
    this.#emitPicked(end, keys, said, keyText, retracted, -1)
    this.#emitPicked(end, keys, now, keyText, inserted, 1)
    for (const picked of [retracted, inserted]) {
      let bytes = picked.length * this.rowBytes
      if (index.isWide) for (const i of picked) bytes += keyText(i).length
      spend(budget, picked.length, bytes)
    }
  }

  /** Bytes of a row, without those of its key's text. */
  get rowBytes(): number {
    return this.#plan.output.names.length * 8
  }

  #read(cells: CellStore, slots: Int32Array): NumberColumn[] {
    return this.#results.map((result) => readResult(result, cells.cells, slots, slots.length))
  }

  #emitPicked(
    end: number,
    keys: readonly Column[],
    results: readonly NumberColumn[],
    keyText: (i: number) => string,
    picked: Int32Array,
    diff: 1 | -1,
  ): void {
    const { length } = picked
    if (length === 0) return
    const columns = [
      ...keys.map((column) => gatherColumn(column, picked, length)),
      constant(end - this.#plan.window.size, length),
      constant(end, length),
      ...results.map((column) => gatherColumn(column, picked, length)),
    ]
    const diffs = diff === 1 ? null : new Int32Array(length).fill(diff)
    const origins = this.#origins(length, (i) => keyText(picked[i]!))
    this.#emit(new Batch(this.#plan.output, length, columns, diffs, origins))
  }

  // An origin is (operator, key): a correction has that of the row that it takes back.
  #origins(length: number, keyText: (i: number) => string): OriginColumn | null {
    const { origin } = this.#plan
    if (origin === null) return null
    const heads = Array.from({ length }, (_, i) => Buffer.concat([origin, Buffer.from(keyText(i), 'latin1')]))
    return { heads, head: rowNumbers(length), seq: new Float64Array(length) }
  }
}

/** The numbers below `length` for which `keep` holds. */
function pick(length: number, keep: (i: number) => boolean): Int32Array {
  const picked = new Int32Array(length)
  let size = 0
  for (let i = 0; i < length; i++) if (keep(i)) picked[size++] = i
  return picked.subarray(0, size)
}

function isSame(a: NumberColumn, b: NumberColumn, i: number): boolean {
  const [isNull, wasNull] = [a.valid?.[i] === 0, b.valid?.[i] === 0]
  return isNull || wasNull ? isNull === wasNull : Object.is(a.data[i], b.data[i])
}
