/** How a key is looked up in a store, by what sort of index it is. */
import type { IndexRecord } from '../actors/index-records.ts'
import { userError } from '../base/errors.ts'
import { isoTime, type Timestamp } from '../base/time.ts'
import { spanAggregatesAt } from '../operators/index/span-aggregates.ts'
import { indexedColumns } from '../operators/index/table-index.ts'
import { planTiles, type SpanAggregate } from '../operators/index/tile-plan.ts'
import { FLOOR, knownAt, unpackTime } from '../operators/index/versions.ts'
import { ScratchTable } from '../operators/scratch-table.ts'
import { spanResultType } from '../operators/spans.ts'
import type { UserValue, Value } from '../records/column.ts'
import { packValues } from '../records/key.ts'
import { unpacked } from '../records/nested.ts'
import { type Fields, type FieldType, makeSchema, type Schema } from '../records/schema.ts'
import type { StoreReader } from '../storage/environment.ts'
import type { KeyedTable } from '../storage/table.ts'

type AnyRow = Readonly<Record<string, UserValue>>
type ReadTable = Pick<KeyedTable, 'get' | 'range'>

/**
 * What a look-up comes to. `found`: a row, of which columns may be null. `default`: of aggregates, the key is known, and no row is left
 * of it, or none within its spans. `missing`: nothing is known of the key, or it holds no more.
 */
export type Lookup<R> =
  | { readonly state: 'found' | 'default'; readonly row: R }
  | { readonly state: 'missing'; readonly row: null }

export const MISSING = { state: 'missing', row: null } as const

/** Looks keys up in one index. */
export interface IndexReader {
  /** Fields of the rows that are found, those of keys among them. */
  readonly fields: Fields
  /** @throws user error `history` when the time is before what is kept */
  at(store: StoreReader, key: readonly Value[], time: Timestamp): Lookup<AnyRow>
}

export const readerOf = (record: IndexRecord): IndexReader =>
  record.aggregates === null ? inRows(record) : inAggregates(record, record.aggregates)

function inRows({ name, tables, fields, keys, defaults }: IndexRecord): IndexReader {
  const schema = makeSchema(fields)
  const columns = indexedColumns(schema, keys)
  return {
    fields,
    at(store, key, time) {
      const floor = floorOf(store, tables)
      checkFloor(name, floor, time)
      const known = knownAt(tableOf(store, tables.versions!), packValues(key), time)
      // What ended before the history begins may be known still, or have gone: it is not asked which.
      if (known === undefined || (known.row === null && (defaults === null || known.since <= floor))) return MISSING
      const { row: held, since } = known
      const row = rowOf(fields, (field) => {
        const k = keys.indexOf(field)
        if (field === schema.time) return since
        if (k >= 0) return key[k]!
        return held === null ? defaults![field]! : held.values[columns.indexOf(field)]!
      })
      return { state: held === null ? 'default' : 'found', row }
    },
  }
}

function inAggregates(
  { name, tables, fields: input, keys }: IndexRecord,
  aggregates: Readonly<Record<string, SpanAggregate>>,
): IndexReader {
  const schema = makeSchema(input)
  const plan = planTiles(schema, keys, aggregates)
  const results = Object.keys(aggregates)
  const fields = {
    ...Object.fromEntries(keys.map((field) => [field, input[field]!])),
    ...Object.fromEntries(results.map((field) => [field, resultOf(schema, aggregates[field]!)])),
  }
  return {
    fields,
    at(store, key, time) {
      const floor = floorOf(store, tables)
      checkFloor(name, floor, time)
      const read = {
        rows: tableOf(store, tables.rows!),
        tiles: tableOf(store, tables.tiles!),
        scratch: () => new ScratchTable(),
      }
      const found = spanAggregatesAt(plan, read, packValues(key), time, floor)
      if (found === null) return MISSING
      const row = rowOf(fields, (field) =>
        keys.includes(field) ? key[keys.indexOf(field)]! : found.values[results.indexOf(field)]!,
      )
      return { state: found.hasRows ? 'found' : 'default', row }
    },
  }
}

function resultOf(schema: Schema, aggregate: SpanAggregate): FieldType {
  const type = spanResultType(schema, aggregate)
  return aggregate.default === undefined ? type : { ...type, nullable: false }
}

const tableOf = (store: StoreReader, name: string): ReadTable => ({
  get: (key) => store.get(name, key),
  range: (options) => store.range(name, options),
})

/** From which time on history is whole. */
function floorOf(store: StoreReader, tables: IndexRecord['tables']): Timestamp {
  const floor = store.get(tables.progress!, FLOOR)
  return floor === undefined ? Number.NEGATIVE_INFINITY : unpackTime(floor)
}

function checkFloor(name: string, floor: Timestamp, time: Timestamp): void {
  if (time >= floor) return
  const [first, asked] = [floor, time].map(isoTime)
  throw userError('history', `index '${name}' goes back to ${first}, not to ${asked}: give it a longer history`)
}

/** Values may be packed. */
const rowOf = (fields: Fields, fieldOf: (field: string) => UserValue): AnyRow =>
  Object.fromEntries(
    Object.entries(fields).map(([field, type]) => {
      const value = fieldOf(field)
      return [field, value instanceof Uint8Array ? unpacked(type, value) : value]
    }),
  )
