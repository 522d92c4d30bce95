/**
 * The write set: what epochs have changed and the store does not have yet. Reads go through it.
 *
 * Two layers. Epochs write into the open layer; `seal` (at an epoch boundary) makes it the sealed one, which is then
 * committed and dropped with `sealedStored`. While it is being committed, later epochs fill the next open layer.
 */
import { latin1 } from '../base/bytes.ts'
import type { Entry, RangeOptions, StoreReader, Write } from './environment.ts'
import type { KeyedTable } from './table.ts'

interface Pending {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** New keys that are looked through one by one before they are sorted in: a look at few keys must not cost all of them. */
const ADDED_MAX = 32

/**
 * Unstored changes of one table, with its keys in order when asked for: in runs, each less than half as long as the one before, so
 * that a key is moved as often as there are runs, which are few.
 */
class Layer {
  readonly entries = new Map<string, Pending>()
  readonly #runs: string[][] = []
  #added: string[] = []

  /** @returns what the key had here before */
  set(text: string, pending: Pending): Pending | undefined {
    const before = this.entries.get(text)
    if (before === undefined) this.#added.push(text)
    this.entries.set(text, pending)
    return before
  }

  /** Keys within bounds, ascending. */
  keys(low: string | undefined, high: string | undefined): string[] {
    if (this.#added.length > ADDED_MAX) this.#sortAdded()
    let keys: string[] = []
    for (const run of this.#runs) {
      const start = low === undefined ? 0 : lowerBound(run, low)
      if (start === run.length || (high !== undefined && run[start]! >= high)) continue
      const found = run.slice(start, high === undefined ? run.length : lowerBound(run, high))
      keys = keys.length === 0 ? found : mergeSorted(keys, found)
    }
    const added = this.#added.filter((key) => (low === undefined || key >= low) && (high === undefined || key < high))
    return added.length === 0 ? keys : mergeSorted(keys, added.sort())
  }

  #sortAdded(): void {
    let run = this.#added.sort()
    this.#added = []
    while (this.#runs.length > 0 && this.#runs.at(-1)!.length < run.length * 2)
      run = mergeSorted(this.#runs.pop()!, run)
    this.#runs.push(run)
  }
}

function mergeSorted(a: readonly string[], b: readonly string[]): string[] {
  const merged: string[] = []
  let i = 0
  for (const key of b) {
    while (i < a.length && a[i]! < key) merged.push(a[i++]!)
    merged.push(key)
  }
  while (i < a.length) merged.push(a[i++]!)
  return merged
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}
/** Of an entry, beside its key and value, on the heap: its place in the map and the order, and two objects of buffers (measured). */
const OVERHEAD = 300

export class WriteSet {
  readonly #store: StoreReader
  #open = new Map<string, Layer>()
  #sealed: Map<string, Layer> | null = null
  #bytes = 0

  constructor(store: StoreReader) {
    this.#store = store
  }

  /** Approximate bytes that the open layer holds in memory. */
  get bytes(): number {
    return this.#bytes
  }

  get hasSealed(): boolean {
    return this.#sealed !== null
  }

  table(name: string): KeyedTable {
    return {
      get: (key) => this.#get(name, key),
      put: (key, value) => this.#put(name, key, value),
      remove: (key) => this.#put(name, key, null),
      range: (options) => this.#range(name, options),
    }
  }

  /** Closes the open layer and returns its writes, table by table in key order: locality is what LMDB is fast at. */
  seal(): Write[] {
    if (this.#sealed !== null) throw new Error('the write set has a sealed layer already')
    this.#sealed = this.#open
    this.#open = new Map()
    this.#bytes = 0
    const writes: Write[] = []
    for (const [table, layer] of this.#sealed) {
      for (const key of layer.keys(undefined, undefined)) writes.push({ table, ...layer.entries.get(key)! })
    }
    return writes
  }

  /** The sealed layer is in the store now. */
  sealedStored(): void {
    this.#sealed = null
  }

  #get(table: string, key: Uint8Array): Uint8Array | undefined {
    const name = latin1(key)
    const pending = this.#open.get(table)?.entries.get(name) ?? this.#sealed?.get(table)?.entries.get(name)
    return pending === undefined ? this.#store.get(table, key) : (pending.value ?? undefined)
  }

  #put(table: string, key: Uint8Array, value: Uint8Array | null): void {
    let layer = this.#open.get(table)
    if (layer === undefined) this.#open.set(table, (layer = new Layer()))
    const before = layer.set(latin1(key), { key, value })
    // A hot key is held once, however often it is written.
    this.#bytes += before === undefined ? OVERHEAD + key.length * 2 : -(before.value?.length ?? 0)
    this.#bytes += value?.length ?? 0
  }

  *#range(table: string, options: RangeOptions = {}): Iterable<Entry> {
    const low = options.from && latin1(options.from)
    const high = options.to && latin1(options.to)
    const layers = [this.#open.get(table), this.#sealed?.get(table)].filter((layer) => layer !== undefined)
    const overlay = new Map<string, Pending>()
    for (const layer of layers.reverse()) {
      for (const key of layer.keys(low, high)) overlay.set(key, layer.entries.get(key)!)
    }
    if (overlay.size === 0) return yield* this.#store.range(table, options)
    const pending = layers.length > 1 ? [...overlay.keys()].sort() : [...overlay.keys()]
    let next = 0
    for (const entry of this.#store.range(table, options)) {
      const key = latin1(entry[0])
      while (next < pending.length && pending[next]! < key) yield* present(overlay.get(pending[next++]!)!)
      if (next < pending.length && pending[next] === key) yield* present(overlay.get(pending[next++]!)!)
      else yield entry
    }
    while (next < pending.length) yield* present(overlay.get(pending[next++]!)!)
  }
}

function* present({ key, value }: Pending): Iterable<Entry> {
  if (value !== null) yield [key, value]
}
