/** Versions of the right side's keys, by the keys' numbers: loaded on first use, and forgotten when they are too many. */
import { valuesBytes } from '../../records/batch-bytes.ts'
import type { RightHistory, Version } from './history.ts'

/** What a version takes beside its values. */
const VERSION_BYTES = 96

export class RightVersions {
  readonly #history: RightHistory
  readonly #bytesMax: number
  #versions: Version[][] = []
  #bytes = 0

  constructor(history: RightHistory, bytesMax: number) {
    this.#history = history
    this.#bytesMax = bytesMax
  }

  get memoryBytes(): number {
    return this.#bytes
  }

  /** Those that are at hand. */
  known(id: number): readonly Version[] | undefined {
    return this.#versions[id]
  }

  of(id: number, key: Uint8Array): Version[] {
    let versions = this.#versions[id]
    if (versions === undefined) {
      versions = this.#history.load(key)
      const bytes = versions.reduce((sum, version) => sum + bytesOf(version), 0)
      // In the middle of a batch too: its keys alone may have more versions than there is room for.
      if (this.#bytes + bytes > this.#bytesMax) this.forget()
      this.#bytes += bytes
      this.#versions[id] = versions
    }
    return versions
  }

  /** @param horizon no look-up is before it */
  change(id: number, key: Uint8Array, version: Version, diff: number, horizon: number): void {
    const versions = this.of(id, key)
    this.#history.change(key, versions, version, diff)
    this.#bytes += bytesOf(version)
    this.#history.prune(key, versions, horizon)
  }

  forget(): void {
    this.#versions = []
    this.#bytes = 0
  }
}

const bytesOf = ({ values }: Version): number => VERSION_BYTES + valuesBytes(values ?? [])
