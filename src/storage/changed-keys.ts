/**
 * The keys that commits have written since they were last taken, as long as they fit into a budget: what a snapshot of
 * changes has to read. A commit that is under way when they are taken may be seen by whoever reads then, or not: its keys
 * belong to both sides (SN-2).
 */
import { latin1 } from '../base/bytes.ts'
import type { Write } from './environment.ts'

/** Keys by table, as latin1 text. */
export type KeysByTable = ReadonlyMap<string, ReadonlySet<string>>

/** What a key costs in memory beside its bytes, about. */
const OVERHEAD = 64

export class ChangedKeys {
  readonly #bytesMax: number
  /** Null once they were too many. */
  #keys: Map<string, Set<string>> | null = new Map()
  #bytes = 0
  #underWay: readonly Write[] = []

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** A commit of these begins. */
  begin(writes: readonly Write[]): void {
    this.#underWay = writes
    this.#add(writes)
  }

  /** The commit has come to its end. */
  end(): void {
    this.#underWay = []
  }

  /** What was written since the last time, or null where it was too much to keep; the next time begins now. */
  take(): KeysByTable | null {
    const taken = this.#keys
    this.#keys = new Map()
    this.#bytes = 0
    this.#add(this.#underWay)
    return taken
  }

  #add(writes: readonly Write[]): void {
    if (this.#keys === null) return
    for (const { table, key } of writes) {
      let keys = this.#keys.get(table)
      if (keys === undefined) this.#keys.set(table, (keys = new Set()))
      const before = keys.size
      keys.add(latin1(key))
      if (keys.size > before) this.#bytes += key.length + OVERHEAD
    }
    if (this.#bytes > this.#bytesMax) this.#keys = null
  }
}
