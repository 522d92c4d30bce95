/**
 * Sums whose values lose half of their weight with each half-life that passes. A value that came at a time is added as
 * value * 2^(time / halfLife - n), where n is the next whole number, and counted at the exponent n: powers of two are exact, so that a
 * sum depends on its values and their times alone, never on order, tiles or retractions, as other sums do (`exact-sum.ts`).
 * What is older than some thousand half-lives is nothing.
 */
import { Cell, type CellSpec } from './cells.ts'
import { roundExpansion } from './exact-sum.ts'

/** A power of two as a double has it: whole, and a remainder in (-1, 0]. */
function halfLives(time: number, halfLife: number): { whole: number; rest: number } {
  const whole = Math.ceil(time / halfLife)
  return { whole, rest: (time - whole * halfLife) / halfLife }
}

/** One decayed sum of many groups: what a slot holds, times 2^exponent, is the sum as of the time 0. */
export class DecayedCell extends Cell {
  readonly #halfLife: number
  /** By slot; -Infinity where nothing has come. */
  exponent: Float64Array

  constructor(spec: CellSpec, capacity: number) {
    super(spec, capacity)
    this.#halfLife = spec.halfLife!
    this.exponent = new Float64Array(capacity)
  }

  override grow(capacity: number): void {
    super.grow(capacity)
    const exponent = new Float64Array(capacity)
    exponent.set(this.exponent)
    this.exponent = exponent
  }

  override reset(slot: number): void {
    super.reset(slot)
    this.exponent[slot] = Number.NEGATIVE_INFINITY
  }

  /** Adds a value that came at a time; `diff` tells a retraction of an infinity or NaN from an insertion. */
  addAt(slot: number, value: number, time: number, diff: number): void {
    const { whole, rest } = halfLives(time, this.#halfLife)
    this.#raise(slot, whole)
    this.add(slot, value * 2 ** rest * 2 ** (whole - this.exponent[slot]!), diff)
  }

  override merge(slot: number, from: DecayedCell, at: number, sign: 1 | -1 = 1): void {
    if (from.exponent[at] === Number.NEGATIVE_INFINITY) return
    this.#raise(slot, from.exponent[at]!)
    super.merge(slot, from, at, sign, 2 ** (from.exponent[at]! - this.exponent[slot]!))
  }

  /** The sum as of a time that is behind all that has come, rounded. */
  valueAt(slot: number, time: number): number {
    const { whole, rest } = halfLives(time, this.#halfLife)
    const parts = this.components(slot)
    const sum = Number.isFinite(parts[0] ?? 0) ? roundExpansion(parts) : parts[0]!
    return sum * 2 ** (this.exponent[slot]! - whole) * 2 ** -rest
  }

  /** So large that no value of the slot is greater than it came. */
  #raise(slot: number, exponent: number): void {
    const before = this.exponent[slot]!
    if (exponent <= before) return
    this.exponent[slot] = exponent
    if (before !== Number.NEGATIVE_INFINITY) this.scale(slot, 2 ** (before - exponent))
  }
}
