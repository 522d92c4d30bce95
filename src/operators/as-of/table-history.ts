/**
 * The right side of an as-of join where it is a table: its updates by key, and the versions that they come to. A version
 * without values says that from then on nothing holds. Keys: packed key, packed time, packed values; each with its count.
 */

import { packr } from '../../base/packr.ts'
import type { Value } from '../../records/column.ts'
import { packValues } from '../../records/key.ts'
import { type KeyedTable, prefixEnd } from '../../storage/table.ts'
import { textOf } from '../fold/fold-row.ts'
import type { RightHistory, Version } from './history.ts'

interface StoredUpdate {
  readonly key: Uint8Array
  readonly time: number
  readonly values: readonly Value[]
  readonly count: number
}

/** A row that holds, how often, and since when. */
interface Holding {
  readonly values: readonly Value[]
  count: number
  since: number
}

export class TableHistory implements RightHistory {
  readonly #table: KeyedTable

  constructor(table: KeyedTable) {
    this.#table = table
  }

  load(key: Uint8Array): Version[] {
    return versionsOf(this.#updates(key))
  }

  change(key: Uint8Array, versions: Version[], { time, values }: Version, diff: number): void {
    this.#add(keyOf(key, time, values!), { time, values: values!, diff })
    versions.splice(0, versions.length, ...this.load(key))
  }

  /** Updates before the last version that a look-up at or after `horizon` can find become one for each row that holds. */
  prune(key: Uint8Array, versions: Version[], horizon: number): void {
    const from = versions.findLast(({ time }) => time < horizon)?.time
    if (from === undefined || versions[0]!.time === from) return
    const updates = this.#updates(key).filter(({ time }) => time <= from)
    for (const update of updates) this.#table.remove(update.key)
    for (const { values, count, since } of holdingAfter(updates).values())
      this.#add(keyOf(key, since, values), { time: since, values, diff: count })
    versions.splice(0, versions.length, ...this.load(key))
  }

  #add(key: Uint8Array, { time, values, diff }: { time: number; values: readonly Value[]; diff: number }): void {
    const known = this.#table.get(key)
    const count = (known === undefined ? 0 : (packr.unpack(known) as [number])[0]) + diff
    if (count === 0) this.#table.remove(key)
    else this.#table.put(key, packr.pack([count, time, values]))
  }

  *#stored(key: Uint8Array): Iterable<StoredUpdate> {
    for (const [stored, value] of this.#table.range({ from: key, to: prefixEnd(key) })) {
      const [count, time, values] = packr.unpack(value) as [number, number, Value[]]
      yield { key: stored, time, values, count }
    }
  }

  /** In order of time. */
  #updates(key: Uint8Array): StoredUpdate[] {
    return [...this.#stored(key)]
  }
}

const keyOf = (key: Uint8Array, time: number, values: readonly Value[]): Uint8Array =>
  Buffer.concat([key, packValues([time, ...values])])

function take(holding: Map<string, Holding>, { time, values, count }: StoredUpdate): void {
  const text = textOf(values)
  const known = holding.get(text)
  if (known === undefined) holding.set(text, { values, count, since: time })
  else {
    if (known.count <= 0) known.since = time
    known.count += count
    if (known.count === 0) holding.delete(text)
  }
}

function holdingAfter(updates: readonly StoredUpdate[]): Map<string, Holding> {
  const holding = new Map<string, Holding>()
  for (const update of updates) take(holding, update)
  return holding
}

/** What holds from each time on: of several rows the one that has come last, of these the greatest. */
function versionsOf(updates: readonly StoredUpdate[]): Version[] {
  const holding = new Map<string, Holding>()
  const versions: Version[] = []
  updates.forEach((update, i) => {
    take(holding, update)
    if (updates[i + 1]?.time === update.time) return
    let best: [text: string, held: Holding] | null = null
    for (const one of holding) if (one[1].count > 0 && (best === null || isAhead(one, best))) best = one
    versions.push({
      time: update.time,
      origin: '',
      since: best?.[1].since ?? update.time,
      values: best?.[1].values ?? null,
    })
  })
  return versions
}

const isAhead = ([text, one]: [string, Holding], [other, best]: [string, Holding]): boolean =>
  one.since > best.since || (one.since === best.since && text > other)
