/** What a job's directory says of its indexes, so that who looks something up needs no code of the topology. */
import { type ShardId, shardId } from '../base/ids.ts'
import type { Files } from '../base/seam.ts'
import type { Fields } from '../records/schema.ts'
import type { Plan } from '../topology/plan.ts'
import { readJob } from './job.ts'
import { tableName } from './make-operator.ts'

export interface IndexRecord {
  readonly name: string
  /** The stage whose shards keep it. */
  readonly stage: string
  /** The operator's tables in their stores, by the names that it gives them. */
  readonly tables: { readonly versions: string; readonly progress: string }
  readonly fields: Fields
  readonly keys: readonly string[]
  /** The columns that the stage's rows are split by: some of the keys. */
  readonly routing: readonly string[]
}

const indexesFile = (directory: string): string => `${directory}/indexes.json`

export function writeIndexes(files: Files, directory: string, { stages }: Plan): void {
  const records = stages.flatMap((stage) =>
    stage.nodes.flatMap(({ node, inputSchemas, keys }): IndexRecord[] => {
      if (node.kind !== 'index') return []
      const { name, keys: by } = node
      const tables = { versions: tableName(node, 'versions'), progress: tableName(node, 'progress') }
      const { fields } = inputSchemas[0]!
      return [{ name, stage: stage.name, tables, fields, keys: by, routing: keys! }]
    }),
  )
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
