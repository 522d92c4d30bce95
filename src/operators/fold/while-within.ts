/** An accumulator whose rows leave after a span of time: see `leaving.ts`. */
import { SPAN_COLUMNS } from '../leaving.ts'
import type { Accumulator, OpenAccumulator } from './accumulator.ts'
import type { FoldRow } from './fold-row.ts'

/** Columns of a row, those of the accumulator first, and what it is opened by. */
export interface Opened {
  readonly columns: readonly string[]
  readonly open: OpenAccumulator
}

export const whileWithin = ({ columns, open }: Opened): Opened => ({
  columns: [...columns, ...SPAN_COLUMNS],
  open: (store) => new WhileWithin(open(store), columns.length),
})

class WhileWithin implements Accumulator {
  readonly #rows: Accumulator
  readonly #width: number

  constructor(rows: Accumulator, width: number) {
    this.#rows = rows
    this.#width = width
  }

  apply(row: FoldRow, diff: number): void {
    const [entered, left] = row.values.slice(this.#width) as [number, number]
    // Its place among the others is that of its coming.
    this.#rows.apply({ ...row, time: entered, values: row.values.slice(0, this.#width) }, left > 0 ? -diff : diff)
  }

  /** What is in may leave. */
  settle(): void {}

  rows() {
    return this.#rows.rows()
  }

  save(): unknown {
    return this.#rows.save()
  }
}
