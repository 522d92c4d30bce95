/** The program of a sink's stage: to a file that grows, or to one that is merged where rows are taken back. */
import type { Seam } from '../base/seam.ts'
import { jsonLines } from '../connectors/json-lines.ts'
import type { Program } from '../recovery/program.ts'
import type { KeyedTable } from '../storage/table.ts'
import { DEAD_LETTER_SCHEMA, DEAD_LETTERS } from '../topology/dead-letters.ts'
import type { SinkNode } from '../topology/graph.ts'
import type { PlannedStage } from '../topology/plan.ts'
import { AppendSinkProgram } from './append-sink-program.ts'
import { MergeSinkProgram } from './merge-sink-program.ts'

export interface SinkServices {
  readonly seam: Seam
  /** Directory of relative paths, and the data directory. */
  readonly out: string
  readonly directory: string
  readonly table: (name: string) => KeyedTable
  /** Bytes of rows that are made text at a time. */
  readonly pieceBytesMax: number
}

export function makeSink({ name, nodes }: PlannedStage, services: SinkServices): Program {
  const { seam, out, directory, table, pieceBytesMax } = services
  if (name === DEAD_LETTERS) {
    const columns = DEAD_LETTER_SCHEMA.names
    const path = `${directory}/${DEAD_LETTERS}.jsonl`
    return new AppendSinkProgram({ seam, schema: DEAD_LETTER_SCHEMA, columns, path, format: jsonLines }, pieceBytesMax)
  }
  const { node, schema, inputFacts } = nodes[0]!
  const { path, format, columns } = (node as SinkNode).connector!
  const context = { seam, schema, columns: columns ?? schema.names, path: `${out}/${path}`, format }
  const { retracts, isTable } = inputFacts[0]!
  return retracts
    ? new MergeSinkProgram(context, table, { pieceBytesMax, isTable })
    : new AppendSinkProgram(context, pieceBytesMax)
}
