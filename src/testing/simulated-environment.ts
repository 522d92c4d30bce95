/**
 * A store on a simulated disk: commits take a while, in order; one that is under way when its process dies is there as a
 * whole or not at all.
 */
import { copyOf } from '../base/bytes.ts'
import {
  type Entry,
  type Environment,
  type RangeOptions,
  STORE_FILE,
  type StoreMeta,
  type StoreView,
  type Write,
} from '../storage/environment.ts'
import type { MemoryEnvironment } from '../storage/memory-environment.ts'
import type { SimulatedMachine } from './simulated-seam.ts'
import type { Life } from './world.ts'

export class SimulatedEnvironment implements Environment {
  readonly #machine: SimulatedMachine
  readonly #life: Life
  readonly #content: MemoryEnvironment
  #last: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(machine: SimulatedMachine, life: Life, directory: string) {
    life.check()
    this.#machine = machine
    this.#life = life
    this.#content = machine.disk.storeAt(directory)
  }

  meta(): StoreMeta | null {
    this.#life.check()
    return this.#content.meta()
  }

  get(table: string, key: Uint8Array): Uint8Array | undefined {
    this.#life.check()
    return this.#content.get(table, key)
  }

  range(table: string, options?: RangeOptions): Iterable<Entry> {
    this.#life.check()
    return this.#content.range(table, options)
  }

  async commit(expected: number, meta: StoreMeta, writes: readonly Write[]): Promise<boolean> {
    this.#life.check()
    if (this.#isClosed) throw new Error('the store is closed')
    // As LMDB, it takes the bytes as they are when the commit comes to pass.
    let isDone: boolean | null = null
    const commit = this.#last.then(() =>
      this.#machine.disk.write(this.#life, 1, (done) => {
        if (done === 1) isDone = this.#content.commitNow(expected, meta, writes)
      }),
    )
    this.#last = commit.catch(() => {})
    await commit
    return isDone ?? false
  }

  view(): StoreView {
    this.#life.check()
    return this.#content.view()
  }

  /** Damage of a simulated file is found when it is opened. */
  verify(): Iterable<void> {
    this.#life.check()
    return []
  }

  async copyTo(directory: string): Promise<void> {
    this.#life.check()
    const { disk } = this.#machine
    let bytes: Uint8Array | null = null
    await disk.write(this.#life, 2, (part) => {
      if (part > 0) bytes = copyOf(this.#content.toBytes())
      if (bytes !== null)
        disk.create(`${directory}/${STORE_FILE}`).bytes = Buffer.from(
          part === 2 ? bytes : bytes.subarray(0, bytes.length >> 1),
        )
    })
  }

  async close(): Promise<void> {
    this.#life.check()
    this.#isClosed = true
    await this.#last
  }
}
