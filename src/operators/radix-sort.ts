/** Sorting by whole numbers of 32 bits, digit by digit from the least (Knuth, The Art of Computer Programming 3, 5.2.5). */

const BITS = 11
const BUCKETS = 1 << BITS

/**
 * Sorts `ids` by `numbers[id]`, in place; equal ones stay in their order.
 * @returns false, with nothing done, where one of the numbers is none of 0 to 2^32 - 1
 */
export function sortByNumber(ids: Int32Array, numbers: Float64Array): boolean {
  const { length } = ids
  let keys = new Uint32Array(length)
  let greatest = 0
  for (let i = 0; i < length; i++) {
    const number = numbers[ids[i]!]!
    const key = number >>> 0
    if (key !== number) return false
    keys[i] = key
    if (key > greatest) greatest = key
  }
  let from: Int32Array = ids
  let to: Int32Array = new Int32Array(length)
  let toKeys = new Uint32Array(length)
  for (let shift = 0; shift < 32 && greatest >>> shift > 0; shift += BITS) {
    pass(from, keys, to, toKeys, shift)
    ;[from, to] = [to, from]
    ;[keys, toKeys] = [toKeys, keys]
  }
  if (from !== ids) ids.set(from)
  return true
}

function pass(from: Int32Array, keys: Uint32Array, to: Int32Array, toKeys: Uint32Array, shift: number): void {
  const { length } = from
  const starts = new Uint32Array(BUCKETS + 1)
  for (let i = 0; i < length; i++) starts[((keys[i]! >>> shift) & (BUCKETS - 1)) + 1]!++
  for (let b = 0; b < BUCKETS; b++) starts[b + 1]! += starts[b]!
  for (let i = 0; i < length; i++) {
    const key = keys[i]!
    const place = starts[(key >>> shift) & (BUCKETS - 1)]!++
    to[place] = from[i]!
    toKeys[place] = key
  }
}
