/** How much more often pairs of rows hold from one time on: each pair once. Rows are numbers; `NONE` is none. */
import { FEW } from './side-rows.ts'

export class PairChanges {
  readonly #lefts: number[] = []
  readonly #rights: number[] = []
  readonly #diffs: number[] = []
  #size = 0
  /** Where pairs stand that are beyond the first few: by left, then by right row. */
  readonly #places = new Map<number, Map<number, number>>()

  add(left: number, right: number, diff: number): void {
    const known = this.#placeOf(left, right)
    if (known >= 0) {
      this.#diffs[known]! += diff
      return
    }
    const place = this.#size++
    this.#lefts[place] = left
    this.#rights[place] = right
    this.#diffs[place] = diff
    if (place >= FEW) this.#note(place)
  }

  /** Hands over what there is, what is taken back first; from now on there is nothing. */
  take(say: (left: number, right: number, diff: number) => void): void {
    const diffs = this.#diffs
    for (let i = 0; i < this.#size; i++) if (diffs[i]! < 0) say(this.#lefts[i]!, this.#rights[i]!, diffs[i]!)
    for (let i = 0; i < this.#size; i++) if (diffs[i]! > 0) say(this.#lefts[i]!, this.#rights[i]!, diffs[i]!)
    this.#size = 0
    if (this.#places.size > 0) this.#places.clear()
  }

  #placeOf(left: number, right: number): number {
    const few = Math.min(FEW, this.#size)
    for (let i = 0; i < few; i++) if (this.#lefts[i] === left && this.#rights[i] === right) return i
    return this.#size > FEW ? (this.#places.get(left)?.get(right) ?? -1) : -1
  }

  #note(place: number): void {
    const [left, right] = [this.#lefts[place]!, this.#rights[place]!]
    const rights = this.#places.get(left)
    if (rights === undefined) this.#places.set(left, new Map([[right, place]]))
    else rights.set(right, place)
  }
}
