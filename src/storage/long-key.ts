/**
 * Keys beyond LMDB's limit of 1978 bytes: stored under their first bytes and a hash, with the whole key before the
 * value. LMDB orders them up to the cut; those that share more than that stand by hash and are sorted when read, so that
 * a range is in bytewise order whatever the lengths.
 */
import { createHash } from 'node:crypto'
import { copyOf } from '../base/bytes.ts'
import type { Entry, RangeOptions } from './environment.ts'

const KEPT = 1900
/** Length of every stored long key, which no short key has. */
const STORED = KEPT + 32
const BELOW_HASHES = Uint8Array.of(0)
const ABOVE_HASHES = new Uint8Array(33).fill(255)

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

export function takeApart(joined: Uint8Array): Entry {
  const length = Buffer.from(joined.buffer, joined.byteOffset, 4).readUInt32LE(0)
  return [copyOf(joined, 4, 4 + length), copyOf(joined, 4 + length)]
}

/** Where a range in the store begins and ends so that no key within the bounds is outside. */
export function storedRange({ from, to }: RangeOptions): RangeOptions {
  return { from: from && boundOf(from, BELOW_HASHES), to: to && boundOf(to, ABOVE_HASHES) }
}

const boundOf = (key: Uint8Array, beside: Uint8Array): Uint8Array =>
  isLong(key) ? Buffer.concat([key.subarray(0, KEPT), beside]) : key

/** Whether a stored long key was cut where the given one was. */
export const isCutAlike = (stored: Uint8Array, key: Uint8Array): boolean =>
  Buffer.compare(stored.subarray(0, KEPT), key.subarray(0, KEPT)) === 0

/** Those of the entries that are within the bounds, in order. */
export const sortedWithin = (entries: readonly Entry[], { from, to }: RangeOptions): Entry[] =>
  entries
    .filter(([key]) => (!from || Buffer.compare(key, from) >= 0) && (!to || Buffer.compare(key, to) < 0))
    .sort(([a], [b]) => Buffer.compare(a, b))
