/** `Buffer.slice` shares memory where `Uint8Array.slice` copies: these copy whatever they are given. */
export const copyOf = (bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array =>
  new Uint8Array(bytes.subarray(from, to))
