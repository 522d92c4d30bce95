/** A column put together from the values of another. */
import type { Column } from '../records/column.ts'

/** The values at the given codes; -1 stands for the value at `none`. */
export function pickColumn(column: Column, codes: Int32Array, none: number): Column {
  if (column.type === 'string') {
    return { type: 'string', codes: codes.map((code) => column.codes[code < 0 ? none : code]!), values: column.values }
  }
  if (column.type === 'bytes') {
    return { type: 'bytes', values: Array.from(codes, (code) => column.values[code < 0 ? none : code]!) }
  }
  const data = new Float64Array(codes.length)
  const valid = new Uint8Array(codes.length)
  let nulls = 0
  for (let i = 0; i < codes.length; i++) {
    const at = codes[i]! < 0 ? none : codes[i]!
    data[i] = column.data[at]!
    valid[i] = column.valid === null ? 1 : column.valid[at]!
    if (valid[i] === 0) nulls++
  }
  return { type: 'number', data, valid: nulls > 0 ? valid : null }
}
