/** Longer copies of typed arrays. One function per element type: each stays monomorphic. */
export function grownNumbers(from: Float64Array, capacity = from.length * 2): Float64Array<ArrayBuffer> {
  const to = new Float64Array(capacity)
  to.set(from)
  return to
}

export function grownCodes(from: Int32Array, capacity = from.length * 2): Int32Array<ArrayBuffer> {
  const to = new Int32Array(capacity)
  to.set(from)
  return to
}

export function grownFlags(from: Uint8Array, capacity = from.length * 2): Uint8Array<ArrayBuffer> {
  const to = new Uint8Array(capacity)
  to.set(from)
  return to
}
