/**
 * Tells a data file of LMDB from something else before LMDB maps it: what is no environment would end the process, not
 * throw. Looks at the two meta pages as `mdb.c` lays them out (64 bits: a page header of 24 bytes, then `MDB_meta`).
 */
const META_AT = 24
const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const PAGE_BYTES_AT = META_AT + 24
const PAGE_BYTES_MIN = 512

/** Bytes from the start of a file that `whyNotLmdb` looks at, as long as the pages are not larger. */
export const LMDB_HEAD_BYTES = 65_536 + 512

/** Why the file cannot be an environment, or null where it looks like one. `head` is its start. */
export function whyNotLmdb(head: Uint8Array): string | null {
  const view = Buffer.from(head.buffer, head.byteOffset, head.length)
  if (view.length < PAGE_BYTES_AT + 4) return `it has ${view.length} bytes only`
  const pageBytes = view.readUInt32LE(PAGE_BYTES_AT)
  for (const page of [0, 1]) {
    const at = page * pageBytes + META_AT
    if (pageBytes < PAGE_BYTES_MIN || at + 8 > view.length) return `it ends within meta page ${page}`
    if (view.readUInt32LE(at) !== MAGIC) return `meta page ${page} is not one of LMDB`
    const version = view.readUInt16LE(at + 4)
    if (version !== DATA_VERSION) return `it has data version ${version}, not ${DATA_VERSION}`
  }
  return null
}
