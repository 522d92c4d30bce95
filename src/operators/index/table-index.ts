/**
 * Keeps what holds in a table, and held, by key, for look-ups as of any time. A late update changes the versions behind it, up to
 * where its effect ends. What no look-up may ask for any more goes: versions that were over before the history begins.
 */
import { checksum, combineHash } from '../../base/hash.ts'
import type { Timestamp } from '../../base/time.ts'
import type { Batch } from '../../records/batch.ts'
import type { FieldKind, Schema } from '../../records/schema.ts'
import type { KeyedTable } from '../../storage/table.ts'
import { type FoldRow, textOf } from '../fold/fold-row.ts'
import { Touched } from '../fold/touched.ts'
import type { Operator, OperatorContext } from '../operator.ts'
import { Sweep } from '../sweep.ts'
import { HistoryFloor } from './history-floor.ts'
import { type HeldRow, packVersion, type StoredVersion, versionKey, versionsBefore } from './versions.ts'

export interface TableIndexPlan {
  readonly schema: Schema
  readonly keys: readonly string[]
  /** How far behind the watermark look-ups may go, in microseconds. */
  readonly history: number
  /** No update is older than the watermark by more than this, in microseconds. */
  readonly bound: number
}

/** The columns that are stored of a row: all but its keys and its event time. */
export const indexedColumns = ({ names, time }: Schema, keys: readonly string[]): string[] =>
  names.filter((name) => name !== time && !keys.includes(name))

type Holding = Map<string, HeldRow>

export class TableIndex implements Operator {
  readonly #versions: KeyedTable
  readonly #floor: HistoryFloor
  readonly #sweep: Sweep
  readonly #touched: Touched
  readonly #keyKinds: readonly FieldKind[]
  #changes = 0

  constructor(plan: TableIndexPlan, context: OperatorContext) {
    const { schema, keys } = plan
    this.#versions = context.table('versions')
    const progress = context.table('progress')
    this.#floor = new HistoryFloor(progress, plan)
    this.#sweep = new Sweep(this.#versions, progress)
    this.#touched = new Touched(schema, keys, indexedColumns(schema, keys))
    this.#keyKinds = keys.map((name) => schema.fields[name]!.kind)
  }

  open([watermark]: readonly Timestamp[]): void {
    this.#sweep.open()
    this.#floor.open(watermark!)
  }

  onBatch(batch: Batch): void {
    for (let row = 0; row < batch.length; row++) this.#touched.add(batch, row)
  }

  advance([watermark]: readonly Timestamp[]): boolean {
    this.#floor.move(watermark!)
    for (const [key, updates] of this.#touched.take()) {
      this.#change(
        key,
        updates.sort((a, b) => a.time - b.time),
      )
      this.#prune(key)
    }
    // Keys that nothing comes to: some of them each time, as many as are written.
    if (Number.isFinite(this.#floor.at)) for (const key of this.#sweep.nextGroups(this.#keyKinds)) this.#prune(key)
    return true
  }

  flush(): void {
    this.#sweep.save()
    this.#floor.save()
  }

  digest(): number {
    const changes = this.#changes
    this.#changes = 0
    return changes
  }

  /** @param updates in order of time */
  #change(key: Uint8Array, updates: readonly FoldRow[]): void {
    const { later, before } = this.#from(key, updates[0]!.time)
    let said = before
    let now = new Map(before)
    let u = 0
    let v = 0
    while (u < updates.length || v < later.length) {
      const time = Math.min(updates[u]?.time ?? Number.POSITIVE_INFINITY, later[v]?.time ?? Number.POSITIVE_INFINITY)
      const saidThen = later[v]?.time === time ? holdingOf(later[v++]!) : said
      const next = new Map(now)
      for (const one of said.values()) add(next, one.values, -one.count, time)
      for (const one of saidThen.values()) add(next, one.values, one.count, time)
      for (; updates[u]?.time === time; u++) add(next, updates[u]!.values, updates[u]!.diff, time)
      keepSince(next, now)
      this.#put(key, time, next, isEqual(next, now))
      said = saidThen
      now = next
      // What follows is as it was.
      if (u === updates.length && isEqual(now, said)) return
    }
  }

  /** Versions at or behind a time, oldest first, and what held before. */
  #from(key: Uint8Array, time: number): { later: StoredVersion[]; before: Holding } {
    const later: StoredVersion[] = []
    for (const version of versionsBefore(this.#versions, key, Number.POSITIVE_INFINITY)) {
      if (version.time < time) return { later: later.reverse(), before: holdingOf(version) }
      later.push(version)
    }
    return { later: later.reverse(), before: new Map() }
  }

  #put(key: Uint8Array, time: number, holding: Holding, isNothingNew: boolean): void {
    const place = versionKey(key, time)
    if (isNothingNew) {
      this.#versions.remove(place)
      this.#note(place, 0)
      return
    }
    const packed = packVersion([...holding.values()])
    this.#versions.put(place, packed)
    this.#sweep.cameIn(1)
    this.#note(place, checksum(packed))
  }

  #note(place: Uint8Array, hash: number): void {
    this.#changes = combineHash(combineHash(this.#changes, checksum(place)), hash)
  }

  /** Drops versions that were over before the floor. */
  #prune(key: Uint8Array): void {
    if (!Number.isFinite(this.#floor.at)) return
    const [first, ...over] = versionsBefore(this.#versions, key, this.#floor.at)
    if (first === undefined) return
    if (first.rows.length === 0) over.push(first)
    for (const { time } of over) this.#put(key, time, new Map(), true)
  }
}

const holdingOf = ({ rows }: StoredVersion): Holding => new Map(rows.map((row) => [textOf(row.values), row]))

function add(to: Holding, values: HeldRow['values'], diff: number, since: number): void {
  const text = textOf(values)
  const known = to.get(text)
  const count = (known?.count ?? 0) + diff
  if (count === 0) to.delete(text)
  else to.set(text, { values, count, since: known !== undefined && known.count > 0 ? known.since : since })
}

/** A row that was taken out and put in again at one time has held all the while. */
function keepSince(next: Holding, before: Holding): void {
  for (const [text, row] of next) {
    const was = before.get(text)
    if (was !== undefined && was.count > 0 && row.count > 0 && was.since !== row.since)
      next.set(text, { ...row, since: was.since })
  }
}

const isEqual = (one: Holding, other: Holding): boolean =>
  one.size === other.size &&
  [...one].every(([text, { count, since }]) => {
    const row = other.get(text)
    return row !== undefined && row.count === count && row.since === since
  })
