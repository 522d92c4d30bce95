/**
 * Cells: the accumulators of groups, in columns. A slot is one group; each cell keeps one number a slot, exact sums a
 * second one, and a list in the rare case that two do not suffice. Aggregations are functions of cells.
 */
import { invariant } from '../base/errors.ts'
import type { Batch } from '../records/batch.ts'
import type { NumberColumn } from '../records/column.ts'
import { growExpansion, squareError } from './exact-sum.ts'

export type CellKind = 'count' | 'present' | 'sum' | 'square' | 'decayed' | 'min' | 'max'

export interface CellSpec {
  readonly kind: CellKind
  /** Index of the input column; -1 for `count`. */
  readonly column: number
  /** Of `decayed`, in microseconds. */
  readonly halfLife?: number
}

/** What a group's sums hold besides finite numbers: they are counted apart, so that they can be taken back. */
type Special = [nan: number, plus: number, minus: number]

/**
 * Whether a value takes the place of an extreme. What is no number is beyond none, and all others are beyond it: as long as there is none,
 * NaN stands in its place.
 */
export const isBeyond = (kind: CellKind, value: number, extreme: number): boolean =>
  kind === 'max' ? !(value <= extreme) && value === value : !(value >= extreme) && value === value

/** One cell of many groups. */
export class Cell {
  readonly spec: CellSpec
  readonly isSum: boolean
  high: Float64Array
  low: Float64Array
  readonly rest = new Map<number, number[]>()
  readonly special = new Map<number, Special>()
  readonly #empty: number

  constructor(spec: CellSpec, capacity: number) {
    this.spec = spec
    this.isSum = spec.kind === 'sum' || spec.kind === 'square' || spec.kind === 'decayed'
    this.#empty = spec.kind === 'min' || spec.kind === 'max' ? Number.NaN : 0
    this.high = new Float64Array(capacity)
    this.low = new Float64Array(this.isSum ? capacity : 0)
  }

  grow(capacity: number): void {
    const high = new Float64Array(capacity)
    high.set(this.high)
    this.high = high
    if (!this.isSum) return
    const low = new Float64Array(capacity)
    low.set(this.low)
    this.low = low
  }

  reset(slot: number): void {
    this.high[slot] = this.#empty
    if (!this.isSum) return
    this.low[slot] = 0
    if (this.rest.size > 0) this.rest.delete(slot)
    if (this.special.size > 0) this.special.delete(slot)
  }

  /** Adds the rows of a batch; `slots[i]` is the group of row i. */
  addRows(batch: Batch, slots: Int32Array): void {
    const column = this.spec.column < 0 ? null : batch.columns[this.spec.column]!
    const { length, diffs } = batch
    switch (this.spec.kind) {
      case 'count':
        return countRows(this.high, slots, length, diffs)
      case 'present':
        return this.#countPresent(column!, slots, batch)
      case 'sum':
        return this.#sumRows(column as NumberColumn, slots, batch)
      case 'square':
        return this.#squareRows(column as NumberColumn, slots, batch)
      default:
        return this.#extremeRows(column as NumberColumn, slots, batch)
    }
  }

  #countPresent(column: Batch['columns'][number], slots: Int32Array, batch: Batch): void {
    const { length, diffs } = batch
    if (column.type === 'number') {
      if (column.valid === null) return countRows(this.high, slots, length, diffs)
      for (let i = 0; i < length; i++)
        if (column.valid[i] === 1) this.high[slots[i]!]! += diffs === null ? 1 : diffs[i]!
    } else if (column.type === 'string') {
      for (let i = 0; i < length; i++) if (column.codes[i]! >= 0) this.high[slots[i]!]! += batch.diff(i)
    } else for (let i = 0; i < length; i++) if (column.values[i] !== null) this.high[slots[i]!]! += batch.diff(i)
  }

  #sumRows({ data, valid }: NumberColumn, slots: Int32Array, { length, diffs }: Batch): void {
    for (let i = 0; i < length; i++) {
      if (valid !== null && valid[i] === 0) continue
      this.add(slots[i]!, diffs === null ? data[i]! : data[i]! * diffs[i]!, diffs === null ? 1 : diffs[i]!)
    }
  }

  #squareRows({ data, valid }: NumberColumn, slots: Int32Array, { length, diffs }: Batch): void {
    for (let i = 0; i < length; i++) {
      if (valid !== null && valid[i] === 0) continue
      const x = data[i]!
      const diff = diffs === null ? 1 : diffs[i]!
      const square = x * x
      this.add(slots[i]!, square * diff, diff)
      // Whole numbers below 2^26.5 have exact squares; others leave an error term.
      if (x > 94906265 || x < -94906265 || x !== Math.trunc(x)) {
        const error = squareError(x, square)
        if (error !== 0 && Number.isFinite(square)) this.add(slots[i]!, error * diff, diff)
      }
    }
  }

  #extremeRows({ data, valid }: NumberColumn, slots: Int32Array, { length, diffs }: Batch): void {
    invariant(diffs === null, 'AG-1', () => 'min and max saw a batch with retractions')
    const { high } = this
    const { kind } = this.spec
    for (let i = 0; i < length; i++) {
      if (valid !== null && valid[i] === 0) continue
      const slot = slots[i]!
      const x = data[i]!
      if (isBeyond(kind, x, high[slot]!)) high[slot] = x
    }
  }

  /** Adds to an exact sum. `diff` tells a retraction of an infinity or NaN from an insertion. */
  add(slot: number, x: number, diff = 1): void {
    const before = this.high[slot]!
    const sum = before + x
    const back = sum - before
    const error = before - (sum - back) + (x - back)
    if (error === 0) {
      this.high[slot] = sum
      return
    }
    // Not finite: either the summand, or the sum has left the range of doubles.
    if (error !== error) return this.#addSpecial(slot, x, diff)
    this.high[slot] = sum
    const low = this.low[slot]!
    const lowSum = low + error
    const lowBack = lowSum - low
    const lowError = low - (lowSum - lowBack) + (error - lowBack)
    this.low[slot] = lowSum
    if (lowError !== 0) {
      const rest = this.rest.get(slot) ?? []
      growExpansion(rest, lowError)
      this.rest.set(slot, rest)
    }
  }

  #addSpecial(slot: number, x: number, diff: number): void {
    const special = this.special.get(slot) ?? [0, 0, 0]
    const value = x * diff
    special[value !== value ? 0 : value > 0 ? 1 : 2] += diff
    this.special.set(slot, special)
  }

  /**
   * Merges a group of another cell of the same kind into a group of this one; `sign` -1 takes it back (not min and max).
   * @param scale of sums: a power of two by which the other's are multiplied
   */
  merge(slot: number, from: Cell, at: number, sign: 1 | -1 = 1, scale = 1): void {
    const value = from.high[at]!
    switch (this.spec.kind) {
      case 'count':
      case 'present':
        this.high[slot]! += sign * value
        return
      case 'min':
      case 'max':
        if (isBeyond(this.spec.kind, value, this.high[slot]!)) this.high[slot] = value
        return
      default:
        this.add(slot, sign * scale * value)
        if (from.low[at] !== 0) this.add(slot, sign * scale * from.low[at]!)
        if (from.rest.size > 0) for (const part of from.rest.get(at) ?? []) this.add(slot, sign * scale * part)
        if (from.special.size > 0) this.#mergeSpecial(slot, from.special.get(at), sign)
    }
  }

  #mergeSpecial(slot: number, from: Special | undefined, sign: number): void {
    if (from === undefined) return
    const special = this.special.get(slot) ?? [0, 0, 0]
    this.special.set(slot, special.map((count, i) => count + sign * from[i]!) as Special)
  }

  /** Multiplies a sum by a power of two. */
  protected scale(slot: number, by: number): void {
    this.high[slot]! *= by
    this.low[slot]! *= by
    const rest = this.rest.get(slot)
    if (rest !== undefined) for (let i = 0; i < rest.length; i++) rest[i]! *= by
  }

  /** The exact value of a sum as components, or one non-finite number. */
  components(slot: number): readonly number[] {
    const special = this.special.get(slot)
    if (special !== undefined) {
      const [nan, plus, minus] = special
      if (nan > 0 || (plus > 0 && minus > 0)) return [Number.NaN]
      if (plus > 0) return [Number.POSITIVE_INFINITY]
      if (minus > 0) return [Number.NEGATIVE_INFINITY]
    }
    const parts: number[] = []
    for (const part of this.rest.get(slot) ?? []) growExpansion(parts, part)
    growExpansion(parts, this.low[slot]!)
    growExpansion(parts, this.high[slot]!)
    return parts
  }

  /** True where `high` alone is the exact sum. */
  isPlain(slot: number): boolean {
    return this.low[slot] === 0 && (this.rest.size === 0 || !this.rest.has(slot)) && this.special.size === 0
  }
}

function countRows(high: Float64Array, slots: Int32Array, length: number, diffs: Int32Array | null): void {
  if (diffs === null) for (let i = 0; i < length; i++) high[slots[i]!]!++
  else for (let i = 0; i < length; i++) high[slots[i]!]! += diffs[i]!
}

/** The cells of an operator's groups, with the slots that are in use. */
export class CellStore {
  readonly cells: readonly Cell[]
  #capacity = 1024
  #used = 0
  #free: number[] = []

  constructor(specs: readonly CellSpec[]) {
    this.cells = specs.map((spec) => new Cell(spec, this.#capacity))
  }

  get capacity(): number {
    return this.#capacity
  }

  get size(): number {
    return this.#used - this.#free.length
  }

  take(): number {
    const slot = this.#free.pop() ?? this.#used++
    if (slot >= this.#capacity) {
      this.#capacity *= 2
      for (const cell of this.cells) cell.grow(this.#capacity)
    }
    for (const cell of this.cells) cell.reset(slot)
    return slot
  }

  release(slot: number): void {
    this.#free.push(slot)
  }

  addRows(batch: Batch, slots: Int32Array): void {
    for (const cell of this.cells) cell.addRows(batch, slots)
  }

  merge(slot: number, from: readonly Cell[], at: number, sign: 1 | -1 = 1): void {
    for (let c = 0; c < this.cells.length; c++) this.cells[c]!.merge(slot, from[c]!, at, sign)
  }
}
