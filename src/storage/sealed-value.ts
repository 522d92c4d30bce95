/** Values as they stand in a store: with a checksum of key and value behind, so that a damaged page is never read as state. */
import { corruptionError } from '../base/errors.ts'
import { checksum } from '../base/hash.ts'

const SEAL_BYTES = 4

export function seal(key: Uint8Array, value: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafe(value.length + SEAL_BYTES)
  sealed.set(value)
  sealed.writeUInt32LE(checksum(value, checksum(key)), value.length)
  return sealed
}

/**
 * The value, as a view of the same bytes.
 * @throws corruption `store` when it is not what was written under this key
 */
export function unseal(key: Uint8Array, sealed: Buffer): Uint8Array {
  const length = sealed.length - SEAL_BYTES
  const value = new Uint8Array(sealed.buffer, sealed.byteOffset, Math.max(0, length))
  if (length < 0 || sealed.readUInt32LE(length) !== checksum(value, checksum(key))) {
    throw corruptionError('store', 'a value in the store is damaged: it fails its checksum')
  }
  return value
}
