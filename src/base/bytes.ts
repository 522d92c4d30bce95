/** `Buffer.slice` shares memory where `Uint8Array.slice` copies: these copy whatever they are given. */
export const copyOf = (bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array =>
  new Uint8Array(bytes.subarray(from, to))

/** What `toString` of a Buffer calls: they take any bytes as they are, where a Buffer over them costs four times the text. */
const { latin1Slice, utf8Slice } = Buffer.prototype as unknown as Record<
  'latin1Slice' | 'utf8Slice',
  (this: Uint8Array, start: number, end: number) => string
>

/** Bytes as text, a character each: it compares as they do. `Buffer.from(text, 'latin1')` is the way back. */
export const latin1 = (bytes: Uint8Array): string => latin1Slice.call(bytes, 0, bytes.length)

/** The text that bytes are the UTF-8 of. */
export const utf8 = (bytes: Uint8Array): string => utf8Slice.call(bytes, 0, bytes.length)
