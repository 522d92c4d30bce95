/**
 * Versions of rows by key, in order of (event time, origin): what held at a time, and what is before and behind a new one.
 * Those of keys in use are in columns in memory, all of a key or none; all of them in blocks of a table. Keys are looked up a
 * batch at a time. Where nothing takes a row back, or with `net`, where versions are updates.
 */

import { Batch } from '../../records/batch.ts'
import { batchBytes, pieceOf } from '../../records/batch-bytes.ts'
import { type Column, gatherCodes, gatherColumn, gatherNumbers } from '../../records/column.ts'
import { gatherOrigins } from '../../records/origin.ts'
import { chosenRows, rowNumbers } from '../../records/row-numbers.ts'
import { eventTime, type Fields, type FieldType, int, makeSchema, type Schema } from '../../records/schema.ts'
import type { KeyedTable } from '../../storage/table.ts'
import { KeyIndex } from '../key-index.ts'
import type { OperatorLimits } from '../operator.ts'
import { sortByNumber } from '../radix-sort.ts'
import { areSame, hashesOfKeys } from './key-columns.ts'
import { keptRows, type Retention } from './retention.ts'
import { FRAME_BYTES, lowerBound, RowBlocks } from './row-blocks.ts'
import { blockOrder, HASH, hashesOf } from './row-order.ts'
import { VersionColumns } from './version-columns.ts'
import { VersionLists } from './version-lists.ts'

/** Their names within an operator. */
export const VERSION_TABLES = ['blocks', 'bounds'] as const

export interface VersionTables {
  readonly blocks: KeyedTable
  readonly bounds: KeyedTable
}

export const versionTables = (table: (name: string) => KeyedTable): VersionTables => ({
  blocks: table('blocks'),
  bounds: table('bounds'),
})

export interface VersionTypes {
  readonly keys: readonly FieldType[]
  readonly values: readonly FieldType[]
}

/** Rows that are looked up at a time, at first and then. */
const LOOK_ROWS = 256
const LOOK_ROWS_MIN = 16
const LOOK_ROWS_MAX = 65_536

export class KeyVersions {
  readonly #types: VersionTypes
  readonly #limits: OperatorLimits
  readonly #retention: Retention
  readonly #keySchema: Schema
  readonly #blockSchema: Schema
  readonly #blocks: RowBlocks
  readonly #keys: KeyIndex
  #lookRows = LOOK_ROWS
  #columns!: VersionColumns
  #lists!: VersionLists

  constructor(tables: VersionTables, types: VersionTypes, limits: OperatorLimits, retention: Retention = 'last') {
    this.#types = types
    this.#limits = limits
    this.#retention = retention
    this.#keySchema = blockSchema({ keys: types.keys, values: [] })
    this.#blockSchema = blockSchema(types)
    this.#blocks = this.#blocksOf(tables)
    this.#keys = new KeyIndex(
      types.keys.map((_, k) => k),
      types.keys,
    )
    this.#forget(Number.NEGATIVE_INFINITY)
  }

  get memoryBytes(): number {
    const frames = Math.min(this.#columns.unsaved, this.#blocks.size + 1) * FRAME_BYTES
    const { memoryBytes: lists } = this.#lists
    return this.#keys.memoryBytes + this.#columns.memoryBytes + lists + frames + this.#blocks.memoryBytes
  }

  get columns(): VersionColumns {
    return this.#columns
  }

  /** Which versions the keys have that were looked up last. */
  get lists(): VersionLists {
    return this.#lists
  }

  /**
   * The keys of rows, as numbers, with all their versions at hand. Numbers of keys and versions hold until the next call
   * of this, which lets go of them where they are too many.
   */
  look(keys: readonly Column[], length: number): Int32Array {
    if (this.memoryBytes > this.#limits.writeSetBytesMax) {
      this.flush()
      this.#forget(this.#lists.horizon)
    }
    const before = this.memoryBytes
    const ids = new Int32Array(length)
    this.#keys.resolve(new Batch(this.#keySchema, length, keys), ids)
    const unknown = this.#lists.takeUnknown(ids, this.#keys.size)
    if (unknown.length > 0 && this.#blocks.size > 0) this.#read(unknown)
    this.#pace(length, this.memoryBytes - before)
    return ids
  }

  /** No look-up, and no row to come, is before a time. */
  reach(horizon: number): void {
    this.#lists.horizon = Math.max(this.#lists.horizon, horizon)
  }

  /** How many rows to look up at a time: what they need comes into memory at once, and must not be much of what may be there. */
  get lookRows(): number {
    return this.#lookRows
  }

  /** The rows of a batch in pieces, each to be looked up. */
  *pieces(rows: Batch): Iterable<Batch> {
    for (let from = 0; from < rows.length; ) {
      const to = Math.min(rows.length, from + this.#lookRows)
      yield pieceOf(rows, from, to)
      from = to
    }
  }

  #pace(rows: number, bytes: number): void {
    const { writeSetBytesMax } = this.#limits
    if (bytes * 4 > writeSetBytesMax) this.#lookRows = Math.max(LOOK_ROWS_MIN, Math.min(this.#lookRows, rows) >> 1)
    else if (bytes * 8 < writeSetBytesMax) this.#lookRows = Math.min(LOOK_ROWS_MAX, this.#lookRows * 2)
  }

  /** The packed bytes of a key, as latin1 text. */
  keyText(id: number): string {
    return this.#keys.text(id)
  }

  /** The key columns of keys. */
  keyColumns(ids: Int32Array): Column[] {
    return this.#keys.columns(ids)
  }

  /** Makes versions of rows, of which each is to be linked to those of its key. @returns the first; the others follow */
  add(batch: Batch, ids: Int32Array, values: readonly Column[]): number {
    return this.#columns.add(batch, null, ids, values, false)
  }

  /**
   * Makes rows versions of their keys, which are looked up.
   * @param of which columns are keys, and which values @param horizon no look-up, and no row to come, is before it
   * @param linked told of each version, while `lists` says between which it stands
   */
  enter(
    rows: Batch,
    of: { readonly keys: readonly number[]; readonly values: readonly number[] },
    horizon: number,
    linked?: (version: number, row: number) => void,
  ): void {
    const [keys, values] = [of.keys, of.values].map((columns) => columns.map((c) => rows.columns[c]!))
    const first = this.add(rows, this.look(keys!, rows.length), values!)
    const lists = this.#lists
    this.reach(horizon)
    for (let row = 0; row < rows.length; row++) {
      lists.link(first + row)
      linked?.(first + row, row)
    }
  }

  /** True while stored versions are in more pieces than they should be. */
  get isBehind(): boolean {
    return this.#blocks.isBehind
  }

  /** Stores what is not; lets go of what is in memory where that is much. */
  flush(): void {
    if (this.#columns.unsaved > 0 || this.#blocks.isBehind) {
      const { horizon } = this.#lists
      const isOver = (version: number) => this.#retention === 'all' && this.#columns.times[version]! < horizon
      const rows = this.#rowsOf(chosenRows(this.#columns.takeUnsaved(), (version) => !isOver(version)))
      this.#blocks.add(rows, blockOrder(rows), this.#limits.writeSetBytesMax / 2)
      // What has been added, or what was taken back, must go some day.
      if (this.#retention === 'all') this.#blocks.sweep(2 * batchBytes(rows))
      else if (this.#retention === 'net') this.#blocks.sweep(2 * batchBytes(rows) * backShare(rows))
    }
    if (this.memoryBytes > this.#limits.cacheBytesMax) this.#forget(this.#lists.horizon)
  }

  /** Takes over the versions of those keys of another that are chosen; frame by frame. */
  *takeOver(from: VersionTables, choose: (keys: Column[], length: number) => Int32Array) {
    for (const rows of this.#blocksOf(from).all()) {
      const chosen = choose(this.#keysOf(rows), rows.length)
      if (chosen.length > 0) this.#blocks.add(rows, chosen, this.#limits.writeSetBytesMax / 2)
      yield
    }
  }

  #blocksOf(tables: VersionTables): RowBlocks {
    const [schema, retention] = [this.#blockSchema, this.#retention]
    return new RowBlocks(tables, schema, (rows, order) =>
      keptRows(rows, order, { retention, horizon: this.#lists.horizon, keys: this.#keysOf(rows) }),
    )
  }

  #forget(horizon: number): void {
    this.#keys.clear()
    this.#columns = new VersionColumns(this.#types.values)
    this.#lists = new VersionLists(this.#columns, this.#retention, horizon)
  }

  #read(ids: Int32Array): void {
    const unordered = this.#keys.columns(ids)
    const hashed = hashesOfKeys(unordered, ids.length)
    const order = rowNumbers(ids.length)
    sortByNumber(order, hashed)
    const hashes = gatherNumbers(hashed, order, order.length)
    const keys = unordered.map((column) => gatherColumn(column, order, order.length))
    this.#blocks.find(hashes, (frame, from, to) =>
      this.#readFrame(frame, hashes, keys, (w) => ids[order[w]!]!, from, to),
    )
  }

  #readFrame(
    frame: Batch,
    hashes: Float64Array,
    keys: readonly Column[],
    idOf: (wanted: number) => number,
    from: number,
    to: number,
  ): void {
    const inFrame = hashesOf(frame)
    const frameKeys = this.#keysOf(frame)
    const rows: number[] = []
    const of: number[] = []
    let at = 0
    for (let w = from; w < to; w++) {
      at = lowerBound(inFrame, hashes[w]!, at)
      for (let row = at; row < inFrame.length && inFrame[row] === hashes[w]; row++) {
        if (!areSame(frameKeys, row, keys, w)) continue
        rows.push(row)
        of.push(idOf(w))
      }
    }
    if (rows.length === 0) return
    const values = this.#types.values.map((_, v) => frame.columns[1 + this.#types.keys.length + v]!)
    const first = this.#columns.add(frame, Int32Array.from(rows), Int32Array.from(of), values, true)
    for (let i = 0; i < rows.length; i++) this.#lists.link(first + i)
  }

  #keysOf(frame: Batch): Column[] {
    return this.#types.keys.map((_, k) => frame.columns[1 + k]!)
  }

  #rowsOf(versions: Int32Array): Batch {
    const { length } = versions
    const columns = this.#columns
    const keys = this.#keys.columns(gatherCodes(columns.ids, versions, length))
    const hash: Column = { type: 'number', data: hashesOfKeys(keys, length), valid: null }
    const time: Column = { type: 'number', data: gatherNumbers(columns.times, versions, length), valid: null }
    const origins = columns.origins && gatherOrigins(columns.origins, versions, length)
    const all = [hash, ...keys, ...columns.columns(versions), time]
    return new Batch(this.#blockSchema, length, all, columns.diffs(versions), origins)
  }
}

/** The share of rows that take others back. */
const backShare = ({ diffs, length }: Batch): number =>
  diffs === null ? 0 : diffs.reduce((count, diff) => count + (diff < 0 ? 1 : 0), 0) / Math.max(1, length)

/** Rows as blocks have them: the hash, keys, values and the time. */
function blockSchema({ keys, values }: VersionTypes): Schema {
  const fields: Fields = { [HASH]: int() }
  keys.forEach((type, k) => {
    fields[`k${k}`] = { ...type, eventTime: false }
  })
  values.forEach((type, v) => {
    fields[`v${v}`] = { ...type, eventTime: false }
  })
  return makeSchema({ ...fields, at: eventTime() })
}
