/** A cache: the last key of each chunk of some runs, so that one group is found without reading its neighbours. */
import type { GroupKey } from './group-key.ts'
import { STRING_BYTES } from './value-index.ts'

interface Kept {
  readonly keys: GroupKey[]
  bytes: number
}

export class LastKeys {
  readonly #bytesMax: number
  readonly #runs = new Map<object, Kept>()
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  of(run: object): readonly GroupKey[] | undefined {
    return this.#runs.get(run)?.keys
  }

  keep(run: object, keys: GroupKey[]): void {
    this.forget(run)
    const bytes = keys.reduce<number>((sum, key) => sum + bytesOf(key), 0)
    this.#runs.set(run, { keys, bytes })
    this.#grow(run, bytes)
  }

  /** Of a chunk behind those that are known. */
  add(run: object, key: GroupKey): void {
    const kept = this.#runs.get(run)
    if (kept === undefined) return this.keep(run, [key])
    kept.keys.push(key)
    kept.bytes += bytesOf(key)
    this.#grow(run, bytesOf(key))
  }

  /** The first `count` chunks of the run are gone. */
  drop(run: object, count: number): void {
    const kept = this.#runs.get(run)
    if (kept === undefined || count === 0) return
    const bytes = kept.keys.splice(0, count).reduce<number>((sum, key) => sum + bytesOf(key), 0)
    kept.bytes -= bytes
    this.#bytes -= bytes
  }

  forget(run: object): void {
    this.#bytes -= this.#runs.get(run)?.bytes ?? 0
    this.#runs.delete(run)
  }

  #grow(run: object, bytes: number): void {
    this.#bytes += bytes
    if (this.#runs.get(run)!.bytes > this.#bytesMax / 4) this.forget(run)
    if (this.#bytes <= this.#bytesMax) return
    // All of them go: the next few look-ups read again what they need.
    this.#runs.clear()
    this.#bytes = 0
  }
}

const bytesOf = (key: GroupKey): number => (typeof key === 'string' ? key.length + STRING_BYTES : 8)
