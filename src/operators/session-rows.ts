/** What a session is said as, where rows within a gap of each other are alike: its latest row, as it came. */
import { valuesBytes } from '../records/batch-bytes.ts'
import type { Value } from '../records/column.ts'
import type { Schema } from '../records/schema.ts'
import type { Accumulator, OpenAccumulator } from './fold/accumulator.ts'
import { comparePlaces, type FoldRow, textOf } from './fold/fold-row.ts'
import type { Emit } from './operator.ts'
import { RowOutput } from './row-output.ts'
import type { SaidSession } from './sessions.ts'
import type { WindowGroup } from './window-rows.ts'

/** The latest row by (event time, origin). A session that loses one is made anew: none is ever taken out. */
class LatestRow implements Accumulator {
  #latest: FoldRow | null

  constructor(saved: unknown) {
    const [time, origin, values] = (saved ?? []) as [number?, string?, FoldRow['values']?]
    this.#latest = time === undefined ? null : { time, origin: origin!, values: values!, diff: 1 }
  }

  apply(row: FoldRow): void {
    if (this.#latest === null || comparePlaces(this.#latest, row) < 0) this.#latest = { ...row, diff: 1 }
  }

  settle(): void {}

  /** Its values, and behind them its origin. */
  rows(): readonly (readonly Value[])[] {
    return this.#latest === null ? [] : [[...this.#latest.values, this.#latest.origin]]
  }

  save(): unknown {
    const { time, origin, values } = this.#latest!
    return [time, origin, values]
  }
}

export const openLatestRow: OpenAccumulator = ({ saved }) => new LatestRow(saved)

export class SessionRows {
  readonly #rows: RowOutput

  constructor(schema: Schema, emit: Emit) {
    this.#rows = new RowOutput(schema, emit)
  }

  /** Where it begins is no part of what is said. */
  textOf({ rows }: SaidSession): string {
    return textOf(rows.flat())
  }

  /** @returns bytes of what was put out */
  push(_: WindowGroup, row: readonly Value[], diff: number): number {
    const values = row.slice(0, -1)
    this.#rows.push(values, diff, Buffer.from(row.at(-1) as string, 'latin1'))
    return valuesBytes(values)
  }

  end(): void {
    this.#rows.end()
  }
}
