/** The sessions of one key: their rows, accumulators, and what holds of each. */

import { checksum, combineHash } from '../base/hash.ts'
import { packr } from '../base/packr.ts'
import type { Value } from '../records/column.ts'
import { packValues, unpackKey } from '../records/key.ts'
import type { FieldKind } from '../records/schema.ts'
import { type KeyedTable, prefixEnd } from '../storage/table.ts'
import type { Accumulator, OpenAccumulator } from './fold/accumulator.ts'
import { type FoldRow, settled } from './fold/fold-row.ts'
import { Recents } from './fold/recents.ts'

export interface SessionTables {
  /** Keys: the key, then the time of the session's last row. */
  readonly sessions: KeyedTable
  /** Of all sessions, in order. */
  readonly rows: KeyedTable
  readonly members: KeyedTable
}

export interface SessionSettings {
  readonly gap: number
  readonly kinds: readonly FieldKind[]
  readonly open: OpenAccumulator
}

interface Session {
  readonly start: number
  /** The time of its last row. */
  readonly last: number
  readonly saved: unknown
  readonly isSaid: boolean
}

/** What a session comes to; its rows only where it was said. */
export interface SaidSession {
  readonly start: number
  readonly last: number
  readonly isSaid: boolean
  readonly rows: readonly (readonly Value[])[]
}

export interface SessionChange {
  readonly before: readonly SaidSession[]
  readonly after: readonly SaidSession[]
  /** Of what is stored of them. */
  readonly digest: number
}

export class KeySessions {
  readonly #key: Uint8Array
  readonly #tables: SessionTables
  readonly #settings: SessionSettings
  readonly #rows: Recents
  #digest = 0

  constructor(key: Uint8Array, tables: SessionTables, settings: SessionSettings) {
    this.#key = key
    this.#tables = tables
    this.#settings = settings
    this.#rows = new Recents(tables.rows, key, settings.kinds)
  }

  /**
   * Takes updates in, in any order.
   * @param isSaid whether a session that ends with a row at such a time is said
   */
  take(given: readonly FoldRow[], isSaid: (last: number) => boolean): SessionChange {
    const updates = this.#withTakenBack(settled(given))
    const touched = this.#touchedBy(updates)
    const before = touched.map((one) => this.#saidOf(one, this.#open(one)))
    const longer = this.#prolonged(touched, updates)
    const after = longer !== null ? [this.#prolong(longer, updates, isSaid)] : this.#remake(touched, updates, isSaid)
    return { before, after, digest: this.#digest }
  }

  /** Marks a session as said. @returns what it comes to, or null where it was said before, or is gone */
  say(last: number): SaidSession | null {
    const session = this.#at(last)
    if (session === null || session.isSaid) return null
    this.#put({ ...session, isSaid: true })
    return this.#saidOf({ ...session, isSaid: true }, this.#open(session))
  }

  /** Lets go of a session and its rows. */
  forget(last: number): void {
    const session = this.#at(last)
    if (session === null) return
    this.#remove(session)
    for (const row of this.#rows.within(session.start, last)) this.#rows.remove(row)
  }

  /** With rows that were taken back before they came: these are in no session, and go with what they take back. */
  #withTakenBack(updates: readonly FoldRow[]): readonly FoldRow[] {
    const early = updates.flatMap((row) => {
      const diff = this.#rows.countOf(row)
      return diff < 0 ? [{ ...row, diff }] : []
    })
    if (early.length === 0) return updates
    for (const row of early) this.#rows.remove(row)
    return settled([...updates, ...early])
  }

  /** Sessions that these updates, which are in order, may change. */
  #touchedBy(updates: readonly FoldRow[]): Session[] {
    const { gap } = this.#settings
    const found: Session[] = []
    for (const { time } of updates) {
      const from = Math.max(time - gap, found.length === 0 ? Number.NEGATIVE_INFINITY : found.at(-1)!.last + 1)
      for (const session of this.#from(from)) {
        if (session.start > time + gap) break
        found.push(session)
      }
    }
    return found
  }

  /** Sessions whose last row is at a time or behind it, in order. */
  *#from(time: number): Iterable<Session> {
    const from = Buffer.concat([this.#key, packValues([time])])
    for (const [key, value] of this.#tables.sessions.range({ from, to: prefixEnd(this.#key) }))
      yield this.#sessionOf(unpackKey(key.subarray(this.#key.length), ['time']), value)
  }

  #at(last: number): Session | null {
    const stored = this.#tables.sessions.get(Buffer.concat([this.#key, packValues([last])]))
    return stored === undefined ? null : this.#sessionOf([last], stored)
  }

  #sessionOf([last]: readonly Value[], stored: Uint8Array): Session {
    const [start, saved, isSaid] = packr.unpack(stored) as [number, unknown, boolean]
    return { start, last: last as number, saved, isSaid }
  }

  /** The session that these updates only make longer, or fuller; null where they do something else. */
  #prolonged(touched: readonly Session[], updates: readonly FoldRow[]): Session | null {
    const [session] = touched
    if (session === undefined || touched.length > 1) return null
    let { last } = session
    for (const { time, diff } of updates) {
      if (diff < 0 || time < session.start || time > last + this.#settings.gap) return null
      last = Math.max(last, time)
    }
    return session
  }

  #prolong(session: Session, updates: readonly FoldRow[], isSaid: (last: number) => boolean): SaidSession {
    const accumulator = this.#open(session)
    for (const row of updates) accumulator.apply(row, row.diff)
    this.#keep(updates)
    const last = Math.max(session.last, updates.at(-1)!.time)
    this.#tables.sessions.remove(this.#keyOf(session))
    const longer = { ...session, last, saved: accumulator.save(), isSaid: isSaid(last) }
    this.#put(longer)
    return this.#saidOf(longer, accumulator)
  }

  /** Makes sessions anew of all rows of those that are touched, and the updates. */
  #remake(touched: readonly Session[], updates: readonly FoldRow[], isSaid: (last: number) => boolean): SaidSession[] {
    const known = touched.flatMap(({ start, last }) => this.#rows.within(start, last))
    const rows = settled([...known, ...updates])
    for (const row of known) this.#rows.remove(row)
    for (const row of rows) this.#rows.put(row)
    for (const session of touched) this.#remove(session)
    return this.#parts(rows).map((part) => {
      const [start, last] = [part[0]!.time, part.at(-1)!.time]
      const accumulator = this.#open({ start, saved: null })
      for (const row of part) accumulator.apply(row, row.diff)
      const session = { start, last, saved: accumulator.save(), isSaid: isSaid(last) }
      this.#put(session)
      return this.#saidOf(session, accumulator)
    })
  }

  /** Rows in order, parted where they are further apart than the gap. What is taken back before it came is in none. */
  #parts(rows: readonly FoldRow[]): FoldRow[][] {
    const parts: FoldRow[][] = []
    for (const row of rows) {
      if (row.diff < 0) continue
      const part = parts.at(-1)
      if (part === undefined || row.time > part.at(-1)!.time + this.#settings.gap) parts.push([row])
      else part.push(row)
    }
    return parts
  }

  /** Adds rows to those that are kept. */
  #keep(updates: readonly FoldRow[]): void {
    const [first, last] = [updates[0]!.time, updates.at(-1)!.time]
    const known = this.#rows.within(first, last)
    for (const row of known) this.#rows.remove(row)
    for (const row of settled([...known, ...updates])) this.#rows.put(row)
  }

  #open({ start, saved }: Pick<Session, 'start' | 'saved'>): Accumulator {
    const key = Buffer.concat([this.#key, packValues([start])])
    return this.#settings.open({ key, saved, members: this.#tables.members })
  }

  #saidOf({ start, last, isSaid }: Session, accumulator: Accumulator): SaidSession {
    return { start, last, isSaid, rows: isSaid ? accumulator.rows() : [] }
  }

  #keyOf({ last }: Pick<Session, 'last'>): Uint8Array {
    return Buffer.concat([this.#key, packValues([last])])
  }

  #put(session: Session): void {
    const { start, saved, isSaid } = session
    const stored = packr.pack([start, saved, isSaid])
    this.#tables.sessions.put(this.#keyOf(session), stored)
    this.#digest = combineHash(this.#digest, checksum(stored))
  }

  #remove(session: Session): void {
    this.#tables.sessions.remove(this.#keyOf(session))
    const prefix = Buffer.concat([this.#key, packValues([session.start])])
    const members = [...this.#tables.members.range({ from: prefix, to: prefixEnd(prefix) })].map(([key]) => key)
    for (const key of members) this.#tables.members.remove(key)
  }
}
