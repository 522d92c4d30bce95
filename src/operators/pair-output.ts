/** The output side of joins: what its rows are made of; and, where rows are versions of keys, pairs of them in columns. */
import { grownCodes, grownNumbers } from '../base/grown.ts'
import { Batch } from '../records/batch.ts'
import type { Column } from '../records/column.ts'
import type { OriginColumn } from '../records/origin.ts'
import type { Schema } from '../records/schema.ts'

/** The columns of the left side, then the fields of the right one. */
export interface PairColumns {
  readonly output: Schema
  readonly leftKeys: readonly string[]
  /** Of the right side. */
  readonly fields: readonly string[]
  readonly left: Schema
}

/** What joins of two sides by key have in common, whatever is kept of their rows. */
export interface JoinPlan extends PairColumns {
  readonly right: Schema
  readonly rightKeys: readonly string[]
  /** No update is older than the watermark by more than this, in microseconds. */
  readonly bound: number
  /** Head of the origins of the output, or null where nothing downstream can tie. */
  readonly origin: Uint8Array | null
}

/** Pairs that are put out at a time. */
export const PAIRS = 8192

/** Columns of the left side beside keys and time. */
export const plainColumns = ({ left, leftKeys }: Pick<PairColumns, 'left' | 'leftKeys'>): string[] =>
  left.names.filter((name) => name !== left.time && !leftKeys.includes(name))

/** What is known of versions. */
export interface PairSources {
  keys(ids: Int32Array): readonly Column[]
  /** Of the left side's columns, and of the right side's fields, by their places; null for `NONE`. */
  left(column: number, versions: Int32Array): Column
  right(column: number, versions: Int32Array): Column
  origins(pairs: Pick<PairList, 'ids' | 'left' | 'right'>): OriginColumn | null
}

/** Pairs on their way out: the key, the versions, of which one may be `NONE`, from when on, and +1 or -1. */
export class PairList {
  ids = new Int32Array(PAIRS)
  left = new Int32Array(PAIRS)
  right = new Int32Array(PAIRS)
  times = new Float64Array(PAIRS)
  diffs = new Int32Array(PAIRS)
  length = 0

  push(id: number, left: number, right: number, time: number, diff: number): void {
    // A row may have many matches.
    if (this.length === this.ids.length) this.#grow()
    this.ids[this.length] = id
    this.left[this.length] = left
    this.right[this.length] = right
    this.times[this.length] = time
    this.diffs[this.length++] = diff
  }

  /** What there is, at least one, as rows; from now on there is none. */
  take(plan: PairColumns, from: PairSources): Batch {
    const { length } = this
    this.length = 0
    const [ids, left, right] = [this.ids.slice(0, length), this.left.slice(0, length), this.right.slice(0, length)]
    const { output, leftKeys, fields } = plan
    const keys = from.keys(ids)
    const plain = plainColumns(plan)
    const columns = output.names.map((name): Column => {
      if (name === output.time) return { type: 'number', data: this.times.slice(0, length), valid: null }
      const key = leftKeys.indexOf(name)
      if (key >= 0) return keys[key]!
      const column = plain.indexOf(name)
      return column >= 0 ? from.left(column, left) : from.right(fields.indexOf(name), right)
    })
    return new Batch(output, length, columns, this.diffs.slice(0, length), from.origins({ ids, left, right }))
  }

  #grow(): void {
    this.ids = grownCodes(this.ids)
    this.left = grownCodes(this.left)
    this.right = grownCodes(this.right)
    this.times = grownNumbers(this.times)
    this.diffs = grownCodes(this.diffs)
  }
}

/** One a key: of a table's updates none ties with another of its key. */
export function originsByKey(
  origin: Uint8Array | null,
  ids: Int32Array,
  keyText: (id: number) => string,
): OriginColumn | null {
  if (origin === null) return null
  const heads: Uint8Array[] = []
  const codes = new Map<number, number>()
  const head = ids.map((id) => {
    let code = codes.get(id)
    if (code === undefined) {
      code = heads.push(Buffer.concat([origin, Buffer.from(keyText(id), 'latin1')])) - 1
      codes.set(id, code)
    }
    return code
  })
  return { heads, head, seq: new Float64Array(ids.length) }
}
