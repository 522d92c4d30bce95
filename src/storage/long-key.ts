/**
 * Keys beyond LMDB's limit of 1978 bytes: stored under their first bytes and a hash, with the whole key before the
 * value. Order holds up to the cut; two keys that share more than that sort by hash.
 */
import { createHash } from 'node:crypto'
import { copyOf } from '../base/bytes.ts'

const KEPT = 1900
/** Length of every stored long key, which no short key has. */
const STORED = KEPT + 32

export const isLong = (key: Uint8Array): boolean => key.length > KEPT
export const isStoredLong = (stored: Uint8Array): boolean => stored.length === STORED

export function storedKey(key: Uint8Array): Uint8Array {
  return Buffer.concat([key.subarray(0, KEPT), createHash('sha256').update(key).digest()])
}

export function storedValue(key: Uint8Array, value: Uint8Array): Uint8Array {
  const joined = Buffer.allocUnsafe(4 + key.length + value.length)
  joined.writeUInt32LE(key.length, 0)
  joined.set(key, 4)
  joined.set(value, 4 + key.length)
  return joined
}

export function takeApart(joined: Uint8Array): { key: Uint8Array; value: Uint8Array } {
  const length = Buffer.from(joined.buffer, joined.byteOffset, 4).readUInt32LE(0)
  return { key: copyOf(joined, 4, 4 + length), value: copyOf(joined, 4 + length) }
}
