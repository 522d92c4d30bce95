/**
 * The groups of one window, put together from panes in memory, in key order. Where every cell can be taken back exactly
 * (all but min and max), a window is made from the one before: panes that leave are subtracted, panes that enter added,
 * so that its cost follows the hop and not the size.
 */
import { type CellSpec, CellStore } from './cells.ts'
import { type GroupKey, isBefore } from './group-key.ts'
import type { KeyIndex } from './key-index.ts'
import type { RunCursor } from './merge-runs.ts'
import { Pane } from './pane.ts'
import type { PaneClock } from './window.ts'

/** Groups in key order: key ids, and the slots of their cells. */
export interface OrderedGroups {
  readonly ids: Int32Array
  readonly slots: Int32Array
  readonly cells: CellStore
}

/** A sum of panes that slides along. */
interface Sliding {
  readonly end: number
  readonly groups: Pane
  readonly cells: CellStore
}

export class MemoryWindow {
  readonly #specs: readonly CellSpec[]
  readonly #clock: PaneClock
  readonly #keys: KeyIndex
  readonly #cells: CellStore
  readonly #panes: ReadonlyMap<number, Pane>
  readonly #canSubtract: boolean
  #sliding: Sliding | null = null

  constructor(
    specs: readonly CellSpec[],
    clock: PaneClock,
    keys: KeyIndex,
    cells: CellStore,
    panes: ReadonlyMap<number, Pane>,
  ) {
    this.#specs = specs
    this.#clock = clock
    this.#keys = keys
    this.#cells = cells
    this.#panes = panes
    this.#canSubtract = specs.every(({ kind }) => kind !== 'min' && kind !== 'max')
  }

  /** Groups that it holds beside those of the panes. */
  get size(): number {
    return this.#sliding?.cells.size ?? 0
  }

  /** Panes have changed that a made window may hold: the next one is made from scratch. */
  forget(): void {
    this.#sliding = null
  }

  /** Rows have come with times from `earliest` on. */
  touch(earliest: number): void {
    if (this.#sliding !== null && earliest < this.#sliding.end) this.#sliding = null
  }

  /** A pane is about to be let go: no later window has it. */
  drop(pane: Pane): void {
    const sliding = this.#sliding
    if (sliding === null || pane.start >= sliding.end || pane.start < this.#clock.startOf(sliding.end)) return
    if (this.#canSubtract) this.#add(sliding, pane.start, -1)
    else this.#sliding = null
  }

  /** The groups of the window that ends at `end` that have rows, behind the key `after`. */
  groups(end: number, after: GroupKey | null): OrderedGroups {
    const start = this.#clock.startOf(end)
    const { groups, cells } =
      start + this.#clock.width === end
        ? { groups: this.#panes.get(start) ?? null, cells: this.#cells }
        : this.#slideTo(end)
    if (groups === null) return { ids: new Int32Array(0), slots: new Int32Array(0), cells }
    // Groups without rows are left out here: they must not count against the budget (see `#fire`).
    const counts = cells.cells[0]!.high
    let ids = groups.keys.slice(0, groups.size).filter((id) => counts[groups.find(id)]! > 0)
    this.#keys.sort(ids)
    if (after !== null) ids = ids.filter((id) => isBefore(after, this.#keys.key(id)))
    return { ids, slots: ids.map((id) => groups.find(id)), cells }
  }

  /** A cursor over one pane, behind the key `after`; none where the pane is not in memory. */
  cursors(start: number, after: GroupKey | null): RunCursor[] {
    const pane = this.#panes.get(start)
    if (pane === undefined || pane.size === 0) return []
    let ids = pane.keys.slice(0, pane.size)
    const [keys, store] = [this.#keys, this.#cells]
    keys.sort(ids)
    if (after !== null) ids = ids.filter((id) => isBefore(after, keys.key(id)))
    let index = 0
    const cursor: RunCursor = {
      get key() {
        return index < ids.length ? keys.key(ids[index]!) : undefined
      },
      get cells() {
        return store.cells
      },
      get at() {
        return pane.find(ids[index]!)
      },
      step: () => void index++,
    }
    return [cursor]
  }

  #slideTo(end: number): Sliding {
    const start = this.#clock.startOf(end)
    let sliding = this.#sliding
    if (sliding === null || sliding.end > end || sliding.end <= start || !this.#canSubtract || isMostlyEmpty(sliding)) {
      const cells = new CellStore(this.#specs)
      sliding = { end: start, groups: new Pane(0, cells), cells }
    } else {
      const before = this.#clock.startOf(sliding.end)
      for (let pane = before; pane < start; pane += this.#clock.width) this.#add(sliding, pane, -1)
    }
    for (let pane = Math.max(start, sliding.end); pane < end; pane += this.#clock.width) this.#add(sliding, pane, 1)
    this.#sliding = { ...sliding, end }
    return this.#sliding
  }

  #add({ groups, cells }: Sliding, start: number, sign: 1 | -1): void {
    const pane = this.#panes.get(start)
    if (pane === undefined) return
    for (let i = 0; i < pane.size; i++) {
      const id = pane.keys[i]!
      cells.merge(groups.slotOf(id), this.#cells.cells, pane.find(id), sign)
    }
  }
}

/** Keys that have left the window keep a group without rows; now and then they are cleared out. */
function isMostlyEmpty({ groups, cells }: Sliding): boolean {
  if (groups.size < 1024) return false
  const counts = cells.cells[0]!.high
  let present = 0
  for (let i = 0; i < groups.size; i++) if (counts[groups.find(groups.keys[i]!)]! > 0) present++
  return present * 2 < groups.size
}
