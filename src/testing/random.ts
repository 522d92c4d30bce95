/** Numbers from a seed: a function that gives the next one in [0, 1). */
export type Random = () => number

/** Mulberry32 (Ettinger, public domain). */
export function seededRandom(seed: number): Random {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296
  }
}

/** A whole number in [0, limit). */
export const below = (random: Random, limit: number): number => Math.floor(random() * limit)

export const pick = <T>(random: Random, from: readonly T[]): T => from[below(random, from.length)]!
