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

  constructor(specs: readonly CellSpec[], cursors: readonly RunCursor[]) {
    this.#specs = specs
    for (const cursor of cursors) if (cursor.key !== undefined) this.#push(cursor)
  }

  get isDone(): boolean {
    return this.#heap.length === 0
  }

  /** The next groups in key order, until one limit is reached; slot i holds the cells of key i. */
  block(most: BlockLimits): { keys: GroupKey[]; store: CellStore; slots: Int32Array } {
    const store = new CellStore(this.#specs)
    const keys: GroupKey[] = []
    let bytes = 0
    while (this.#heap.length > 0 && keys.length < most.groups && bytes < most.bytes) {
      const key = this.#heap[0]!.key!
      bytes += most.groupBytes + (most.isWide ? (key as string).length : 0)
      const slot = store.take()
      keys.push(key)
      while (this.#heap.length > 0 && this.#heap[0]!.key === key) {
        const cursor = this.#heap[0]!
        store.merge(slot, cursor.cells, cursor.at)
        cursor.step()
        this.#sink()
      }
    }
    return { keys, store, slots: rowNumbers(keys.length) }
  }

  #push(cursor: RunCursor): void {
    const heap = this.#heap
    let at = heap.push(cursor) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(heap[at]!.key!, heap[parent]!.key!)) return
      ;[heap[parent], heap[at]] = [heap[at]!, heap[parent]!]
      at = parent
    }
  }

  /** Puts the first cursor, which has moved, where it belongs; or out, at its end. */
  #sink(): void {
    const heap = this.#heap
    if (heap[0]!.key === undefined) {
      const last = heap.pop()!
      if (heap.length === 0) return
      heap[0] = last
    }
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      if (left >= heap.length) return
      const right = left + 1
      const child = right < heap.length && isBefore(heap[right]!.key!, heap[left]!.key!) ? right : left
      if (!isBefore(heap[child]!.key!, heap[at]!.key!)) return
      ;[heap[at], heap[child]] = [heap[child]!, heap[at]!]
      at = child
    }
  }
}
