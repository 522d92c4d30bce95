/** What was overwritten in tables, so that it can be put back. */
import type { KeyedTable } from '../storage/table.ts'

interface Overwritten {
  readonly table: KeyedTable
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

export class UndoLog {
  #overwritten: Overwritten[] = []

  /** The key is about to be written. */
  note(table: KeyedTable, key: Uint8Array): void {
    this.#overwritten.push({ table, key, value: table.get(key)?.slice() ?? null })
  }

  /** What was noted since stands: it will not be put back. */
  forget(): void {
    this.#overwritten = []
  }

  /** Puts back what was noted. @param write puts a value, or removes the key where it is null */
  undo(write: (table: KeyedTable, key: Uint8Array, value: Uint8Array | null) => void): void {
    const undone = this.#overwritten.reverse()
    this.#overwritten = []
    for (const { table, key, value } of undone) write(table, key, value)
  }
}
