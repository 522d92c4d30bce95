/** `Buffer.slice` shares memory where `Uint8Array.slice` copies: these copy whatever they are given. */
export const copyOf = (bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array =>
  new Uint8Array(bytes.subarray(from, to))

/** Bytes as text, a character each: it compares as they do. `Buffer.from(text, 'latin1')` is the way back. */
export const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
