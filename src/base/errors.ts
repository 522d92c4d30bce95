/**
 * Errors, sorted by what happens next, not by where they arose.
 *
 * A `UserError` is thrown while building or before anything runs; a `RecordError` sends one row to the dead letters;
 * a `RetryableError` is tried again; a `FencedError` makes a shard leave without writing; a `CorruptionError` asks for
 * another copy; an `InvariantError` is a fault of the program and ends its shard.
 */

export type ErrorKind = 'user' | 'record' | 'retryable' | 'fenced' | 'corruption' | 'invariant'

/** The plain form in which an error crosses threads and processes. */
export interface WireError {
  kind: ErrorKind | 'unknown'
  code: string
  message: string
  stack?: string
}

/** What every error of ours has: the kind (what happens next), a stable code, and a message that names the remedy. */
export class UmbelError extends Error {
  readonly kind: ErrorKind
  readonly code: string

  constructor(kind: ErrorKind, code: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.code = code
    this.name = 'UmbelError'
  }
}

/** The user can mend it: wrong schema, wrong option, missing file. */
export const userError = (code: string, message: string, cause?: unknown) =>
  new UmbelError('user', code, message, cause)

/** Somebody newer owns the shard; leave and write nothing. */
export const fencedError = (message: string) => new UmbelError('fenced', 'fenced', message)

/** Bytes are not what was written; they must be replaced, never read. */
export const corruptionError = (code: string, message: string, cause?: unknown) =>
  new UmbelError('corruption', code, message, cause)

/** The next life replaces the store, from a snapshot or the log. */
export const isDamagedStore = (error: unknown): boolean =>
  error instanceof UmbelError && error.kind === 'corruption' && error.code === 'store'

/** A law of the program is broken; the shard ends and recovers. */
const invariantError = (code: string, message: string) => new UmbelError('invariant', code, message)

/** Asserts an invariant, in production too. `id` is the invariant's id in `docs/invariants.md`. */
export function invariant(holds: boolean, id: string, message: () => string): asserts holds {
  if (!holds) throw invariantError(id, `${id}: ${message()}`)
}

/** The end of a switch over a closed union. */
export function unreachable(value: never): never {
  throw invariantError('unreachable', `unexpected value ${JSON.stringify(value)}`)
}

export function toWireError(error: unknown): WireError {
  if (error instanceof UmbelError) {
    return { kind: error.kind, code: error.code, message: error.message, stack: error.stack }
  }
  if (error instanceof Error) {
    const code = (error as NodeJS.ErrnoException).code ?? error.name
    return { kind: 'unknown', code, message: error.message, stack: error.stack }
  }
  return { kind: 'unknown', code: 'thrown', message: String(error) }
}

export function fromWireError(wire: WireError): Error {
  const error = wire.kind === 'unknown' ? new Error(wire.message) : new UmbelError(wire.kind, wire.code, wire.message)
  if (wire.stack !== undefined) error.stack = wire.stack
  return error
}
