/** The output side of a windowed aggregation: groups with their cells become rows of the output schema. */
import { Batch } from '../records/batch.ts'
import type { Column } from '../records/column.ts'
import type { OriginColumn } from '../records/origin.ts'
import { type Fields, makeSchema, type Schema } from '../records/schema.ts'
import { type Aggregation, type PlannedResult, readResult, resultType } from './aggregation.ts'
import type { CellStore } from './cells.ts'
import type { Emit } from './operator.ts'
import type { Window } from './window.ts'

export interface WindowAggregatePlan {
  readonly input: Schema
  readonly output: Schema
  readonly keys: readonly string[]
  readonly window: Window
  readonly aggregations: readonly Aggregation[]
  /** No row is older than the watermark by more than this, in microseconds: what must be kept for corrections. */
  readonly bound: number
  /** Head of the origins of the output, or null where nothing downstream can tie. */
  readonly origin: Uint8Array | null
}

/** Output fields: the keys, `window_start`, `window_end` (the event time), then one field an aggregate. */
export function windowSchema(input: Schema, keys: readonly string[], aggregates: Record<string, Aggregation>): Schema {
  const fields: Fields = {}
  for (const key of keys) fields[key] = { ...input.fields[key]!, eventTime: false }
  fields.window_start = { kind: 'time', nullable: false, eventTime: false }
  fields.window_end = { kind: 'time', nullable: false, eventTime: true }
  for (const [name, aggregation] of Object.entries(aggregates)) fields[name] = resultType(input, aggregation)
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
    diff = 1,
  ): void {
    const { length } = slots
    const columns = [
      ...keys,
      constant(end - this.#plan.window.size, length),
      constant(end, length),
      ...this.#results.map((result) => readResult(result, cells.cells, slots, length)),
    ]
    const diffs = diff === 1 ? null : new Int32Array(length).fill(diff)
    const batch = new Batch(this.#plan.output, length, columns, diffs, this.#origins(length, keyText))
    const present = presentGroups(cells.cells[0]!.high, slots)
    if (present.length > 0) this.#emit(batch.gather(present, present.length))
  }

  // An origin is (operator, key): a correction has that of the row that it takes back.
  #origins(length: number, keyText: (i: number) => string): OriginColumn | null {
    const { origin } = this.#plan
    if (origin === null) return null
    const heads = Array.from({ length }, (_, i) => Buffer.concat([origin, Buffer.from(keyText(i), 'latin1')]))
    return { heads, head: Int32Array.from({ length }, (_, i) => i), seq: new Float64Array(length) }
  }
}

function presentGroups(counts: Float64Array, slots: Int32Array): Int32Array {
  const present = new Int32Array(slots.length)
  let size = 0
  for (let i = 0; i < slots.length; i++) if (counts[slots[i]!]! > 0) present[size++] = i
  return present.subarray(0, size)
}
