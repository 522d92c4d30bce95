/** The rows of one side of a key, each once: how often each holds, and how much more often than before some updates. */
import { grownCodes } from '../../base/grown.ts'
import type { VersionColumns } from '../key-versions/version-columns.ts'

/** So many rows are compared one by one; of more only those of one hash. */
export const FEW = 8

export class SideRows {
  readonly #columns: VersionColumns
  /** By row: a version that has its values. */
  versions = new Int32Array(FEW)
  now = new Int32Array(FEW)
  more = new Int32Array(FEW)
  size = 0
  /** Whether `more` was ever not 0. */
  isChanged = false
  #total = 0
  #moreTotal = 0
  /** Rows by the hash of their values, where there are many. */
  readonly #byHash = new Map<number, number[]>()

  constructor(columns: VersionColumns) {
    this.#columns = columns
  }

  /** Whether any row holds. */
  get holds(): boolean {
    return this.#total > 0
  }

  /** Whether any did, before the updates. */
  get held(): boolean {
    return this.#total - this.#moreTotal > 0
  }

  clear(): void {
    this.size = 0
    this.isChanged = false
    this.#total = 0
    this.#moreTotal = 0
    if (this.#byHash.size > 0) this.#byHash.clear()
  }

  /** @param hash of its values; 0 of all where there are few */
  rowOf(version: number, hash: number): number {
    if (hash === 0) {
      for (let row = 0; row < this.size; row++) if (this.#columns.isSame(this.versions[row]!, version)) return row
      return this.#take(version)
    }
    const alike = this.#alike(hash)
    let row = alike.find((one) => this.#columns.isSame(this.versions[one]!, version))
    if (row === undefined) {
      row = this.#take(version)
      alike.push(row)
    }
    return row
  }

  /** @param isNew it did not hold before */
  add(row: number, diff: number, isNew: boolean): void {
    this.now[row]! += diff
    this.#total += diff
    if (!isNew) return
    this.isChanged = true
    this.more[row]! += diff
    this.#moreTotal += diff
  }

  /**
   * Puts rows in an order that does not depend on how they came, without those that do not hold.
   * @param hashOf of the values of a version
   * @returns how many hold, each as often as it does
   */
  arrange(hashOf: (version: number) => number): number {
    if (this.size === 0) return 0
    if (this.size === 1 && this.now[0] !== 0) return Math.abs(this.now[0]!)
    const held = Array.from({ length: this.size }, (_, row) => ({ version: this.versions[row]!, now: this.now[row]! }))
      .filter(({ now }) => now !== 0)
      .sort((a, b) => this.#columns.compareValues(a.version, b.version))
    this.size = 0
    this.#byHash.clear()
    for (const { version, now } of held) {
      const row = this.#take(version)
      this.now[row] = now
      const hash = hashOf(version)
      if (hash !== 0) this.#alike(hash).push(row)
    }
    return held.reduce((sum, { now }) => sum + Math.abs(now), 0)
  }

  #alike(hash: number): number[] {
    let alike = this.#byHash.get(hash)
    if (alike === undefined) {
      alike = []
      this.#byHash.set(hash, alike)
    }
    return alike
  }

  #take(version: number): number {
    if (this.size === this.versions.length) {
      this.versions = grownCodes(this.versions)
      this.now = grownCodes(this.now)
      this.more = grownCodes(this.more)
    }
    this.versions[this.size] = version
    this.now[this.size] = 0
    this.more[this.size] = 0
    return this.size++
  }
}
