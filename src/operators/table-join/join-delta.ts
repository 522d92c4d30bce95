/**
 * What the join of two tables says differently of one key, once updates are added to what is known of both sides. A join of
 * updates is bilinear: an update of one side goes with each row that holds on the other at its time, and what was known changes
 * what it comes to by as much as the other side holds more than before. So both sides are gone through once in order of time,
 * from the first new update on.
 * See McSherry et al., Differential dataflow, CIDR 2013.
 */
import type { VersionColumns } from '../key-versions/version-columns.ts'
import { NONE } from '../key-versions/version-values.ts'
import { PairChanges } from './pair-changes.ts'
import { FEW, SideRows } from './side-rows.ts'

/**
 * `inner`: rows that match; `left`: and left rows without a match; `full`: and right ones; `semi`: left rows that have a
 * match, `anti`: those that have none.
 */
export type TableJoinKind = 'inner' | 'left' | 'full' | 'semi' | 'anti'

/** Told of pairs of versions, of which one may be `NONE`: from a time on it holds so many times more often. */
export type PairChanged = (left: number, right: number, time: number, diff: number) => void

type Side = 0 | 1
const [LEFT, RIGHT] = [0, 1] as const

/** What is said by itself of a row of each side: nothing, what has a match, or what has none. */
type Single = 'never' | 'matched' | 'alone'
const SINGLE: Record<TableJoinKind, readonly [left: Single, right: Single]> = {
  inner: ['never', 'never'],
  left: ['alone', 'never'],
  full: ['alone', 'alone'],
  semi: ['matched', 'never'],
  anti: ['alone', 'never'],
}

export class JoinDelta {
  readonly #columns: VersionColumns
  readonly #single: readonly [Single, Single]
  readonly #hasPairs: boolean
  readonly #say: PairChanged
  readonly #sides: readonly [SideRows, SideRows]
  readonly #changes = new PairChanges()
  #hashes: ReadonlyMap<number, number> | null = null

  /** @param columns of versions whose first value is the number of their side */
  constructor(columns: VersionColumns, how: TableJoinKind, say: PairChanged) {
    this.#columns = columns
    this.#sides = [new SideRows(columns), new SideRows(columns)]
    this.#single = SINGLE[how]
    this.#hasPairs = how !== 'semi' && how !== 'anti'
    this.#say = say
  }

  /**
   * Says what updates change.
   * @param known versions of the key, in order of time
   * @param from the first version that comes @param to behind the last one; they too are in order of time
   * @returns how many of those that are known take each other back before the first one that comes
   */
  add(known: readonly number[], from: number, to: number): number {
    const { times } = this.#columns
    for (const side of this.#sides) side.clear()
    this.#hashes = known.length + to - from > FEW ? this.#hashesOf(known, from, to) : null
    const start = times[from]!
    let k = 0
    for (; k < known.length && times[known[k]!]! <= start; k++) this.#hold(known[k]!)
    let over = k
    for (const side of this.#sides) over -= side.arrange((version) => this.#hashOf(version))
    for (let a = from; a < to || k < known.length; ) {
      const [added, old] = [
        a < to ? times[a]! : Number.POSITIVE_INFINITY,
        k < known.length ? times[known[k]!]! : Number.POSITIVE_INFINITY,
      ]
      const time = Math.min(added, old)
      const [oldFrom, addedFrom] = [k, a]
      if (old === time) while (k < known.length && times[known[k]!] === time) k++
      if (added === time) while (a < to && times[a] === time) a++
      if (k - oldFrom + a - addedFrom > 1) this.#takeAll(known.slice(oldFrom, k), addedFrom, a)
      else if (k > oldFrom) this.#take(known[oldFrom]!, false)
      else this.#take(addedFrom, true)
      this.#tell(time)
    }
    return over
  }

  /** Says updates of a key that matches nothing: nothing of them is known later. */
  addAlone(from: number, to: number): void {
    const { times } = this.#columns
    for (const side of this.#sides) side.clear()
    this.#hashes = to - from > FEW ? this.#hashesOf([], from, to) : null
    for (let version = from; version < to; version++) {
      const side = this.#sideOf(version)
      if (this.#single[side] === 'alone') {
        const row = this.#sides[side].rowOf(version, this.#hashOf(version))
        this.#change(side, row, NONE, this.#columns.diff(version))
      }
      if (version + 1 === to || times[version + 1] !== times[version]) this.#tell(times[version]!)
    }
  }

  /** Several updates of one time: known ones in an order that does not depend on how they came, which is not stored. */
  #takeAll(known: readonly number[], from: number, to: number): void {
    const columns = this.#columns
    const compare = (a: number, b: number) => columns.compareValues(a, b) || columns.diff(a) - columns.diff(b)
    for (const version of known.length > 1 ? known.toSorted(compare) : known) this.#take(version, false)
    for (let version = from; version < to; version++) this.#take(version, true)
  }

  /** @param isNew what was said did not have it */
  #take(version: number, isNew: boolean): void {
    const side = this.#sideOf(version)
    const diff = this.#columns.diff(version)
    const [own, other] = side === LEFT ? [this.#sides[0], this.#sides[1]] : [this.#sides[1], this.#sides[0]]
    const row = own.rowOf(version, this.#hashOf(version))
    if (this.#hasPairs && (isNew || other.isChanged)) {
      const counts = isNew ? other.now : other.more
      for (let match = 0; match < other.size; match++)
        if (counts[match] !== 0) this.#change(side, row, match, diff * counts[match]!)
    }
    const said = this.#saysSingle(side, other.holds)
    const before = !isNew && this.#saysSingle(side, other.held)
    if (said !== before) this.#change(side, row, NONE, said ? diff : -diff)
    const { held, holds } = own
    own.add(row, diff, isNew)
    if (held !== own.held || holds !== own.holds) this.#turn(side === LEFT ? RIGHT : LEFT, { held, holds }, own)
  }

  /** The other side of some rows has begun to hold any, or does not any more. */
  #turn(side: Side, before: Pick<SideRows, 'held' | 'holds'>, other: SideRows): void {
    const step = (from: boolean, to: boolean) =>
      Number(this.#saysSingle(side, to)) - Number(this.#saysSingle(side, from))
    const [now, then] = [step(before.holds, other.holds), step(before.held, other.held)]
    if (now === 0 && then === 0) return
    const rows = this.#sides[side]
    for (let row = 0; row < rows.size; row++) {
      const diff = (now - then) * rows.now[row]! + then * rows.more[row]!
      if (diff !== 0) this.#change(side, row, NONE, diff)
    }
  }

  #saysSingle(side: Side, isMatched: boolean): boolean {
    const single = this.#single[side]
    return single !== 'never' && isMatched === (single === 'matched')
  }

  #change(side: Side, own: number, other: number, diff: number): void {
    if (side === LEFT) this.#changes.add(own, other, diff)
    else this.#changes.add(other, own, diff)
  }

  #tell(time: number): void {
    const [lefts, rights] = this.#sides
    this.#changes.take((left, right, diff) =>
      this.#say(left < 0 ? NONE : lefts.versions[left]!, right < 0 ? NONE : rights.versions[right]!, time, diff),
    )
  }

  #hold(version: number): void {
    const side = this.#sides[this.#sideOf(version)]
    side.add(side.rowOf(version, this.#hashOf(version)), this.#columns.diff(version), false)
  }

  #sideOf(version: number): Side {
    return this.#columns.number(0, version) as Side
  }

  #hashOf(version: number): number {
    return this.#hashes?.get(version) ?? 0
  }

  /** None is 0. */
  #hashesOf(known: readonly number[], from: number, to: number): Map<number, number> {
    const versions = [...known, ...Array.from({ length: to - from }, (_, i) => from + i)]
    const hashes = this.#columns.hashes(Int32Array.from(versions))
    return new Map(versions.map((version, i) => [version, hashes[i]! || 1]))
  }
}
