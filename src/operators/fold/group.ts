/**
 * A group of a fold: what its updates come to, as of the latest, and the recent ones. New updates are folded in at their
 * places: what is behind them is taken out, and put in again on top of them, so that every later version is the right one.
 */

import { packr } from '../../base/packr.ts'
import type { Value } from '../../records/column.ts'
import type { FieldKind } from '../../records/schema.ts'
import type { KeyedTable } from '../../storage/table.ts'
import type { Accumulator, OpenAccumulator } from './accumulator.ts'
import { type FoldRow, settled, textOf } from './fold-row.ts'
import { GroupMembers } from './group-members.ts'
import { Recents } from './recents.ts'

export interface GroupTables {
  readonly groups: KeyedTable
  readonly recent: KeyedTable
  readonly members: KeyedTable
}

/** Rows of the output that hold, as values behind the keys. */
type Holding = readonly (readonly Value[])[]

/** From `time` on these rows hold, or do not hold any more. */
export interface OutputChange {
  readonly time: number
  readonly values: readonly Value[]
  readonly diff: number
}

/** What the accumulator saved, and how many recent updates and members there are. */
type StoredGroup = [saved: unknown, recents: number, members: number]
const NEW: StoredGroup = [null, 0, 0]

export class FoldGroup {
  readonly #tables: GroupTables
  readonly #key: Uint8Array
  readonly #accumulator: Accumulator
  readonly #members: GroupMembers
  readonly #recents: Recents
  /** Entries in the table of recent updates: most groups have none, and are not looked up there. */
  #recentCount: number

  constructor(key: Uint8Array, tables: GroupTables, kinds: readonly FieldKind[], open: OpenAccumulator) {
    this.#tables = tables
    this.#key = key
    const stored = tables.groups.get(key)
    const [saved, count, members] = stored === undefined ? NEW : (packr.unpack(stored) as StoredGroup)
    this.#members = new GroupMembers(tables.members, members)
    this.#accumulator = open({ key, saved, members: this.#members })
    this.#recents = new Recents(tables.recent, key, kinds)
    this.#recentCount = count
  }

  /**
   * Folds updates in, in any order.
   * @param keepFrom no update comes before this time any more: those before it are settled
   * @returns how the output differs from what was said, in order of time
   */
  fold(updates: readonly FoldRow[], keepFrom: number): OutputChange[] {
    const added = settled(updates)
    if (added.length === 0) return []
    const behind = this.#recentCount === 0 ? [] : this.#recents.from(added[0]!.time)
    const rows = behind.length === 0 ? added : settled([...behind, ...added])
    const said = this.#takeOut(behind)
    const start = this.#accumulator.rows()
    const holds = this.#putIn(rows)
    this.#keep(behind, rows, keepFrom)
    return changesOf(start, said, holds)
  }

  /** Settles what is before `keepFrom`. */
  settle(keepFrom: number): void {
    if (this.#recentCount === 0) return
    for (const row of this.#recents.before(keepFrom)) {
      this.#accumulator.settle(row)
      this.#recents.remove(row)
      this.#recentCount--
    }
  }

  /** @returns what is stored of the group; null where nothing is left */
  save(): Uint8Array | null {
    const saved = this.#accumulator.save()
    const members = this.#members.save()
    if (saved === null && this.#recentCount === 0 && members === 0) {
      this.#tables.groups.remove(this.#key)
      return null
    }
    const stored = packr.pack([saved, this.#recentCount, members] satisfies StoredGroup)
    this.#tables.groups.put(this.#key, stored)
    return stored
  }

  /** @returns what held at each time that is taken out */
  #takeOut(rows: readonly FoldRow[]): Map<number, Holding> {
    const said = new Map<number, Holding>()
    for (let i = rows.length - 1; i >= 0; i--) {
      const row = rows[i]!
      if (i === rows.length - 1 || rows[i + 1]!.time !== row.time) said.set(row.time, this.#accumulator.rows())
      this.#accumulator.apply(row, -row.diff)
    }
    return said
  }

  /** @returns what holds at each time that is put in */
  #putIn(rows: readonly FoldRow[]): Map<number, Holding> {
    const holds = new Map<number, Holding>()
    rows.forEach((row, i) => {
      this.#accumulator.apply(row, row.diff)
      if (i === rows.length - 1 || rows[i + 1]!.time !== row.time) holds.set(row.time, this.#accumulator.rows())
    })
    return holds
  }

  /** Settles what is before `keepFrom`, and remembers the rest. */
  #keep(behind: readonly FoldRow[], rows: readonly FoldRow[], keepFrom: number): void {
    const [stored, wanted] = [new Set(behind), new Set(rows)]
    for (const row of behind) if (!wanted.has(row)) this.#forget(row)
    // Those before all of the new ones first.
    if (rows.length > 0) this.settle(Math.min(keepFrom, rows[0]!.time))
    for (const row of rows) {
      if (row.time < keepFrom) {
        this.#accumulator.settle(row)
        if (stored.has(row)) this.#forget(row)
      } else if (!stored.has(row)) {
        this.#recents.put(row)
        this.#recentCount++
      }
    }
  }

  #forget(row: FoldRow): void {
    this.#recents.remove(row)
    this.#recentCount--
  }
}

/** What is to be said at each time, less what was. */
function changesOf(start: Holding, said: Map<number, Holding>, holds: Map<number, Holding>): OutputChange[] {
  const times = [...new Set([...said.keys(), ...holds.keys()])].sort((a, b) => a - b)
  const changes: OutputChange[] = []
  if (said.size === 0) {
    let now = start
    for (const time of times) {
      const then = holds.get(time)!
      if (now.length <= 1 && then.length <= 1) changes.push(...changeOfOne(time, now[0], then[0]))
      else changes.push(...changeOf(time, now, then))
      now = then
    }
    return changes
  }
  let [before, now] = [start, start]
  for (const time of times) {
    const sums = new Sums()
    const [saidThen, holdsThen] = [said.get(time) ?? before, holds.get(time) ?? now]
    sums.add(before, 1)
    sums.add(saidThen, -1)
    sums.add(now, -1)
    sums.add(holdsThen, 1)
    changes.push(...sums.changes(time))
    ;[before, now] = [saidThen, holdsThen]
  }
  return changes
}

function changeOfOne(
  time: number,
  before: Holding[number] | undefined,
  now: Holding[number] | undefined,
): OutputChange[] {
  if (before !== undefined && now !== undefined && before.every((value, i) => isSame(value, now[i]!))) return []
  const changes: OutputChange[] = []
  if (before !== undefined) changes.push({ time, values: before, diff: -1 })
  if (now !== undefined) changes.push({ time, values: now, diff: 1 })
  return changes
}

const isSame = (a: Value, b: Value): boolean =>
  a === b ||
  (Number.isNaN(a) && Number.isNaN(b)) ||
  (a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) === 0)

function changeOf(time: number, before: Holding, now: Holding): Iterable<OutputChange> {
  const sums = new Sums()
  sums.add(before, -1)
  sums.add(now, 1)
  return sums.changes(time)
}

/** How often rows hold, added up. */
class Sums {
  readonly #sums = new Map<string, { values: readonly Value[]; diff: number }>()

  add(rows: Holding, diff: number): void {
    for (const values of rows) {
      const text = textOf(values)
      const known = this.#sums.get(text)
      if (known === undefined) this.#sums.set(text, { values, diff })
      else known.diff += diff
    }
  }

  /** What is taken back first. */
  *changes(time: number): Iterable<OutputChange> {
    const sums = [...this.#sums.values()]
    for (const { values, diff } of sums) if (diff < 0) yield { time, values, diff }
    for (const { values, diff } of sums) if (diff > 0) yield { time, values, diff }
  }
}
