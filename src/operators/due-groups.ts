/**
 * Groups whose keys begin with the time at which they are due, in the order of their keys: those up to some key have been
 * dealt with. A shard that takes over from others begins before all, with what each group knows of itself.
 */
import { copyOf } from '../base/bytes.ts'
import type { Timestamp } from '../base/time.ts'
import { packValues } from '../records/key.ts'
import type { KeyedTable } from '../storage/table.ts'

/** A shard's own: keys that are shared begin with 2 or more. */
const PASSED = Uint8Array.of(0)
/** Entries that are let go of at a time. */
const GONE_MAX = 16_384

/** Behind the keys of all groups due at this time or before: what follows the time begins with 0 or 1. */
const behind = (time: Timestamp): Uint8Array => Buffer.concat([packValues([time]), Uint8Array.of(255)])

export class DueGroups {
  readonly #groups: KeyedTable
  readonly #progress: KeyedTable
  #passed: Uint8Array = new Uint8Array(0)

  constructor(groups: KeyedTable, progress: KeyedTable) {
    this.#groups = groups
    this.#progress = progress
  }

  /** What was saved, after a restart. */
  open(): void {
    const passed = this.#progress.get(PASSED)
    if (passed !== undefined) this.#passed = copyOf(passed)
  }

  save(): void {
    this.#progress.put(PASSED, this.#passed)
  }

  /** Groups that are due at `time`, at most so many: their table may be written to while they are gone through. */
  next(time: Timestamp, most: number): Uint8Array[] {
    const due: Uint8Array[] = []
    const from = this.#passed.length === 0 ? undefined : Buffer.concat([this.#passed, Uint8Array.of(0)])
    for (const [group] of this.#groups.range({ from, to: behind(time), keysOnly: true })) {
      if (due.length >= most) break
      due.push(copyOf(group))
    }
    return due
  }

  /** This group was dealt with, and all before it. */
  pass(group: Uint8Array): void {
    this.#passed = group
  }
}

/** Lets go of what was due at `time` or before, in tables whose keys begin with such times. */
export function dropDue(tables: readonly KeyedTable[], time: Timestamp): void {
  for (const table of tables) {
    const gone: Uint8Array[] = []
    for (const [key] of table.range({ to: behind(time), keysOnly: true })) {
      if (gone.push(copyOf(key)) === GONE_MAX) break
    }
    for (const key of gone) table.remove(key)
  }
}
