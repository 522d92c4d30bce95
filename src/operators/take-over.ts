/**
 * Taking over the state of other shards of the same operator, whose keys now fall to this one. The others have ended at
 * one and the same watermark with nothing left due, so what is not of a key is the same in all of them (RS-2). Each
 * function goes through it in blocks and yields behind each, so that the caller can store what there is.
 */

import { invariant } from '../base/errors.ts'
import { packr } from '../base/packr.ts'
import type { Value } from '../records/column.ts'
import { unpackKey, unpackPrefix } from '../records/key.ts'
import { type Schema, typesOf } from '../records/schema.ts'
import type { KeyedTable } from '../storage/table.ts'
import { planCells } from './aggregation.ts'
import { LISTED_TABLE } from './as-of/listed-side.ts'
import type { SidePlan } from './as-of/right-side.ts'
import { versionTypes } from './as-of/stream-side.ts'
import { type AsOfJoinPlan, asOfTables, joinFrame } from './as-of-join.ts'
import { areNumbers } from './group-key.ts'
import { type FrameLimits, HeldBatches } from './held-batches.ts'
import { ACTOR_FRAME } from './held-rows.ts'
import { FLOOR, packTime, unpackTime } from './index/versions.ts'
import type { IntervalJoinPlan } from './interval-join.ts'
import { type KeepLastPlan, keepLastTypes } from './keep-last.ts'
import { keyColumns } from './key-index.ts'
import { KeyVersions, type VersionTypes, versionTables } from './key-versions/key-versions.ts'
import type { Retention } from './key-versions/retention.ts'
import { RunMerge } from './merge-runs.ts'
import { NEAR_JOIN_SIDES, nearJoinTypes, sideTables } from './near-join.ts'
import type { OperatorLimits } from './operator.ts'
import { OwnedKeys } from './owned-keys.ts'
import { PaneTable } from './pane-table.ts'
import { sidesSchema, sidesTypes, type TableJoinPlan } from './table-join/table-join.ts'
import type { WindowAggregatePlan } from './window-output.ts'

/** An operator's tables, by name. */
export type Tables = (name: string) => KeyedTable

export interface TakeOver {
  readonly from: readonly Tables[]
  readonly to: Tables
  readonly owns: (hash: number) => boolean
  readonly limits: OperatorLimits
  /** The columns of the first input by which the stage's rows are split. */
  readonly routing: readonly string[]
}

const GROUPS = 16_384
const ENTRIES = 1024

const placesOf = (all: readonly string[], names: readonly string[]): number[] => names.map((name) => all.indexOf(name))

export function* takeOverWindows(take: TakeOver, plan: Pick<WindowAggregatePlan, 'input' | 'keys' | 'aggregations'>) {
  const { specs } = planCells(plan.input, plan.aggregations)
  const types = typesOf(plan.input, plan.keys)
  const owned = new OwnedKeys(take.owns, types, placesOf(plan.keys, take.routing))
  const { limits } = take
  const most = {
    groups: GROUPS,
    bytes: limits.batchBytesMax,
    groupBytes: specs.length * 16,
    isWide: !areNumbers(types),
  }
  const into = new PaneTable(take.to('panes'), specs, limits)
  for (const tables of take.from) {
    const source = new PaneTable(tables('panes'), specs, limits)
    for (const pane of source.panes()) {
      const merge = new RunMerge(specs, source.cursors(pane, null, source.windowGroups(source.runs(pane))))
      while (!merge.isDone) {
        const { keys, store, slots } = merge.block(most)
        const rows = owned.ofColumns(keyColumns(keys, types), keys.length)
        const chosen = Array.from(rows, (row) => keys[row]!)
        if (chosen.length > 0)
          into.append(
            pane,
            chosen,
            store.cells,
            rows.map((row) => slots[row]!),
          )
        do {
          into.merge()
          yield
        } while (into.isBehind)
      }
    }
  }
  copyShared(take, 'firing')
}

export function* takeOverJoin(take: TakeOver, plan: SidePlan & Pick<AsOfJoinPlan, 'isTable' | 'retracts'>) {
  const { left, right, leftKeys, rightKeys } = plan
  // Where rows are looked up by other columns than those that they are split by, all of them held the whole table.
  const isWhole = !take.routing.every((name) => leftKeys.includes(name))
  const owns = isWhole ? () => true : take.owns
  const owned = new OwnedKeys(owns, typesOf(right, rightKeys), isWhole ? [] : placesOf(leftKeys, take.routing))
  const kinds = typesOf(right, rightKeys).map(({ kind }) => kind)
  if (asOfTables(plan).includes(LISTED_TABLE))
    yield* takeOverEntries(take, LISTED_TABLE, owned, (key) => unpackPrefix(key, kinds).values)
  else yield* takeOverVersions(take, versionTypes(plan), owned)
  const frame = joinFrame(take.limits)
  for (const name of ['waiting', 'answered']) yield* takeOverRows(take, name, left, take.routing, frame)
}

function* takeOverVersions(take: TakeOver, types: VersionTypes, owned: OwnedKeys, retention: Retention = 'last') {
  const into = new KeyVersions(versionTables(take.to), types, take.limits, retention)
  for (const tables of take.from)
    yield* into.takeOver(versionTables(tables), (keys, length) => owned.ofColumns(keys, length))
}

export function* takeOverLast(take: TakeOver, plan: Pick<KeepLastPlan, 'input' | 'keys' | 'results'>) {
  const types = keepLastTypes(plan)
  yield* takeOverVersions(take, types, new OwnedKeys(take.owns, types.keys, placesOf(plan.keys, take.routing)))
  yield* takeOverRows(take, 'held', plan.input, plan.keys, ACTOR_FRAME)
  copyShared(take, 'progress')
}

export function* takeOverSettle(take: TakeOver, schema: Schema) {
  yield* takeOverRows(take, 'held', schema, take.routing, ACTOR_FRAME)
  copyShared(take, 'progress')
}

export function* takeOverTables(take: TakeOver, plan: TableJoinPlan) {
  const types = sidesTypes(plan)
  const owned = new OwnedKeys(take.owns, types.keys, placesOf(plan.leftKeys, take.routing))
  yield* takeOverVersions(take, types, owned, 'net')
  yield* takeOverRows(take, 'held', sidesSchema(plan), plan.leftKeys, ACTOR_FRAME)
  copyShared(take, 'progress')
}

export function* takeOverNear(take: TakeOver, plan: IntervalJoinPlan) {
  const types = nearJoinTypes(plan)
  const owned = new OwnedKeys(take.owns, types[0].keys, placesOf(plan.leftKeys, take.routing))
  for (const [port, side] of NEAR_JOIN_SIDES.entries()) {
    const into = new KeyVersions(sideTables(side, take.to), types[port]!, take.limits, 'all')
    for (const tables of take.from)
      yield* into.takeOver(sideTables(side, tables), (keys, length) => owned.ofColumns(keys, length))
  }
}

/** Of a join whose both sides are kept row by row. */
export function* takeOverSides(take: TakeOver, left: Schema, leftKeys: readonly string[]) {
  const types = typesOf(left, leftKeys)
  const owned = new OwnedKeys(take.owns, types, placesOf(leftKeys, take.routing))
  const kinds = types.map(({ kind }) => kind)
  for (const table of ['left', 'right'])
    yield* takeOverEntries(take, table, owned, (key) => unpackPrefix(key, kinds).values)
}

export function* takeOverActor(take: TakeOver, input: Schema, keys: readonly string[]) {
  const types = typesOf(input, keys)
  const kinds = types.map(({ kind }) => kind)
  const owned = new OwnedKeys(take.owns, types, placesOf(keys, take.routing))
  yield* takeOverEntries(take, 'state', owned, (key) => (isShared(key) ? null : unpackPrefix(key, kinds).values))
  yield* takeOverEntries(take, 'timers', owned, (_, value) =>
    unpackKey((packr.unpack(value) as [number, Uint8Array])[1], kinds),
  )
  yield* takeOverRows(take, 'held', input, keys, ACTOR_FRAME)
  copyShared(take, 'state')
}

export function* takeOverDedup(take: TakeOver, input: Schema, keys: readonly string[]) {
  const types = typesOf(input, keys)
  const owned = new OwnedKeys(take.owns, types, placesOf(keys, take.routing))
  // The end of a span stands before the key.
  const kinds = ['time' as const, ...types.map(({ kind }) => kind)]
  for (const table of ['groups', 'alike'])
    yield* takeOverEntries(take, table, owned, (key) => unpackPrefix(key, kinds).values.slice(1))
}

export function* takeOverWindowFold(take: TakeOver, input: Schema, keys: readonly string[]) {
  const types = typesOf(input, keys)
  const owned = new OwnedKeys(take.owns, types, placesOf(keys, take.routing))
  // The end and the start of a window stand before the key.
  const kinds = ['time' as const, 'time' as const, ...types.map(({ kind }) => kind)]
  for (const table of ['groups', 'members'])
    yield* takeOverEntries(take, table, owned, (key) => unpackPrefix(key, kinds).values.slice(2))
}

export function* takeOverSessionFold(take: TakeOver, input: Schema, keys: readonly string[]) {
  const types = typesOf(input, keys)
  const owned = new OwnedKeys(take.owns, types, placesOf(keys, take.routing))
  const kinds = types.map(({ kind }) => kind)
  for (const table of ['sessions', 'rows', 'members'])
    yield* takeOverEntries(take, table, owned, (key) => unpackPrefix(key, kinds).values)
  yield* takeOverEntries(take, 'due', owned, (key) => unpackPrefix(key, ['time', ...kinds]).values.slice(1))
}

export function* takeOverChangelog(take: TakeOver, input: Schema, keys: readonly string[]) {
  const owned = new OwnedKeys(take.owns, typesOf(input, keys), placesOf(keys, take.routing))
  // The time and all values of a row.
  const kinds = ['time' as const, ...input.names.map((name) => input.fields[name]!.kind)]
  const at = keys.map((name) => 1 + input.names.indexOf(name))
  yield* takeOverEntries(take, 'counts', owned, (place) => {
    const values = unpackKey(place, kinds)
    return at.map((i) => values[i]!)
  })
}

export function* takeOverFold(take: TakeOver, input: Schema, keys: readonly string[]) {
  const types = typesOf(input, keys)
  const kinds = types.map(({ kind }) => kind)
  const owned = new OwnedKeys(take.owns, types, placesOf(keys, take.routing))
  for (const table of ['groups', 'recent', 'members'])
    yield* takeOverEntries(take, table, owned, (key) => unpackPrefix(key, kinds).values)
  yield* takeOverRows(take, 'held', input, keys, ACTOR_FRAME)
  copyShared(take, 'progress')
}

/** Of an operator whose tables have keys that begin with the packed key, and one of what is the same everywhere. */
export function* takeOverByKey(take: TakeOver, input: Schema, keys: readonly string[], tables: readonly string[]) {
  const types = typesOf(input, keys)
  const kinds = types.map(({ kind }) => kind)
  const owned = new OwnedKeys(take.owns, types, placesOf(keys, take.routing))
  for (const table of tables) yield* takeOverEntries(take, table, owned, (key) => unpackPrefix(key, kinds).values)
  takeOverFloor(take)
  copyShared(take, 'progress')
}

/** At the end of the input shards stand at what they had heard last, each at its own: what all of them have is from the latest on. */
function takeOverFloor({ from, to }: TakeOver): void {
  const floors = from.flatMap((tables) => {
    const floor = tables('progress').get(FLOOR)
    return floor === undefined ? [] : [unpackTime(floor)]
  })
  if (floors.length > 0) to('progress').put(FLOOR, packTime(Math.max(...floors)))
}

export function* takeOverRowsAndTiles(take: TakeOver, input: Schema, keys: readonly string[]) {
  yield* takeOverByKey(take, input, keys, ['back', 'rows', 'tiles'])
  yield* takeOverRows(take, 'held', input, keys, ACTOR_FRAME)
}

/** Packed keys begin with 0 or 1; what is not of a key has a name. */
const isShared = (key: Uint8Array): boolean => key[0]! > 1

function* takeOverRows(take: TakeOver, table: string, schema: Schema, keys: readonly string[], frame: FrameLimits) {
  const owned = new OwnedKeys(take.owns, typesOf(schema, keys), placesOf(keys, take.routing))
  const columns = placesOf(schema.names, keys)
  const into = new HeldBatches(take.to(table), schema, frame)
  for (const tables of take.from) yield* into.takeOver(tables(table), (batch) => owned.ofBatch(batch, columns))
}

/** @param keyOf the key that an entry belongs to; null for one that belongs to none */
function* takeOverEntries(
  { from, to }: TakeOver,
  table: string,
  owned: OwnedKeys,
  keyOf: (key: Uint8Array, value: Uint8Array) => readonly Value[] | null,
) {
  const into = to(table)
  let block: { key: Uint8Array; value: Uint8Array; values: readonly Value[] }[] = []
  const put = () => {
    for (const row of owned.ofValues(block.map(({ values }) => values))) into.put(block[row]!.key, block[row]!.value)
    block = []
  }
  for (const tables of from) {
    for (const [key, value] of tables(table).range()) {
      const values = keyOf(key, value)
      if (values === null) continue
      if (block.push({ key, value, values }) < ENTRIES) continue
      put()
      yield
    }
  }
  put()
}

/** What is not of a key: the same everywhere. */
export function copyShared({ from, to }: Pick<TakeOver, 'from' | 'to'>, table: string): void {
  const into = to(table)
  for (const tables of from) {
    for (const [key, value] of tables(table).range({ from: Uint8Array.of(2) })) {
      const known = into.get(key)
      invariant(
        known === undefined || Buffer.compare(known, value) === 0,
        'RS-2',
        () => `'${Buffer.from(key)}' of table '${table}' is not the same in all shards that are taken over`,
      )
      into.put(key, value)
    }
  }
}
