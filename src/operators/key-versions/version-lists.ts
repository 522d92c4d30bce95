/**
 * Which versions in memory a key has, in order of (event time, origin). Most keys have one: it stands in an array, and a list
 * is made where there are more.
 */
import { type Retention, takenBack } from './retention.ts'
import type { VersionColumns } from './version-columns.ts'
import { NONE } from './version-values.ts'

/** A key with more than one version. */
const MANY = -2
/** A key of which nothing is known. */
const UNKNOWN = -3
const LIST_BYTES = 128

export class VersionLists {
  readonly #columns: VersionColumns
  readonly #retention: Retention
  /** By key: its one version, or what is said of it. */
  #one = new Int32Array(0)
  /** By key: its versions, where it has several. */
  #many: (number[] | undefined)[] = []
  #manyCount = 0
  /** No look-up, and no row to come, is before it. */
  horizon: number
  /** Beside the version that was linked last; `NONE` where there is none. */
  before = NONE
  after = NONE

  constructor(columns: VersionColumns, retention: Retention, horizon: number) {
    this.#columns = columns
    this.#retention = retention
    this.horizon = horizon
  }

  get memoryBytes(): number {
    return this.#one.byteLength + this.#manyCount * LIST_BYTES
  }

  /** Those of some keys that were not known, each once; from now on they are, with no version yet. */
  takeUnknown(ids: Int32Array, keys: number): Int32Array {
    if (this.#one.length < keys) {
      const one = new Int32Array(Math.max(1024, keys * 2)).fill(UNKNOWN)
      one.set(this.#one)
      this.#one = one
    }
    const unknown = new Int32Array(ids.length)
    let count = 0
    for (let i = 0; i < ids.length; i++) {
      if (this.#one[ids[i]!] !== UNKNOWN) continue
      this.#one[ids[i]!] = NONE
      unknown[count++] = ids[i]!
    }
    return unknown.subarray(0, count)
  }

  /** The latest version of a key at or before a time. */
  at(id: number, time: number): number {
    const { times } = this.#columns
    const one = this.#one[id]!
    if (one >= 0) return times[one]! <= time ? one : NONE
    if (one === NONE) return NONE
    const list = this.#many[id]!
    if (times[list.at(-1)!]! <= time) return list.at(-1)!
    const behind = this.#behind(list, time)
    return behind === 0 ? NONE : list[behind - 1]!
  }

  /** The versions of a key at two times and between them, in order, into `into`. @returns how many there are */
  between(id: number, from: number, to: number, into: number[]): number {
    const { times } = this.#columns
    const one = this.#one[id]!
    if (one === NONE) return 0
    if (one >= 0) {
      if (times[one]! < from || times[one]! > to) return 0
      into[0] = one
      return 1
    }
    const list = this.#many[id]!
    let count = 0
    for (let i = this.#behind(list, from - 1); i < list.length && times[list[i]!]! <= to; i++) into[count++] = list[i]!
    return count
  }

  /** All versions of a key, in order; they stay as they are until one is linked. */
  all(id: number): readonly number[] {
    const one = this.#one[id]!
    return one === NONE ? [] : one === MANY ? this.#many[id]! : [one]
  }

  /**
   * Makes a version one of its key's; `before` and `after` say between which. Of those before it what cannot be asked for any
   * more is let go: rows may come that follow this one in order, however old they are.
   */
  link(version: number): void {
    const { ids, times } = this.#columns
    const id = ids[version]!
    const one = this.#one[id]!
    this.before = NONE
    this.after = NONE
    if (one === NONE) this.#one[id] = version
    else if (
      this.#retention === 'last' &&
      one !== MANY &&
      times[version]! < this.horizon &&
      this.#columns.compare(one, version) < 0
    ) {
      this.before = one
      this.#columns.drop(one)
      this.#one[id] = version
    } else this.#insert(version, one === MANY ? this.#many[id]! : [one])
  }

  /** Lets go of what takes each other back of a key's versions at or before the horizon; what is not stored yet still is to be. */
  settle(id: number): void {
    const list = this.#many[id]
    if (list === undefined) return
    const columns = this.#columns
    const old = list.slice(0, this.#behind(list, this.horizon))
    const hashes = columns.hashes(Int32Array.from(old))
    const gone = takenBack(old.length, {
      hash: (i) => hashes[i]!,
      diff: (i) => columns.diff(old[i]!),
      areSame: (i, j) => columns.isSame(old[i]!, old[j]!),
    })
    this.#put(
      id,
      list.filter((_, i) => i >= old.length || gone[i] === 0),
    )
  }

  #insert(version: number, list: number[]): void {
    const columns = this.#columns
    const at = this.#place(list, version)
    const isTaken = this.#retention === 'last' && at < list.length && columns.compare(list[at]!, version) === 0
    if (isTaken) columns.drop(list[at]!)
    if (at === list.length) list.push(version)
    else list.splice(at, isTaken ? 1 : 0, version)
    if (at > 0) this.before = list[at - 1]!
    if (at < list.length - 1) this.after = list[at + 1]!
    const over = this.#countOver(list, at)
    for (let i = 0; i < over; i++) columns.drop(list[i]!)
    if (over > 0) list.splice(0, over)
    this.#put(columns.ids[version]!, list)
  }

  #put(id: number, list: number[]): void {
    this.#one[id] = list.length > 1 ? MANY : (list[0] ?? NONE)
    const [was, is] = [this.#many[id], list.length > 1 ? list : undefined]
    if (was === is) return
    this.#many[id] = is
    this.#manyCount += Number(is !== undefined) - Number(was !== undefined)
  }

  /** Of those before `at`. */
  #countOver(list: readonly number[], at: number): number {
    const { times } = this.#columns
    // What comes next decides whether the last one before the horizon can still be asked for.
    const ahead = this.#retention === 'last' ? 1 : 0
    let over = 0
    if (this.#retention === 'net') return over
    while (over < at && times[list[over + ahead]!]! < this.horizon) over++
    return over
  }

  #place(list: readonly number[], version: number): number {
    const columns = this.#columns
    const order = columns.compare(list.at(-1)!, version)
    if (order < 0 || (order === 0 && this.#retention === 'net')) return list.length
    let [low, high] = [0, list.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (columns.compare(list[middle]!, version) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The first place whose version is behind a time. */
  #behind(list: readonly number[], time: number): number {
    const { times } = this.#columns
    let [low, high] = [0, list.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (times[list[middle]!]! <= time) low = middle + 1
      else high = middle
    }
    return low
  }
}
