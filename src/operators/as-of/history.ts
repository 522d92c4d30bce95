/**
 * The right side of an as-of join with a stream: for each key its versions in order of (event time, origin). The table is the truth;
 * versions of keys in use are kept in memory. Keys: packed key, packed time, origin.
 */

import { packr } from '../../base/packr.ts'
import type { Value } from '../../records/column.ts'
import { packValues } from '../../records/key.ts'
import { type KeyedTable, prefixEnd } from '../../storage/table.ts'

export interface Version {
  readonly time: number
  /** latin1 text of the origin's bytes, which compares as they do. */
  readonly origin: string
  /** When the row that holds began to. */
  readonly since: number
  /** Null where from this time on nothing holds. */
  readonly values: readonly Value[] | null
}

/** The versions of keys, loaded into lists in order of time and kept as they change. */
export interface RightHistory {
  load(key: Uint8Array): Version[]
  change(key: Uint8Array, versions: Version[], version: Version, diff: number): void
  /** Drops what no look-up at or after `horizon` can find, even if a version at `horizon` is taken back. */
  prune(key: Uint8Array, versions: Version[], horizon: number): void
}

export class History implements RightHistory {
  readonly #table: KeyedTable

  constructor(table: KeyedTable) {
    this.#table = table
  }

  /** The versions of a key, oldest first. */
  load(key: Uint8Array): Version[] {
    const versions: Version[] = []
    for (const [, value] of this.#table.range({ from: key, to: prefixEnd(key) })) {
      const [time, origin, values] = packr.unpack(value) as [number, string, Value[]]
      versions.push({ time, origin, since: time, values })
    }
    return versions
  }

  /** Adds (diff +1) or takes back (-1) a version, in the table and in the loaded list. */
  change(key: Uint8Array, versions: Version[], version: Version, diff: number): void {
    const stored = Buffer.concat([key, packValues([version.time]), Buffer.from(version.origin, 'latin1')])
    const at = versions.findIndex((other) => compareVersions(other, version) >= 0)
    const index = at < 0 ? versions.length : at
    const isThere = at >= 0 && compareVersions(versions[at]!, version) === 0
    if (diff > 0) {
      this.#table.put(stored, packr.pack([version.time, version.origin, version.values]))
      versions.splice(index, isThere ? 1 : 0, version)
    } else if (isThere) {
      this.#table.remove(stored)
      versions.splice(index, 1)
    }
  }

  prune(key: Uint8Array, versions: Version[], horizon: number): void {
    while (versions.length > 1 && versions[1]!.time < horizon) this.change(key, versions, versions[0]!, -1)
  }
}

const compareVersions = (a: Version, b: Version): number =>
  a.time - b.time || (a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0)

/** The last version at or before `time`, or undefined. */
export function versionAt(versions: readonly Version[], time: number): Version | undefined {
  const last = versions.at(-1)
  if (last === undefined || last.time <= time) return last
  let low = 0
  let high = versions.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if (versions[middle]!.time <= time) low = middle + 1
    else high = middle
  }
  return versions[low - 1]
}
