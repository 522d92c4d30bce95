/** Keys as columns: their hashes, and which of them are the same. */
import { mix32 } from '../../base/hash.ts'
import type { Column } from '../../records/column.ts'
import { hashColumns } from '../../records/key.ts'

/** Mixed once more than those by which rows are routed: a shard has only some of these. */
export function hashesOfKeys(keys: readonly Column[], length: number): Float64Array {
  const hashes = new Float64Array(hashColumns(keys, length))
  for (let i = 0; i < length; i++) hashes[i] = mix32(hashes[i]! ^ 0x5bd1e995)
  return hashes
}

export function areSame(a: readonly Column[], i: number, b: readonly Column[], j: number): boolean {
  for (let c = 0; c < a.length; c++) if (!isSame(a[c]!, i, b[c]!, j)) return false
  return true
}

/** Of columns of one type. Null is null, NaN is NaN. */
function isSame(a: Column, i: number, b: Column, j: number): boolean {
  if (a.type === 'number') {
    const { data, valid } = b as typeof a
    const [x, y] = [a.valid === null || a.valid[i] === 1, valid === null || valid[j] === 1]
    if (!x || !y) return x === y
    return a.data[i] === data[j] || (a.data[i] !== a.data[i] && data[j] !== data[j])
  }
  if (a.type === 'string') {
    const { codes, values } = b as typeof a
    const [x, y] = [a.codes[i]!, codes[j]!]
    return x < 0 || y < 0 ? x === y : a.values[x] === values[y]
  }
  const [x, y] = [a.values[i]!, (b as typeof a).values[j]!]
  return x === null || y === null ? x === y : Buffer.compare(x, y) === 0
}
