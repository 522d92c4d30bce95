/** Merging of sorted runs: any number of cursors, one pass, memory bounded by a chunk a cursor and one block of output. */
import { rowNumbers } from '../records/row-numbers.ts'
import { type Cell, type CellSpec, CellStore } from './cells.ts'
import { type GroupKey, isBefore } from './group-key.ts'

/** Walks groups in key order. */
export interface RunCursor {
  /** The current key; undefined at the end. */
  readonly key: GroupKey | undefined
  readonly cells: readonly Cell[]
  readonly at: number
  step(): void
}

/** How much is merged in one go. */
export interface BlockLimits {
  readonly groups: number
  readonly bytes: number
  /** What each group counts, beside the text of its key. */
  readonly groupBytes: number
  /** Whether texts of keys count. */
  readonly isWide: boolean
}

/** Merges cursors group by group, in blocks, and can be left and gone on with. */
export class RunMerge {
  readonly #specs: readonly CellSpec[]
  /** Binary heap by key: the least is at 0. */
  readonly #heap: RunCursor[] = []
  /** Their current keys, which are compared more often than they change. */
  readonly #keys: GroupKey[] = []

  constructor(specs: readonly CellSpec[], cursors: readonly RunCursor[]) {
    this.#specs = specs
    for (const cursor of cursors) if (cursor.key !== undefined) this.#push(cursor, cursor.key)
  }

  get isDone(): boolean {
    return this.#heap.length === 0
  }

  /** The next groups in key order, within the limits, but at least one; slot i holds the cells of key i. */
  block(most: BlockLimits): { keys: GroupKey[]; store: CellStore; slots: Int32Array } {
    const store = new CellStore(this.#specs)
    const keys: GroupKey[] = []
    const [heap, heapKeys] = [this.#heap, this.#keys]
    let bytes = 0
    while (heap.length > 0 && keys.length < most.groups) {
      const key = heapKeys[0]!
      bytes += most.groupBytes + (most.isWide ? (key as string).length : 0)
      if (bytes > most.bytes && keys.length > 0) break
      const slot = store.take()
      keys.push(key)
      while (heap.length > 0 && heapKeys[0] === key) {
        const cursor = heap[0]!
        store.merge(slot, cursor.cells, cursor.at)
        cursor.step()
        this.#moved(cursor.key)
      }
    }
    return { keys, store, slots: rowNumbers(keys.length) }
  }

  #push(cursor: RunCursor, key: GroupKey): void {
    const [heap, keys] = [this.#heap, this.#keys]
    let at = heap.push(cursor) - 1
    for (let parent = (at - 1) >> 1; at > 0 && isBefore(key, keys[parent]!); parent = (at - 1) >> 1) {
      heap[at] = heap[parent]!
      keys[at] = keys[parent]!
      at = parent
    }
    heap[at] = cursor
    keys[at] = key
  }

  /** Puts the first cursor, which has moved on to a key, where it belongs; or out, at its end. */
  #moved(next: GroupKey | undefined): void {
    const [heap, keys] = [this.#heap, this.#keys]
    let [cursor, key] = [heap[0]!, next]
    if (key === undefined) {
      cursor = heap.pop()!
      key = keys.pop()!
      if (heap.length === 0) return
    }
    let at = 0
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isBefore(keys[child + 1]!, keys[child]!)) child++
      if (!isBefore(keys[child]!, key)) break
      heap[at] = heap[child]!
      keys[at] = keys[child]!
      at = child
    }
    heap[at] = cursor
    keys[at] = key
  }
}
