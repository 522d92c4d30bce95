/**
 * How the versions of an index are stored, for the operator that writes them and for whoever looks them up. An entry for each time at which
 * something changed for a key: the rows that hold from then on. Keys: packed key, then the packed time inverted, so that
 * the first entry at or behind a time's place is the version that holds at that time.
 */

import { packr } from '../../base/packr.ts'
import type { Value } from '../../records/column.ts'
import { packValues, unpackKey } from '../../records/key.ts'
import { type KeyedTable, prefixEnd } from '../../storage/table.ts'
import { inverted } from '../fold/members.ts'

/** The tables of an index. */
export const INDEX_TABLES = ['versions', 'progress'] as const
/** Where the table of progress says from which time on history is whole: a shard's own, since keys that are shared begin with 2 or more. */
export const FLOOR = Buffer.from('\x01floor')

/** A row that holds for a key, as values behind the key and the event time. */
export interface HeldRow {
  readonly values: readonly Value[]
  /** How often; below 1 where it was taken back before it came. */
  readonly count: number
  /** The event time from which on it holds. */
  readonly since: number
}

/** From `time` on these rows hold, and no others. */
export interface StoredVersion {
  readonly time: number
  readonly rows: readonly HeldRow[]
}

/** What is needed of a store to look something up. */
export type Lookable = Pick<KeyedTable, 'range'>

export const versionKey = (key: Uint8Array, time: number): Uint8Array =>
  Buffer.concat([key, inverted(packValues([time]))])

export const packVersion = (rows: readonly HeldRow[]): Uint8Array =>
  packr.pack(rows.map(({ values, count, since }) => [values, count, since]))

export const packTime = (time: number): Uint8Array => packr.pack(time)
export const unpackTime = (bytes: Uint8Array): number => packr.unpack(bytes) as number

/** Versions of a key from the one that holds at `time` back to the first. */
export function* versionsBefore(table: Lookable, key: Uint8Array, time: number): Iterable<StoredVersion> {
  const from = time === Number.POSITIVE_INFINITY ? key : versionKey(key, time)
  for (const [place, packed] of table.range({ from, to: prefixEnd(key) })) {
    const [at] = unpackKey(inverted(place.subarray(key.length)), ['time']) as [number]
    const rows = packr.unpack(packed) as [Value[], number, number][]
    yield { time: at, rows: rows.map(([values, count, since]) => ({ values, count, since })) }
  }
}

/** What is known of a key at `time`: the row that holds, of several the one that began last, of these the greatest; null where none does. */
export interface KnownAt {
  readonly row: HeldRow | null
  /** Since when it is so. */
  readonly since: number
}

/** Undefined where nothing is known yet. */
export function knownAt(table: Lookable, key: Uint8Array, time: number): KnownAt | undefined {
  for (const version of versionsBefore(table, key, time)) {
    let best: HeldRow | null = null
    for (const row of version.rows) if (row.count > 0 && (best === null || isAhead(row, best))) best = row
    return { row: best, since: best?.since ?? version.time }
  }
  return undefined
}

const isAhead = (row: HeldRow, best: HeldRow): boolean =>
  row.since > best.since ||
  (row.since === best.since && Buffer.compare(packValues(row.values), packValues(best.values)) > 0)
