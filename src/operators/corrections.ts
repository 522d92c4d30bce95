/**
 * What has been said and does not hold any more. Groups are noted, with what they come to, before rows change them; when
 * all rows of the epoch are in, the difference is emitted, once a group: nothing where the results are the same.
 */
import { type CellSpec, CellStore } from './cells.ts'
import type { KeyIndex } from './key-index.ts'
import type { Panes } from './panes.ts'

/** The groups of one window, in key order: what was said of them and what should be said. */
export interface GroupChange {
  readonly end: number
  readonly ids: Int32Array
  readonly cells: CellStore
  readonly before: Int32Array
  readonly after: Int32Array
}

export class Corrections {
  readonly #specs: readonly CellSpec[]
  readonly #keys: KeyIndex
  readonly #panes: Panes
  /** By window end: the slot of each noted key. */
  readonly #noted = new Map<number, Map<number, number>>()
  /** By window end: keys that are noted, and not captured yet. */
  readonly #fresh = new Map<number, number[]>()
  #cells: CellStore

  constructor(specs: readonly CellSpec[], keys: KeyIndex, panes: Panes) {
    this.#specs = specs
    this.#keys = keys
    this.#panes = panes
    this.#cells = new CellStore(specs)
  }

  /** A row is about to change this group, of which something was said. */
  note(end: number, id: number): void {
    let slots = this.#noted.get(end)
    if (slots === undefined) {
      slots = new Map()
      this.#noted.set(end, slots)
    }
    if (slots.has(id)) return
    slots.set(id, this.#cells.take())
    const fresh = this.#fresh.get(end)
    if (fresh === undefined) this.#fresh.set(end, [id])
    else fresh.push(id)
  }

  /** Remembers what the groups noted since the last call come to, before the rows are added. */
  capture(): void {
    for (const [end, fresh] of this.#fresh) {
      const ids = this.#sorted(fresh)
      const slots = this.#noted.get(end)!
      const before = ids.map((id) => slots.get(id)!)
      this.#panes.read(end, ids, this.#cells, before)
    }
    this.#fresh.clear()
  }

  /** Hands out every noted group with what it comes to now, and forgets it. Windows in order of their ends. */
  *take(): Iterable<GroupChange> {
    if (this.#noted.size === 0) return
    const cells = this.#cells
    const noted = [...this.#noted].sort(([a], [b]) => a - b)
    this.#noted.clear()
    this.#cells = new CellStore(this.#specs)
    for (const [end, slots] of noted) {
      const ids = this.#sorted(slots.keys())
      const after = ids.map(() => cells.take())
      this.#panes.read(end, ids, cells, after)
      yield { end, ids, cells, before: ids.map((id) => slots.get(id)!), after }
    }
  }

  #sorted(ids: Iterable<number>): Int32Array {
    const sorted = Int32Array.from(ids)
    this.#keys.sort(sorted)
    return sorted
  }
}
