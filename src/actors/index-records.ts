/** What a job's directory says of its indexes, so that who looks something up needs no code of the topology. */
import { type ShardId, shardId } from '../base/ids.ts'
import type { Files } from '../base/seam.ts'
import { type SpanAggregate, TILE_TABLES } from '../operators/index/tile-plan.ts'
import { INDEX_TABLES } from '../operators/index/versions.ts'
import type { UserValue } from '../records/column.ts'
import type { Fields } from '../records/schema.ts'
import { type AnyIndexNode, isIndex } from '../topology/graph.ts'
import type { Plan, PlannedNode } from '../topology/plan.ts'
import { readJob } from './job.ts'
import { tableName } from './make-operator.ts'

export interface IndexRecord {
  readonly name: string
  /** The stage whose shards keep it. */
  readonly stage: string
  /** The operator's tables in their stores, by the names that it gives them. */
  readonly tables: Readonly<Record<string, string>>
  /** Those of the rows that it is given. */
  readonly fields: Fields
  readonly keys: readonly string[]
  /** The columns that the stage's rows are split by: some of the keys. */
  readonly routing: readonly string[]
  /** Null where whole rows are looked up. */
  readonly aggregates: Readonly<Record<string, SpanAggregate>> | null
  /** What is found of a key that is known where no row holds; null where nothing is. */
  readonly defaults: Readonly<Record<string, UserValue>> | null
}

const indexesFile = (directory: string): string => `${directory}/indexes.json`

function recordOf(stage: string, { inputSchemas, keys }: PlannedNode, node: AnyIndexNode): IndexRecord {
  const tables = node.kind === 'index' ? INDEX_TABLES : TILE_TABLES
  return {
    ...{ name: node.name, stage, fields: inputSchemas[0]!.fields, keys: node.keys, routing: keys! },
    tables: Object.fromEntries(tables.map((table) => [table, tableName(node, table)])),
    aggregates: node.kind === 'index' ? null : node.aggregates,
    defaults: node.kind === 'index' ? node.defaults : null,
  }
}

/** Those of a plan. */
export const indexRecords = ({ stages }: Plan): IndexRecord[] =>
  stages.flatMap(({ name, nodes }) =>
    nodes.flatMap((planned) => (isIndex(planned.node) ? recordOf(name, planned, planned.node) : [])),
  )

export function writeIndexes(files: Files, directory: string, plan: Plan): void {
  const records = indexRecords(plan)
  if (records.length > 0) files.replace(indexesFile(directory), `${JSON.stringify(records, null, 2)}\n`)
}

/** Those of a job; none where the directory is not a job's. */
export function readIndexes(files: Files, directory: string): IndexRecord[] {
  const file = indexesFile(directory)
  return files.exists(file) ? (JSON.parse(Buffer.from(files.read(file)).toString()) as IndexRecord[]) : []
}

/** The shards of a stage of a job as it is now, generation by generation, oldest first. */
export function shardsOf(files: Files, directory: string, stage: string): ShardId[][] {
  const { parallelism, rescales } = readJob(files, directory)!
  const counts = [parallelism, ...rescales.filter((one) => one.stage === stage).map(({ shards }) => shards)]
  return counts.map((shards, generation) =>
    Array.from({ length: shards }, (_, index) => shardId(stage, index, generation)),
  )
}
