/** What the tests of the connectors share: a seam with a clock that stands still, and readers drained to the end. */
import type { Test } from 'tap'
import { nodeSeam } from '../../../src/base/real/node-seam.ts'
import type { Seam } from '../../../src/base/seam.ts'
import type { UserValue } from '../../../src/records/column.ts'
import type { Fields, Schema } from '../../../src/records/schema.ts'
import type {
  RejectedRow,
  SourceConnector,
  SourceContext,
  SplitPosition,
  SplitReader,
} from '../../../src/topology/connector.ts'

/** A clock that a test moves. */
export class StillClock {
  ms = 0
  now = (): number => this.ms
  monotonic = (): number => this.ms
}

export const contextOf = <F extends Fields>(schema: Schema<F>, clock = new StillClock()): SourceContext => {
  const seam: Seam = { ...nodeSeam, clock }
  return { seam, schema: schema as unknown as Schema }
}

export interface Drained {
  readonly rows: Record<string, UserValue>[]
  /** Of each row. */
  readonly offsets: number[]
  readonly rejected: RejectedRow[]
  /** Where the reader was after each row or rejected row, if it is read with `rowsMax` 1. */
  readonly positions: SplitPosition[]
}

/** Reads to the end, or until the reader says `'wait'`. */
export async function drain(reader: SplitReader, rowsMax = 1000): Promise<Drained> {
  const drained: Drained = { rows: [], offsets: [], rejected: [], positions: [] }
  for (;;) {
    const came = await reader.read(rowsMax)
    if (came === null || came === 'wait') break
    const { batch, offsets, rejected } = came
    drained.rows.push(...batch.rows())
    for (let i = 0; i < batch.length; i++) drained.offsets.push(typeof offsets === 'number' ? offsets + i : offsets[i]!)
    drained.rejected.push(...rejected)
    // As a marker keeps it.
    drained.positions.push(JSON.parse(JSON.stringify(reader.position())))
  }
  return drained
}

/** Everything that a split gives from a position on. */
export async function readAll(
  connector: SourceConnector,
  context: SourceContext,
  options: { split?: number; position?: SplitPosition; rowsMax?: number } = {},
): Promise<Drained> {
  const reader = await connector.open(context, options.split ?? 0, options.position ?? null)
  try {
    return await drain(reader, options.rowsMax)
  } finally {
    await reader.close()
  }
}

/** Resumes at every position that single steps pass through, and compares what follows with the rest of the first run. */
export async function checkResume(
  t: Test,
  connector: SourceConnector,
  context: SourceContext,
  split = 0,
): Promise<void> {
  const whole = await readAll(connector, context, { split, rowsMax: 1 })
  const last = (drained: Drained, count: number) => ({
    rows: drained.rows.filter((_, i) => drained.offsets[i]! >= count),
    offsets: drained.offsets.filter((offset) => offset >= count),
    rejected: drained.rejected.filter(({ offset }) => offset >= count),
  })
  const all = [...whole.offsets, ...whole.rejected.map(({ offset }) => offset)].sort((a, b) => a - b)
  t.equal(whole.positions.length, all.length, 'a step a row')
  for (const [step, position] of whole.positions.entries()) {
    for (const rowsMax of [1, 3, 1000]) {
      const rest = await readAll(connector, context, { split, position, rowsMax })
      const { positions: _, ...got } = rest
      t.same(got, last(whole, all[step]! + 1), `resumed after row ${all[step]} with ${rowsMax} rows a read`)
    }
  }
}
