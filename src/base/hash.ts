/**
 * The hashes that are part of the format: routing of keys to key groups, and checksums.
 * Changing any of them moves keys between shards: it needs a new layout version.
 */
import { crc32 } from 'node:zlib'

/** Murmur3's 32-bit finaliser (Appleby, public domain): every input bit changes every output bit. */
export function mix32(hash: number): number {
  let h = hash | 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Hash of a whole number up to 2^53: the low 32 bits are mixed with the high ones. -0 and 0 are one number. */
export function hashInteger(value: number): number {
  const high = Math.floor(value / 4294967296)
  return mix32((value | 0) ^ Math.imul(high | 0, 0x9e3779b1))
}

/** Hash of a string: murmur-style over its UTF-16 units, two lanes folded by the finaliser. */
export function hashString(value: string): number {
  let h = 0x811c9dc5
  for (let i = 0; i < value.length; i++) h = Math.imul(h ^ value.charCodeAt(i), 0x01000193)
  return mix32(h ^ value.length)
}

/** Hash of bytes, FNV-1a finalised. */
export function hashBytes(value: Uint8Array): number {
  let h = 0x811c9dc5
  for (let i = 0; i < value.length; i++) h = Math.imul(h ^ value[i]!, 0x01000193)
  return mix32(h ^ value.length)
}

/** Folds the hash of a further column into a key's hash. */
export const combineHash = (left: number, right: number): number => mix32(Math.imul(left, 31) ^ right)

/** CRC-32 of bytes; `seed` continues an earlier one. */
export const checksum = (bytes: Uint8Array, seed = 0): number => crc32(bytes, seed)
